"""Phone numbers: one form inside, and a masked one wherever they are shown.

Plivo mixes forms: the top-level `virtual_number` of an answer has a `+`, the numbers
inside `session` have none (plivo-contract 1.3). Here a number is E.164 with `+`. What
people and carriers write in callbacks is read by `masking.core.callers`.
"""

from __future__ import annotations

import base64
import hmac
import re

E164 = re.compile(r"\+?[1-9][0-9]{6,14}", re.ASCII)


def normal(number: str) -> str:
    """Return *number* in E.164 with `+`. Raises ValueError if it is no such number."""
    if not E164.fullmatch(number):
        message = "not a phone number in E.164"
        raise ValueError(message)
    return "+" + number.removeprefix("+")


def normal_or_none(number: object) -> str | None:
    """Return a number of Plivo's answers in E.164 with `+`; None if it is not one."""
    if isinstance(number, int) and not isinstance(number, bool):
        number = str(number) if 0 < number < 10**15 else ""
    if not isinstance(number, str) or not E164.fullmatch(number.strip()):
        return None
    return normal(number.strip())


# Calling codes: these have one or two digits, all others three (ITU-T E.164.D).
CALLING_CODE = re.compile(
    r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}", re.ASCII
)


def calling_code(number: str) -> str | None:
    """Return the calling code of a number's country with `+`, which names nobody."""
    digits = number.removeprefix("+")
    match = CALLING_CODE.match(digits) if E164.fullmatch(digits) else None
    return f"+{match.group()}" if match else None


def hashed(key: bytes, number: str) -> str:
    """Return the keyed hash under which a number is found: 24 characters, 144 bits."""
    digest = hmac.digest(key, number.encode("utf-8", "surrogatepass"), "sha256")
    return base64.urlsafe_b64encode(digest[:18]).decode()


def masked(text: object) -> object:
    """Hide all but the last two of every run of four or more digits in *text*.

    Addresses of SIP and mail are hidden whole, and the user that a URL names with the
    password. Other values are returned as they are, but for numbers of that many
    digits.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        if abs(text) <= 999_999 or text != text or abs(text) == float("inf"):
            return text
        if isinstance(text, float):
            return masked(f"{text:.0f}")
        # Python refuses to write out a whole number of more than 4,300 digits.
        return masked(str(text)) if abs(text) < 10**400 else "*" * 400
    if not isinstance(text, str):
        return text
    return DIGITS.sub(_hide, NAMES.sub("***", without_user(text)))


# Digits of any script, with what stands between them in a number: spaces, brackets,
# dashes, and characters that nobody sees.
DIGITS = re.compile(
    r"\d[\d\s()\[\].\-\u00ad\u200b-\u200f\u2010-\u2015\u2060\u2212\ufeff]{2,}\d"
)

# Names of people at a host, also as SIP has them; bounded, so that the time is as well.
NAMES = re.compile(
    r"(?i:sips?:)[^\s;,<>\"']+|[^\s;,<>\"'/:@=&?]{1,64}@[^\s;,<>\"'/:@=&?]{1,255}"
)


# What ends the user in a URL: @ in the forms that some reader takes for one.
AT = ("@", "%40", "\uff20", "\ufe6b")
URL = re.compile(r"https?://", re.IGNORECASE)
ANY_URL = re.compile(r".*?//", re.DOTALL)


def without_user(text: str, *, is_url: bool = False) -> str:
    """Hide the user and the password in a URL, however it is spoilt.

    A password may hold any character, so all from `//` to the last @ is hidden. Of what
    *is_url* only `http://` or `https://` stays before that.
    """
    end = max(map(text.rfind, AT))
    found = (URL if is_url else ANY_URL).match(text, 0, max(end, 0))
    if end < 0 or not (found or is_url):
        return text
    return f"{found.group() if found else ''}***{text[end:]}"


def _hide(match: re.Match[str]) -> str:
    run = match.group()
    return "*" * (len(run) - 2) + run[-2:]
