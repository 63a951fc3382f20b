"""Bad requests by hand for each route: keys, scopes, tenants, ids, queries, headers."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from masking.tenants.authorize import SCOPES
from proofs.attack import pii_scan
from proofs.attack.bad_requests import BadRequest
from proofs.attack.target import JSON, STRANGER, VICTIM, Target
from proofs.attack.victim import LABEL, NOBODYS, PAIR
from stack.routes import Route

NOT_LET_IN = frozenset({401, 403})
OTHERS = frozenset({404})

# Functions that read their query; the others only refuse numbers in it.
PAGED = ("list_sessions", "list_events", "list_deliveries")

DOTS = (
    "..",
    "%2e%2e",
    "..%2f..",
    "..%5c..",
    "%2e%2e%2f%2e%2e%2f",
    "..%252f..",
    "%c0%ae",
)
ENDS = ("", "%00", "%0a", "%20", ";a=b", "%2f", "%23", "%3f", "'--", "%e2%80%8b")
ODD = (
    *("%2a", "null", "undefined", "0", "-1", "1e9", "true", "%7b%7d", "%24%7bx%7d"),
    *("%3cscript%3e", "%27%20OR%201=1", "S%23", "A%23STATE", "%ff%fe", "%ed%a0%80"),
    *("%d9%a1" * 36, "a" * 36, "-" * 36, "0" * 5_000, "%f0%9f%93%9e", "KEY%230"),
)


class ByHand:
    """The requests, route by route."""

    def __init__(self, target: Target, ids: Mapping[str, str]) -> None:
        """Take the *target* and the victim's ids by their names in paths."""
        self._target = target
        self._ids = ids
        self._routes = [route for route in target.routes if route.scope]

    def requests(self) -> Iterator[BadRequest]:
        """Yield all of them."""
        yield from self._keys()
        yield from self._scopes()
        yield from self._tenants()
        yield from self._bad_ids()
        yield from self._queries()
        yield from self._headers()

    def _keys(self) -> Iterator[BadRequest]:
        good = self._target.keys[VICTIM]
        expired = f"Bearer {self._target.keys['expired']}"
        wrong = [
            *("", "Bearer", "Bearer ", good, f"Basic {good}", f"Token {good}"),
            *(f"Bearer {good[:-1]}", f"Bearer {good}x", f"Bearer {good.upper()}"),
            *(f"Bearer  {good} x", f"Bearer {good},Bearer {good}", f"Bearer\t{good}x"),
            *(expired, f"Bearer {'k' * 600}"),
            *("Bearer null", "Bearer ../KEY", "Bearer *", f"Bearer {good[::-1]}"),
            *(f"Bearer key-{uuid.UUID(int=n)}" for n in range(25)),
        ]
        for route in self._routes:
            group = f"{name_of(route)} without a key"
            yield self._request("keys", route, {}, want=NOT_LET_IN, group=group)
            for value in wrong:
                headers = {"authorization": value}
                group = f"{name_of(route)} {value == expired}"
                yield self._request(
                    "keys", route, headers, want=NOT_LET_IN, group=group
                )

    def _scopes(self) -> Iterator[BadRequest]:
        for route, scope in itertools.product(self._routes, (*SCOPES, "nothing")):
            if scope != route.scope:
                for body in (b"", b"{}", b'{"record": true}'):
                    group = f"{name_of(route)} with {scope}"
                    headers = self._key(scope)
                    yield self._request(
                        "scopes", route, headers, body, NOT_LET_IN, group
                    )

    def _tenants(self) -> Iterator[BadRequest]:
        """Ask for the victim's things with the stranger's key, which has all scopes."""
        bodies = (b"", b"{}", b'{"record": true}', b'{"call_time_limit": 60}')
        queries = ("", "?limit=1", "?a=1")
        headers = self._key(STRANGER)
        for route in self._routes:
            if "{" in route.path:
                for body, query in itertools.product(bodies, queries):
                    yield BadRequest(
                        "tenants",
                        route.method.upper(),
                        route.path.format_map(self._ids) + query,
                        headers,
                        body,
                        OTHERS | {400},
                        group=f"{name_of(route)} {body!r}",
                    )
        session = self._ids["session_uuid"]
        for owner in (
            f"session_uuid={session}",
            f"erasure_id={self._ids['erasure_id']}",
        ):
            path = f"/v1/webhooks/deliveries?{owner}"
            yield BadRequest(
                "tenants", "GET", path, headers, want=OTHERS, group=owner[:8]
            )
        # Lists and searches, of which nothing is refused and nothing is the victim's.
        for query in ("", "?limit=100", f"?label.{LABEL[0]}={LABEL[1]}"):
            path = f"/v1/sessions{query}"
            yield BadRequest("tenants", "GET", path, headers, group=path, hides=session)
        for asked in (
            {},
            {"first_party": PAIR["first_party"]},
            {"second_party": PAIR["second_party"]},
            {"labels": dict([LABEL])},
        ):
            yield BadRequest(
                "tenants",
                "POST",
                "/v1/sessions/search",
                headers,
                json.dumps(asked).encode(),
                group=f"search {sorted(asked)}",
                hides=session,
            )

    def _bad_ids(self) -> Iterator[BadRequest]:
        good = self._ids["session_uuid"]
        for route in self._routes:
            if "{" not in route.path:
                continue
            bad = [
                *DOTS,
                *ODD,
                *(good + end for end in ENDS[1:]),
                *(f"{dots}/{good}" for dots in DOTS),
                *(good[:at] + "%2f" + good[at:] for at in (8, 13, 18)),
                *(good.replace("-", ""), good.upper() + "A", f"%7b{good}%7d"),
                *(good[:-1] + other for other in "gG%_ " if other not in "% "),
                *(NOBODYS, str(uuid.uuid5(uuid.NAMESPACE_URL, route.path))),
                quote(pii_scan.number(21)),
            ]
            for text in bad:
                before, _, rest = route.path.partition("{")
                path = before + text + rest.partition("}")[2]
                headers = self._key(VICTIM)
                yield BadRequest(
                    "ids",
                    route.method.upper(),
                    path,
                    headers,
                    b"{}",
                    group=name_of(route),
                )

    def _queries(self) -> Iterator[BadRequest]:
        number = pii_scan.number(22)
        spelled = (number, number[1:], quote(number), quote(f" {number} "))
        names = (
            *("first_party", "second_party", "virtual_number", "from", "to", "q"),
            *("phone_number", "session_uuid", "cursor", "label.n", "limit", "n%00"),
        )
        wrong = [
            *(
                f"{name}={value}"
                for name in names
                for value in spelled
                if "%2B" in value
            ),
            *("limit=0", "limit=-1", "limit=1e3", "limit=%D9%A3", "limit=" + "9" * 400),
            *("limit=1&limit=2", "limit=", "limit=%00", "limit=NaN", "limit=0x10"),
            *(f"cursor={'A' * n}" for n in (1, 5, 201, 5_000)),
            *("cursor=W05hTl0", "cursor=%00", "cursor=..%2f..", "cursor=bnVsbA=="),
            *("unknown=1", "__proto__=1", "limit%5B%5D=1", "created_time=yesterday"),
            *("created_time__gt=0000-00-00", "created_time__lt=99999-01-01T00:00:00Z"),
            *(
                "status=dead",
                "tenant_id=stranger",
                "duration__gte=-1",
                "duration=1e999",
            ),
            *("label.%20=1", "label.=1", f"label.a={'x' * 300}", "label.a=%00"),
            *("&".join(f"a{n}=1" for n in range(count)) for count in (51, 400)),
        ]
        for route in self._routes:
            if route.method == "get":
                for query in wrong:
                    path = f"{route.path.format_map(self._ids)}?{query}"
                    if self._reads(route, query):
                        yield BadRequest(
                            "queries",
                            "GET",
                            path,
                            self._key(VICTIM),
                            group=f"{name_of(route)} {'%2B' in query}",
                        )

    def _reads(self, route: Route, query: str) -> bool:
        """Return whether a route looks at such a query: at numbers, every one does."""
        return "%2B" in query or route.function in PAGED

    def _headers(self) -> Iterator[BadRequest]:
        keys = ("\x7f", "é", "k" * 256, "a\tb", "")
        tags = ("1", '"0"', '"-1"', '"1e3"', 'W/"1"', '"1", "2"', '"99999999999"', '""')
        session = f"/v1/sessions/{self._ids['session_uuid']}"
        for value in keys:
            headers = {**self._key(VICTIM), "idempotency-key": value}
            body = b'{"first_party": "+12025550123", "second_party": "+12025550124"}'
            yield BadRequest("headers", "POST", "/v1/sessions", headers, body)
        for value in tags:
            headers = {**self._key(VICTIM), "if-match": value}
            for body in (b'{"record": true}', b'{"call_time_limit": 61}'):
                yield BadRequest("headers", "PATCH", session, headers, body)
        for route in self._routes:
            method = route.method.upper()
            path = route.path.format_map(self._ids)
            for name in ("x-tenant-id", "x-amzn-lambda-authorizer", "x-forwarded-for"):
                yield BadRequest(
                    "headers",
                    method,
                    path,
                    {name: VICTIM},
                    want=NOT_LET_IN,
                    group=f"{name_of(route)} {name}",
                )
            for other in ("TRACE", "PUT", "OPTIONS", "CONNECT", "FOO"):
                yield BadRequest(
                    "headers", other, path, self._key(VICTIM), group=route.path
                )

    def _key(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._target.keys[name]}", **JSON}

    def _request(
        self,
        kind: str,
        route: Route,
        headers: Mapping[str, str],
        body: bytes = b"{}",
        want: frozenset[int] = frozenset(),
        group: str = "",
    ) -> BadRequest:
        path = route.path.format_map(self._ids)
        method = route.method.upper()
        return BadRequest(kind, method, path, headers, body, want, group)


def name_of(route: Route) -> str:
    """Return how a route is named in groups."""
    return f"{route.method.upper()} {route.path}"
