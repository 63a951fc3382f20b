"""Measure the check of a callback's signature beside that of Plivo's SDK.

Both sides get the same requests and find the same ones valid: the raw body is parsed
and the signature verified. Rounds of both are interleaved and the best of each counts,
so that a busy machine slows both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from plivo.utils import validate_v3_signature

from masking.api import callback_requests
from masking.plivo import signature
from plivo_simulator.signing import v3_signature
from proofs.report import Report
from proofs.runner import ProofError

# The share of the SDK's time that our check may take.
GOAL = 0.6

ROUNDS = 30
REQUESTS = 200

TOKEN = "a-token-that-signs"  # noqa: S105 - an example
NONCE = "12345678901234567890"
URL = (
    "https://masks.example.com/v1/plivo/sessions/"
    "0b8a6cf0-3c35-4f2b-9a40-6f5b3f4f9a11/1/abcdefghijklmnopqrstuvwx/events"
)


@dataclass(frozen=True)
class Ratio:
    """Microseconds for each request, ours and the SDK's."""

    ours: float
    sdk: float

    @property
    def value(self) -> float:
        """Return how much of the SDK's time ours takes."""
        return self.ours / self.sdk


def measure() -> Ratio:
    """Run both sides in turns; return the best of each."""
    requests = [_request(number) for number in range(REQUESTS)]
    best = {"ours": float("inf"), "sdk": float("inf")}
    checks: dict[str, Callable[[bytes, str], bool]] = {"ours": _ours, "sdk": _sdk}
    for _ in range(ROUNDS):
        for side, check in checks.items():
            started = time.process_time()
            found = [check(body, given) for body, given in requests]
            taken = time.process_time() - started
            best[side] = min(best[side], taken)
            if found != [number % 4 != 0 for number in range(REQUESTS)]:
                raise ProofError(f"{side} took a wrong signature for a right one")
    scale = 1_000_000 / REQUESTS
    return Ratio(best["ours"] * scale, best["sdk"] * scale)


def run() -> Report:
    """Measure, and check that ours takes little of the SDK's time."""
    ratio = measure()
    report = Report("bench signature")
    row = report.row("microseconds", "signature with body parse")
    row |= {"ours": f"{ratio.ours:.1f}", "SDK": f"{ratio.sdk:.1f}"}
    row["ratio"] = f"{ratio.value:.2f}"
    name = f"ours takes at most {GOAL} of the SDK's time"
    report.check(ratio.value <= GOAL, name, f"{ratio.value:.2f}")
    return report


def _request(number: int) -> tuple[bytes, str]:
    """Make a callback; every fourth has a wrong signature."""
    pairs = [
        ("EventName", "SessionSecondPartyHangup"),
        ("EventTimestamp", "2026-03-01 12:00:05"),
        ("SessionUUID", "7bf53aee-d8be-41a1-8839-be197f054412"),
        ("From", "12025550100"),
        ("To", "12025550101"),
        ("VirtualNumber", "12025550180"),
        ("Amount", "0.0085"),
        ("BilledDuration", "60"),
        ("Duration", "2"),
        ("PlivoHangupCause", "Normal Hangup"),
        ("PlivoHangupCauseCode", "4000"),
        ("SequenceNumber", str(number)),
        ("PinAuthenticationStatus", ""),
    ]
    token = TOKEN if number % 4 else "another"
    given = v3_signature(token, "POST", URL, pairs, NONCE)
    return urlencode(pairs).encode(), given


def _ours(body: bytes, given: str) -> bool:
    pairs = callback_requests.pairs_of("application/x-www-form-urlencoded", body, "")
    return signature.is_valid(
        method="POST",
        url=URL,
        form=pairs,
        headers={signature.HEADERS[0]: given, signature.NONCE: NONCE},
        auth_tokens=(TOKEN,),
    )


def _sdk(body: bytes, given: str) -> bool:
    params = parse_qs(body.decode(), keep_blank_values=True)
    return bool(validate_v3_signature("POST", URL, NONCE, TOKEN, given, params))
