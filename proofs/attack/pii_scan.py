"""Find phone numbers and PINs in anything, in whatever form they may have come out.

The search is for the digits, with or without the country's calling code: bare or with
separators, in any script's digits, URL-encoded (also twice), escaped as in JSON or
HTML, in hexadecimal, in base64 at each of the three alignments, and masked so that more
than the last two digits or more than the area code can be read.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

# Of a masked number: more of its end, or more of its beginning, than may be shown.
MOST_LAST = 2
MOST_FIRST = 5

# Digits of the calling code that a number may be written without.
CALLING_CODE = 1

BETWEEN = r"[\s().\-_/]{0,3}"
HIDDEN = r"[*xX#•.]"

Form = str


@dataclass(frozen=True)
class Found:
    """A secret that came out: which, in which form, where, and the text around it."""

    secret: str
    form: Form
    source: str
    around: str


def number(ordinal: int) -> str:
    """Return the reserved phone number of an ordinal below 100."""
    return f"+120255501{ordinal:02d}"


def found_in(source: str, text: str, secrets: Iterable[str]) -> Iterator[Found]:
    """Find *secrets* (numbers in E.164, PINs) in *text*; each form of each once."""
    readings = dict(_readings(text))
    for secret in secrets:
        patterns = _patterns(secret)
        seen: set[Form] = set()
        for reading, read in readings.items():
            for form, pattern in patterns:
                match = pattern.search(read)
                if match and form not in seen:
                    seen.add(form)
                    start = max(0, match.start() - 40)
                    around = read[start : match.end() + 20]
                    yield Found(secret, f"{form}, {reading}", source, around)


def _readings(text: str) -> Iterator[tuple[str, str]]:
    """Yield *text* as it is, and decoded in each way that changes it."""
    yield "as it is", text
    seen = {text}
    decoded = {
        "URL-encoded": unquote(text),
        "URL-encoded twice": unquote(unquote(text)),
        "JSON-escaped": re.sub(
            r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text
        ),
        "HTML-escaped": html.unescape(text),
        "in other digits": unicodedata.normalize("NFKC", text),
    }
    for name, read in decoded.items():
        if read not in seen:
            seen.add(read)
            yield name, read


@lru_cache(maxsize=256)
def _patterns(secret: str) -> tuple[tuple[Form, re.Pattern[str]], ...]:
    digits = secret.removeprefix("+")
    core = digits[CALLING_CODE:] if secret.startswith("+") else digits
    first = len(core) - len(digits) + MOST_FIRST
    spelled = BETWEEN.join(core)
    endings = "|".join(core[-n:] for n in range(MOST_LAST + 1, len(core)))
    beginnings = "|".join(core[:n] for n in range(max(first, 1), len(core)))
    encoded = "|".join(map(re.escape, _base64_of(core)))
    return (
        ("digits", re.compile(spelled)),
        ("hexadecimal", re.compile(core.encode().hex())),
        ("base64", re.compile(encoded)),
        ("its end", re.compile(rf"{HIDDEN}{{2}}[ -]?(?:{endings})(?!\d)")),
        ("its beginning", re.compile(rf"(?<!\d)\+?1?(?:{beginnings}){HIDDEN}{{2}}")),
    )


def _base64_of(text: str) -> Iterator[str]:
    """Yield what base64 makes of *text* at each alignment in other text."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + text.encode()).decode()
        # The first and the last character hold bits of what stands beside it.
        first = -(-offset * 8 // 6)
        last = (offset + len(text)) * 8 // 6
        yield encoded[first:last]
