"""Types of a session's attributes: what each value must be by itself."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from masking.core import numbers
from masking.core.settings import RETENTION_DAYS

LONGEST_URL = 1_000
# Plivo wants less than a thousand (plivo-contract 1.2); those of callbacks are ours.
LONGEST_AUDIO_URL = 999

AUDIO_SUFFIXES = (".mp3", ".wav")

# RFC 1035, 2.3.4: octets of a host's name, and of each label between its dots.
LONGEST_NAME = 253
LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}", re.ASCII)

LONGEST_SECONDS = 2_147_483_647
MOST_LABELS = 10
LONGEST_PERSON = 255
# A name that callbacks have where there is no number.
QUOTED = re.compile(r'"[^"]*\w[^"]*"')
# Digits; fewer are the number of a service, such as 112.
SHORTEST_PERSON = 6

# Types of attributes


def _phone_number(value: str) -> str:
    try:
        return numbers.normal(value)
    except ValueError:
        message = "must be a phone number in E.164, such as +12025550100"
        raise ValueError(message) from None


def _party(value: str) -> str:
    """Check a number that Plivo is to call; a country must have numbers like it."""
    # Its data are large, and only these fields need them.
    from masking.core import numbering

    number = _phone_number(value)
    fault = numbering.fault_of(number)
    if fault:
        raise ValueError(fault)
    if not value.startswith("+") and not numbering.is_in_use(number):
        message = (
            "must begin with + and the calling code of its country: "
            f"as a number of {numbers.calling_code(number)} it is not in use"
        )
        raise ValueError(message)
    return number


def _pin(value: str) -> str:
    if not re.fullmatch(r"[0-9]{4,15}", value, re.ASCII):
        message = "must be 4 to 15 digits, as a string"
        raise ValueError(message)
    return value


def _subaccount(value: str) -> str:
    if not re.fullmatch(r"SA[A-Z0-9]{18}", value, re.ASCII):
        message = "must be a Plivo sub-account id: SA and 18 letters or digits"
        raise ValueError(message)
    return value


def _labels(value: dict[str, str]) -> dict[str, str]:
    from masking.core import callers

    if len(value) > MOST_LABELS:
        message = f"must be at most {MOST_LABELS} labels"
        raise ValueError(message)
    for key, content in value.items():
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", key, re.ASCII):
            message = "keys must be 1 to 64 letters, digits or _ . -"
            raise ValueError(message)
        if not 1 <= len(content) <= 256 or not content.isprintable():
            message = "values must be 1 to 256 printable characters"
            raise ValueError(message)
        if callers.is_written_number(content):
            # Labels are in events, keys and queries, where no number may be.
            message = "values must not be phone numbers"
            raise ValueError(message)
    return value


def held_in_labels(labels: Mapping[str, str], number: str | None) -> bool:
    """Return whether a label's key or value holds *number* in any writing."""
    from masking.core import callers

    texts = [*labels.keys(), *labels.values()]
    return any(callers.holds(text, number) for text in texts)


def _person(value: str) -> str:
    """Return the name under which a person is found: a number in E.164, if it is one.

    Anything else is what a callback may have as a caller, such as a SIP address.
    """
    from masking.core import callers

    writing = callers.writing_of(value)
    if not 1 <= len(value) <= LONGEST_PERSON or not value.isprintable():
        message = f"must be 1 to {LONGEST_PERSON} printable characters"
        raise ValueError(message)
    if writing.kind in (callers.Kind.NOT_TOLD, callers.Kind.HIDDEN):
        message = "must name a person; this stands for callers who hide"
        raise ValueError(message)
    is_named = "@" in writing.text or QUOTED.fullmatch(value.strip())
    has_digits = writing.text.isdecimal() and len(writing.text) >= SHORTEST_PERSON
    if not (writing.number or has_digits or is_named):
        # A number with a slip in it would be found nowhere, and that read as erased.
        message = "must be a phone number in E.164, such as +12025550100, or an address"
        raise ValueError(message)
    return writing.number or writing.text


def _retention_days(value: int) -> int:
    if value not in RETENTION_DAYS:
        listed = ", ".join(map(str, RETENTION_DAYS))
        message = f"must be one of {listed} days"
        raise ValueError(message)
    return value


def _documented(**schema: Any) -> Any:
    """Add a check's rule to the JSON Schema, which is compared with `openapi.yaml`."""
    return Field(json_schema_extra=schema)


# URLs: each rule has a text of its own


def _web_address(url: str) -> str:
    """Check the URL of a webhook. Raises ValueError with the rule that it breaks."""
    _check_url(url, LONGEST_URL)
    return url


def _audio(url: str) -> str:
    """Check the URL of a sound. Raises ValueError with the rule that it breaks."""
    _check_url(url, LONGEST_AUDIO_URL)
    if not urlsplit(url).path.lower().endswith(AUDIO_SUFFIXES):
        raise ValueError("must be the URL of a .mp3 or .wav file")
    return url


def _check_url(url: str, longest: int) -> None:
    """Raise ValueError with the first rule that breaks what can be dialed."""
    if len(url) > longest:
        raise ValueError(f"must be a URL of up to {longest} characters")
    if " " in url:
        raise ValueError("must not contain a space")
    if not url.isprintable():
        raise ValueError("must not contain control or other invisible characters")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(IN_BRACKETS) from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must be an http or https URL")
    if not parts.netloc.isascii():
        raise ValueError("must name its host in ASCII: a non-ASCII name as xn--...")
    if not url.isascii():
        raise ValueError("must be ASCII: other characters percent-encoded")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("must have a port from 1 to 65535, or none")
    if not parts.hostname or parts.username is not None:
        raise ValueError("must name a host and no user")
    if "[" in parts.netloc or "]" in parts.netloc:
        # What urlsplit makes of brackets is not the whole of what stands there.
        if not re.fullmatch(_SIX + _PORT, parts.netloc):
            raise ValueError(IN_BRACKETS)
    else:
        _check_host(parts.hostname)


IN_BRACKETS = "must have an IPv6 address, and no other host, in brackets"


def _check_host(host: str) -> None:
    """Check that a host can be dialed: an address, or a name that DNS can hold."""
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > LONGEST_NAME or not all(map(LABEL.fullmatch, labels)):
        message = (
            "must have a host name of letters, digits and hyphens: up to "
            f"{LONGEST_NAME} characters, 1 to 63 between two dots"
        )
        raise ValueError(message)
    if labels[-1].isdecimal():
        # No top-level domain is a number, so it is an address or nothing.
        try:
            ipaddress.IPv4Address(name)
        except ValueError:
            message = "must have a host that is a name or a whole IP address"
            raise ValueError(message) from None


# The same as patterns, which are regular expressions in Python and in JavaScript alike

# A name: not too long as a whole, and the last label is not of digits alone.
_NAME = (
    r"(?![0-9A-Za-z_.-]{253}[0-9A-Za-z_-])(?![0-9A-Za-z_.-]{255})"
    r"(?:[0-9A-Za-z_-]{1,63}\.)*(?![0-9]+\.?(?:[:/?#]|$))[0-9A-Za-z_-]{1,63}\.?"
)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_FOUR = rf"(?:{_OCTET}\.){{3}}{_OCTET}\.?"
# Hexadecimal groups, eight of them or with :: for those that are zero (RFC 4291, 2.2).
_SIX = (
    r"\[(?:(?:H:){7}H|(?:H:){1,7}:|(?:H:){1,6}:H|(?:H:){1,5}(?::H){1,2}"
    r"|(?:H:){1,4}(?::H){1,3}|(?:H:){1,3}(?::H){1,4}|(?:H:){1,2}(?::H){1,5}"
    r"|H:(?::H){1,6}|:(?:(?::H){1,7}|:))\]"
).replace("H", "[0-9A-Fa-f]{1,4}")
_PORT = (
    r"(?::(?:0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}"
    r"|655[0-2][0-9]|6553[0-5]))?)?"
)
_ORIGIN = rf"[Hh][Tt][Tt][Pp][Ss]?://(?:{_NAME}|{_FOUR}|{_SIX}){_PORT}"

WEB_ADDRESS = rf"^{_ORIGIN}(?:[/?#][!-~]*)?$"
AUDIO_URL = rf'^{_ORIGIN}/[!-"$->@-~]*\.(?:[Mm][Pp]3|[Ww][Aa][Vv])(?:[?#][!-~]*)?$'

# The types

PHONE_NUMBER = _documented(pattern=r"^\+?[1-9][0-9]{6,14}$", examples=["+12025550100"])
PhoneNumber = Annotated[str, AfterValidator(_phone_number), PHONE_NUMBER]
PersonName = Annotated[
    str,
    AfterValidator(_person),
    _documented(
        minLength=1,
        maxLength=LONGEST_PERSON,
        examples=["+12025550100", "sip:ada@example.com"],
    ),
]
Party = Annotated[str, AfterValidator(_party), PHONE_NUMBER]
WebAddress = Annotated[
    str,
    AfterValidator(_web_address),
    _documented(
        pattern=WEB_ADDRESS,
        maxLength=LONGEST_URL,
        examples=["https://app.example.com/masking/events"],
    ),
]
Audio = Annotated[
    str,
    AfterValidator(_audio),
    _documented(
        pattern=AUDIO_URL,
        maxLength=LONGEST_AUDIO_URL,
        examples=["https://app.example.com/hello.mp3"],
    ),
]
Pin = Annotated[
    str,
    AfterValidator(_pin),
    _documented(pattern="^[0-9]{4,15}$", examples=["0042"]),
]
Subaccount = Annotated[
    str,
    AfterValidator(_subaccount),
    _documented(pattern="^SA[A-Z0-9]{18}$", examples=["SAXXXXXXXXXXXXXXXXXX"]),
]
Labels = Annotated[
    dict[str, str],
    AfterValidator(_labels),
    _documented(
        maxProperties=MOST_LABELS,
        propertyNames={"pattern": "^[A-Za-z0-9_.-]{1,64}$"},
        additionalProperties={
            "type": "string",
            "minLength": 1,
            "maxLength": 256,
            "description": "Printable characters, and no phone number.",
        },
        examples=[{"order_id": "A-17"}],
    ),
]
Seconds = Annotated[int, Field(ge=1, le=LONGEST_SECONDS)]
Method = Literal["GET", "POST"]
AudioFormat = Literal["mp3", "wav"]
RetentionDays = Annotated[
    int, AfterValidator(_retention_days), _documented(enum=list(RETENTION_DAYS))
]
