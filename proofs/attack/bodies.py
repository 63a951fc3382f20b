"""Bad bodies, written by hand, for every route that takes one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from masking.api.request_models import CreateSessionRequest
from proofs.attack import pii_scan
from proofs.attack.bad_requests import BadRequest
from proofs.attack.target import JSON, VICTIM, Target

NUMBER = pii_scan.number(23)
OTHER = pii_scan.number(24)
PAIR = {"first_party": NUMBER, "second_party": OTHER}

# Bytes; ours is 64 KiB, API Gateway's 10 MB.
LARGE = (65_537, 200_000, 11 * 1024 * 1024)

SURROGATE = "\ud83d"
VALUES: tuple[Any, ...] = (
    *("", " ", "\x00", "\n", "null", "\u0661\u0662\u0663\u0664\u0665\u0666\u0667", "x"),
    *(SURROGATE, "a" * 5_000, "../..", "{{7*7}}", "${jndi:ldap://x}", "\u202e1", "+"),
    *(f"{NUMBER}x", f"{NUMBER}\x00", f" {NUMBER}", "+0123456789", "tel:" + NUMBER),
    *(-1, 10**30, -(10**300), 1e308, 0.5, -0.0, [], {}, [NUMBER], {"a": NUMBER}),
    *([[[[[]]]]], {"a": {"b": {}}}, {"$gt": ""}, {"S": NUMBER}, [None], "1e999"),
    *("http://", "ftp://a.example/", "http://a b/", "//a.example/", "javascript:0"),
    *(
        "http://user:pass@a.example/",
        "http://[::1",
        "http://a.example:99999/",
        "http:a",
    ),
)

MALFORMED: tuple[bytes, ...] = (
    *(b"", b"{", b"}", b"[]", b"null", b"0", b'"a"', b"{}{}", b"{'a': 1}", b"{a: 1}"),
    *(b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"\x00", b'{"a": "\xff"}', b"%7b%7d"),
    *(
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": +1}',
        b'{"a": 01}',
    ),
    *(b'{"a": 1, "a": 2}', b'{"record": true, "record": true}', b'{"a": 1,}', b"{//}"),
    *(b'{"\\ud800": 1}', b'{"a": "\\ud800"}', b'{"a": "\\x00"}', b'{"a": "\n"}'),
    *(b"[" * 50_000, b'{"a":' * 10_000, b'{"a":' * 500 + b"1" + b"}" * 499),
    *(b'{"a": ' + b"9" * 5_000 + b"}", b'{"a": 1e' + b"9" * 20 + b"}", b"<a/>", b"a=1"),
)


class Bodies:
    """The requests, for every route and attribute."""

    def __init__(self, target: Target, ids: Mapping[str, str]) -> None:
        """Take the *target*, and the *ids* that paths name."""
        key = target.keys[VICTIM]
        self._headers = {"authorization": f"Bearer {key}", **JSON}
        self._routes = [
            route
            for route in target.routes
            if route.scope
            and route.method in ("post", "patch")
            and "{id}" not in route.path
        ]
        self._ids = ids

    def requests(self) -> Iterator[BadRequest]:
        """Yield all of them."""
        for route in self._routes:
            path = route.path.format_map(self._ids)
            for body in self._of(route.function):
                yield BadRequest(
                    "bodies",
                    route.method.upper(),
                    path,
                    self._headers,
                    body,
                    group=route.path,
                )

    def _of(self, function: str) -> Iterator[bytes]:
        yield from MALFORMED
        for size in LARGE:
            yield b'{"a": "' + b"x" * size + b'"}'
        for name in ("unknown", "first_party ", "First_Party", "__proto__", NUMBER, ""):
            yield json.dumps({**PAIR, name: 1}).encode()
        yield json.dumps({**PAIR, "labels": {f"l{n}": "a" for n in range(11)}}).encode()
        for name in CreateSessionRequest.model_fields:
            for value in VALUES:
                if not _is_valid(name, value):
                    yield json.dumps({**self._base(function), name: value}).encode()

    def _base(self, function: str) -> dict[str, Any]:
        return dict(PAIR) if function == "create_session" else {}


def _is_valid(name: str, value: object) -> bool:
    """Return whether a value is valid for this attribute; -0.0 is the integer 0."""
    if name == "virtual_number_cooloff_period":
        return value == 0
    return name == "labels" and value == {}
