"""URLs in requests: what they must be, in words for people and as patterns for tools.

Whatever passes can be dialed, as far as its text shows. The patterns say the same as
the checks, and are regular expressions in Python and in JavaScript alike.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

LONGEST = 1_000
# Plivo wants less than a thousand (plivo-contract 1.2); those of callbacks are ours.
LONGEST_AUDIO = 999

AUDIO_SUFFIXES = (".mp3", ".wav")

# RFC 1035, 2.3.4: octets of a host's name, and of each label between its dots.
LONGEST_NAME = 253
LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}", re.ASCII)


def web_address(url: str) -> str:
    """Check the URL of a webhook. Raises ValueError with the rule that it breaks."""
    _check(url, LONGEST)
    return url


def audio(url: str) -> str:
    """Check the URL of a sound. Raises ValueError with the rule that it breaks."""
    _check(url, LONGEST_AUDIO)
    if not urlsplit(url).path.lower().endswith(AUDIO_SUFFIXES):
        message = "must be the URL of a .mp3 or .wav file"
        raise ValueError(message)
    return url


def _check(url: str, longest: int) -> None:
    """Raise ValueError with the first rule that a URL breaks.

    Scheme and host may be in either case.
    """
    if len(url) > longest:
        message = f"must be a URL of up to {longest} characters"
        raise ValueError(message)
    if " " in url:
        message = "must not contain a space"
        raise ValueError(message)
    if not url.isprintable():
        message = "must not contain control or other invisible characters"
        raise ValueError(message)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(IN_BRACKETS) from None
    if parts.scheme not in ("http", "https"):
        message = "must be an http or https URL"
        raise ValueError(message)
    if not parts.netloc.isascii():
        message = "must name its host in ASCII: a non-ASCII name as xn--..."
        raise ValueError(message)
    if not url.isascii():
        message = "must be ASCII: other characters percent-encoded"
        raise ValueError(message)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        message = "must have a port from 1 to 65535, or none"
        raise ValueError(message)
    if not parts.hostname or parts.username is not None:
        message = "must name a host and no user"
        raise ValueError(message)
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


# The same as patterns

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
AUDIO = rf'^{_ORIGIN}/[!-"$->@-~]*\.(?:[Mm][Pp]3|[Ww][Aa][Vv])(?:[?#][!-~]*)?$'
