"""Callbacks that Plivo did not send: each must be refused, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, urlencode

from masking.plivo import callback_urls
from plivo_simulator import account
from plivo_simulator.signing import v2_signature, v3_signature
from proofs.attack import pii_scan
from proofs.attack.bad_requests import BadRequest
from proofs.attack.target import FORM, JSON, Pairs, Target

REFUSED = frozenset({403})
# By the gateway, whose routes it fits none of.
NOWHERE = frozenset({403, 404})

PAIRS: Pairs = (
    ("EventName", "SessionFirstPartyAnswer"),
    ("From", pii_scan.number(27)),
    ("SequenceNumber", "1"),
)
V3 = "x-plivo-signature-v3"
MA_V3 = "x-plivo-signature-ma-v3"
NONCE = "x-plivo-signature-v3-nonce"


class Forgeries:
    """The requests, about *ours* and *other*, two sessions of ours."""

    def __init__(self, target: Target, ours: str, other: str) -> None:
        """Take the *target* and the UUIDs of two sessions."""
        self._target = target
        self._ours, self._other = ours, other
        self._paths = {
            kind: target.callback_path(ours, kind) for kind in ("events", "recordings")
        }

    def requests(self) -> Iterator[BadRequest]:
        """Yield all of them."""
        for way in (self._tokens, self._signatures, self._replays, self._tampered):
            for request in way():
                kind = request.path.partition("?")[0].rpartition("/")[2]
                # What it is about, where it goes, and how it is to be refused.
                where = f"{request.method} {kind[:10]} {sorted(request.want)}"
                yield replace(request, group=f"{way.__name__} {where}")

    def _tokens(self) -> Iterator[BadRequest]:
        """Guess the token, the attempt or the session, in requests that are signed."""
        for path in self._paths.values():
            *front, attempt, token, kind = path.split("/")
            places = [
                *(token[:at] + _other(token[at]) + token[at + 1 :] for at in range(24)),
                *(token[::-1], token[:-1], token + "A", "A" * 24, token.swapcase()),
                *(quote(token[0], safe="") + "%00" + token[1:], "..%2f..", "%20"),
            ]
            for wrong in places:
                yield self._signed("/".join([*front, attempt, wrong, kind]), NOWHERE)
            for number in (*range(2, 40), "0", "01", "-1", "1e1", "%D9%A1", "9" * 30):
                yield self._signed(
                    "/".join([*front, str(number), token, kind]), NOWHERE
                )
            yield self._signed(path.replace(self._ours, self._other), REFUSED)
            yield self._signed(path.replace(self._ours, self._ours.upper()), NOWHERE)
        for number in range(30):
            guessed = callback_urls.token_for(bytes([number]), self._ours, 1)
            for kind in self._paths:
                path = callback_urls.path_for(self._ours, 1, guessed, kind)
                yield self._signed(path, REFUSED)

    def _signatures(self) -> Iterator[BadRequest]:
        """Sign with what is no token of Plivo's, in each header that is read."""
        url = self._target.stack.addresses.api_url
        body = urlencode(PAIRS).encode()
        for path in self._paths.values():
            right = v3_signature(account.AUTH_TOKEN, "POST", url + path, PAIRS, "4711")
            values = [
                *("", "=", "a", "A" * 44, right[:-1], right.swapcase(), right + "=,"),
                *(f"{right}x", "," * 50, right[::-1], "\xff", "{}", " "),
                v2_signature(account.AUTH_TOKEN, url + path, "4711"),
                v3_signature(account.AUTH_TOKEN, "GET", url + path, PAIRS, "4711"),
                *(
                    v3_signature(token, "POST", url + path, PAIRS, "4711")
                    for token in ("", "a", account.AUTH_ID, account.AUTH_TOKEN[:-1])
                ),
                *(
                    v3_signature(str(number), "POST", url + path, PAIRS, "4711")
                    for number in range(100)
                ),
            ]
            for name in (V3, MA_V3):
                for value in values:
                    headers = {**FORM, name: value, NONCE: "4711"}
                    yield self._request(path, headers, body)
            for headers in (
                {},
                {"x-plivo-signature-v2": right, "x-plivo-signature-v2-nonce": "4711"},
                {V3: right},
                {V3: right, NONCE: "4712"},
                {V3: right, NONCE: ""},
            ):
                yield self._request(path, {**FORM, **headers}, body)
                yield self._request(
                    path, {**JSON, **headers}, json.dumps(PAIRS).encode()
                )
                yield BadRequest(
                    "signatures", "GET", f"{path}?{body.decode()}", headers
                )

    def _replays(self) -> Iterator[BadRequest]:
        """Send what Plivo signed for one place to another."""
        elsewhere = self._target.callback_path(self._other)
        recordings = self._paths["recordings"]
        for number in range(40):
            pairs = [*PAIRS, ("Amount", str(number))]
            body = urlencode(pairs).encode()
            headers = self._target.signed(self._paths["events"], pairs)
            for path in (elsewhere, recordings, f"{self._paths['events']}?a=1"):
                yield self._request(path, headers, body)
            query = f"{self._paths['events']}?{body.decode()}"
            yield BadRequest("signatures", "GET", query, headers, want=REFUSED)

    def _tampered(self) -> Iterator[BadRequest]:
        """Change a body after it was signed."""
        path = self._paths["events"]
        headers = self._target.signed(path, PAIRS)
        body = urlencode(PAIRS)
        changes = [
            *(body[:at] + _other(body[at]) + body[at + 1 :] for at in range(len(body))),
            *(f"{body}&{name}=1" for name in ("Pin", "a", "To", "Digits", "%00")),
            *(f"a{number}=&{body}" for number in range(40)),
            *(
                body.replace("&", ";"),
                body + body,
                body.upper(),
                "",
                body[: len(body) // 2],
            ),
        ]
        for changed in changes:
            yield self._request(path, headers, changed.encode())
        yield self._request(path, headers, b"x" * 20_000, frozenset({413}))

    def _signed(self, path: str, want: frozenset[int]) -> BadRequest:
        headers = self._target.signed(path, PAIRS)
        body = urlencode(PAIRS).encode()
        return BadRequest("signatures", "POST", path, headers, body, want)

    def _request(
        self,
        path: str,
        headers: dict[str, str],
        body: bytes,
        want: frozenset[int] = REFUSED,
    ) -> BadRequest:
        return BadRequest("signatures", "POST", path, headers, body, want)


def _other(character: str) -> str:
    """Return a character that stands for something else, wherever it stands."""
    return "B" if character != "B" else "C"
