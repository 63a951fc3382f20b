"""Read how a URL of an application wants to be requested, from its fragment.

`https://app.example/answer#rc=3&rp=all&rt=5000` is tried three times more on any
failure, each with five seconds for an answer. The fragment is neither sent nor signed.
What it leaves out is Plivo's default: 2 s to connect, 40 s to read, 55 s in all, one
more try and only after a time-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urldefrag

CONNECT_FAILED, READ_FAILED = "ct", "rt"
_POLICIES = frozenset({"4xx", "5xx", CONNECT_FAILED, READ_FAILED})
_RANGES = {"ct": (100, 10_000), "rt": (100, 40_000), "tt": (100, 55_000), "rc": (0, 5)}


@dataclass(frozen=True, slots=True)
class UrlConfig:
    """A URL without its fragment, and what that says. Times are seconds."""

    url: str
    connect_seconds: float = 2.0
    read_seconds: float = 40.0
    total_seconds: float = 55.0
    retries: int = 1
    policies: frozenset[str] = frozenset({CONNECT_FAILED, READ_FAILED})

    def tries_again(self, failure: str) -> bool:
        """Return whether *failure*, `ct`, `rt` or a status, is tried again."""
        return (f"{failure[0]}xx" if failure.isdigit() else failure) in self.policies


def read_url(url: str) -> UrlConfig:
    """Read *url*. What is out of range or unknown in the fragment counts as unset."""
    plain, fragment = urldefrag(url)
    said = dict(parse_qsl(fragment))
    default = UrlConfig(plain)
    policies = set(said.get("rp", "").split(","))
    known = _POLICIES if "all" in policies else _POLICIES & policies
    return UrlConfig(
        plain,
        _number(said, "ct", default.connect_seconds * 1000) / 1000,
        _number(said, "rt", default.read_seconds * 1000) / 1000,
        _number(said, "tt", default.total_seconds * 1000) / 1000,
        int(_number(said, "rc", default.retries)),
        known or default.policies,
    )


def _number(said: dict[str, str], name: str, default: float) -> float:
    text = said.get(name, "")
    low, high = _RANGES[name]
    is_number = text.isascii() and text.isdigit() and len(text) < 6
    return float(text) if is_number and low <= int(text) <= high else default
