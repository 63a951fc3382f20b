"""Read the values of XML attributes: what each may be, and what it means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MAX_PHRASES = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """What an attribute may be, in *words*, and how its text is read.

    *read* returns the value or raises ValueError. *kind* is `value`, `url` or
    `method`: for some elements Plivo has hangup causes of their own for the last two.
    """

    words: str
    read: Callable[[str], Any]
    kind: str = "value"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an element: its name in XML, and the rule for its value."""

    name: str
    rule: Rule


def attribute(name: str, rule: Rule, default: Any = None) -> Any:
    """Define a field of an element that is written as the attribute *name*."""
    return field(default=default, metadata={"attribute": Attribute(name, rule)})


def whole(low: int, high: int | None = None) -> Rule:
    """Return the rule for a whole number from *low*, to *high* if there is one."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ValueError("must be a whole number")
        if int(text) < low or (high is not None and int(text) > high):
            raise ValueError(f"must be {words}")
        return int(text)

    words = f"{low} or more" if high is None else f"{low} to {high}"
    return Rule(words, read)


def one_of(*values: str) -> Rule:
    """Return the rule for one of *values*."""

    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return text

    return Rule(", ".join(values), read)


def matching(pattern: str, words: str) -> Rule:
    """Return the rule for text that *pattern* matches as a whole."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {words}")
        return text

    return Rule(words, read)


def either(first: Rule, second: Rule) -> Rule:
    """Return the rule for what one of two rules takes."""

    def read(text: str) -> Any:
        try:
            return first.read(text)
        except ValueError:
            return second.read(text)

    return Rule(f"{first.words}, or {second.words}", read)


def at_most(size: int) -> Rule:
    """Return the rule for text of at most *size* characters."""
    return matching(rf"(?s).{{0,{size}}}", f"at most {size} characters")


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _method(text: str) -> str:
    if text.upper() not in ("GET", "POST"):
        raise ValueError("must be GET or POST")
    return text.upper()


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or " " in text:
        raise ValueError("must be a fully qualified URL")
    return text


def _phrases(text: str) -> str:
    if text.count(",") >= MAX_PHRASES:
        raise ValueError(f"must be at most {MAX_PHRASES} phrases")
    return text


BOOLEAN = Rule("true, false", _boolean)
METHOD = Rule("GET, POST", _method, "method")
URL = Rule("a fully qualified URL", _url, "url")
TEXT = Rule("any text", str)
PHRASES = Rule(f"at most {MAX_PHRASES} phrases between commas", _phrases)
KEY = matching("[0-9*#]", "one of 0-9, *, #")
FINISH_KEY = matching("[0-9*#]?|none", "one of 0-9, *, #, none, or nothing")
KEYS = matching("[0-9*#]+", "keys out of 0-9, *, #")
FINISH_KEYS = matching("[0-9*#]*|none", "keys out of 0-9, *, #, or none")
KEY_PATTERNS = matching("[0-9*#]+(,[0-9*#]+)*", "keys, or several between commas")
TONES = matching("[0-9*#wW]+", "keys and w or W for a pause")
SIP_HEADERS = matching(
    r"[\w-]+=[^,=]*(,[\w-]+=[^,=]*)*", "key=value, several by commas"
)
NUMBER = matching(r"\+?[0-9][0-9 ()-]{1,24}", "a phone number")
FORMAT = one_of("mp3", "wav")
TRANSCRIPTION = one_of("auto", "hybrid")
SECONDS_OR_AUTO = either(one_of("auto"), whole(2, 10))
SOUND = either(one_of("", "beep:1", "beep:2"), URL)
LANGUAGE = matching("[a-z]{2,3}-[A-Z]{2,3}", "a language such as en-US")
VOICE = matching(r"WOMAN|MAN|Polly\.\w+", "WOMAN, MAN, or Polly.<name>")
