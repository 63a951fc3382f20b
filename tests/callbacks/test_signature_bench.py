"""The check of a signature is fast beside the SDK's."""

from __future__ import annotations

from proofs.bench import signature


def test_a_signature_takes_less_than_six_tenths_of_the_sdks_time() -> None:
    ratio = signature.measure()

    print(f"ratio {ratio.value:.2f}")
    assert ratio.value <= signature.GOAL
