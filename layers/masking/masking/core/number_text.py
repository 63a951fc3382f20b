"""Read the text of a number: take off what is only writing.

Callers come as SIP and `tel:` addresses, with a name beside them, with spaces, brackets
and dashes, in digits of other scripts, and as words for "no number".
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

# The one spelling of a caller who hides, as SIP has it (RFC 3323).
ANONYMOUS = "anonymous"

# Longer texts are no number; they are not looked into.
LONGEST = 300

HIDING_WORDS = frozenset(
    {
        *(ANONYMOUS, "anon", "blocked", "hidden", "private", "restricted", "secret"),
        *("unavailable", "unknown", "unlisted", "withheld", "notavailable", "none"),
        *("na", "nocallerid", "noclid", "nonumber", "nocli", "outofarea"),
    }
)

# Words of which some carriers send the keys of a telephone: 266696687 is ANONYMOUS.
KEYED_WORDS = (
    *(ANONYMOUS, "blocked", "private", "restricted", "unavailable", "unknown"),
    "withheld",
)
KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
HIDING_DIGITS = frozenset(word.translate(KEYS) for word in KEYED_WORDS)

# Words around a word for no number: `Private number`, `Caller ID withheld`.
AROUND = r"(?:caller|callerid|callersid|clid|cli|id|number|name|user)"
HIDING = re.compile(rf"(?:{AROUND})*({'|'.join(sorted(HIDING_WORDS))})(?:{AROUND})*")

# A missing value that was made into text.
NULLS = frozenset({"null", "nil", "undefined"})

SCHEME = re.compile(r"(?i)(?:tel|sips?|callto|phone):(?://)?")
IN_ANGLES = re.compile(r"<([^<>]*)>")
EXTENSION = re.compile(
    r"(?i)[\s,;]*(?:\bext(?:ension|n)?[.:=]?|(?<=[\d\s,;])[x#])\s*\d{1,7}\s*$"
)
CONTEXT = re.compile(r"(?i);phone-context=(\+[0-9]{1,4})(?:;|$)")
SEPARATORS = re.compile(
    r"[\s()\[\].\-/\u00ad\u00b7\u2010-\u2015\u2022\u2212]", re.UNICODE
)


def readable(value: str) -> str:
    """Return a text in plain characters: digits in ASCII, nothing invisible."""
    if len(value) > LONGEST:
        return value
    text = unquote(value) if "%" in value else value
    text = unicodedata.normalize("NFKC", text)
    visible = [each for each in text if unicodedata.category(each) not in ("Cf", "Cc")]
    plain = (str(unicodedata.decimal(each, each)) for each in visible)
    return "".join(plain).strip()


def is_null(value: str) -> bool:
    """Return whether a text is a missing value that was made into text."""
    return value.strip().casefold() in NULLS


def is_hidden(text: str) -> bool:
    """Return whether a readable text says that there is no number."""
    if len(text) > LONGEST:
        return False
    user, _, host = address_in(text).partition("@")
    if host.casefold().endswith(".invalid"):
        return True
    word = re.sub(r"[\W_]+", "", user.casefold())
    if not word or HIDING.fullmatch(word):
        return True
    return word in HIDING_DIGITS or set(word) == {"0"}


def bare_text(text: str) -> str:
    """Return a readable text without separators, `+` in place of an 00 before it.

    What is no number comes out as some text that is none either.
    """
    if len(text) > LONGEST:
        return ""
    address = address_in(text)
    context = CONTEXT.search(text)
    address = EXTENSION.sub("", address).partition("@")[0].partition(";")[0]
    digits = re.sub(r"(?<=\d)\.0$", "", address.strip())
    if digits.startswith(("+", "00")):
        # A trunk prefix that is only dialed within the country: +44 (0)20.
        digits = re.sub(r"\(0\)", "", digits)
    digits = SEPARATORS.sub("", digits)
    if digits.startswith("00"):
        return "+" + digits.removeprefix("00")
    if context and not digits.startswith("+"):
        # Only Italy's numbers keep the zero.
        is_kept = context[1] == "+39"
        return context[1] + (digits if is_kept else digits.removeprefix("0"))
    return digits


def digits_in(text: str) -> str:
    """Return all digits of a text in order, in ASCII, whatever stands between them."""
    return "".join(each for each in readable(text[:LONGEST]) if each in "0123456789")


def address_in(text: str) -> str:
    """Return user and host of an address, without its name, scheme and parameters."""
    inner = IN_ANGLES.search(text)
    address = (inner[1] if inner else text).strip().strip("\"'")
    match = SCHEME.match(address)
    if not match:
        return address
    address = address[match.end() :].partition("?")[0]
    user, at, host = address.partition("@")
    # A password, and parameters of the user or of the host.
    user = user.partition(";")[0].partition(":")[0]
    return f"{user}{at}{host.partition(';')[0].partition(':')[0]}"
