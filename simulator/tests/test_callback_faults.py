"""Test the faults of callbacks: dropped, duplicated, late, forged."""

from __future__ import annotations

import httpx
import pytest

from plivo_simulator.account import AUTH_TOKEN
from plivo_simulator.signing import v3_signature

from .stage import ALICE, CALLBACK_URL, Stage

pytestmark = pytest.mark.anyio


async def test_a_dropped_callback_is_never_sent(stage: Stage) -> None:
    match = {"event": "SessionSecondPartyAnswer"}
    stage.simulator.faults.arm({"webhook_dropped": {"match": match}})

    await stage.whole_call(ALICE, stage.create())

    dropped = [c for c in stage.callbacks if c.state == "dropped"]
    assert [c.event for c in dropped] == ["SessionSecondPartyAnswer"]
    assert dropped[0].fault == "webhook_dropped"
    assert len(stage.sent) == len(stage.callbacks) - 1


async def test_a_duplicated_callback_is_the_same_twice(stage: Stage) -> None:
    fault = {"times": 1, "copies": 2, "seconds": 3}
    stage.simulator.faults.arm({"webhook_duplicated": fault})

    await stage.whole_call(ALICE, stage.create())

    forms = [stage.form(request) for request in stage.sent]
    assert forms.count(forms[0]) == 3
    assert [c.copy_of for c in stage.callbacks].count("") == len(stage.callbacks) - 2


async def test_a_reordered_callback_comes_after_the_next(stage: Stage) -> None:
    match = {"event": "SessionFirstPartyAnswer"}
    stage.simulator.faults.arm({"webhook_reordered": {"match": match}})

    await stage.whole_call(ALICE, stage.create())

    sent = [stage.form(request)["SequenceNumber"] for request in stage.sent]
    assert sent[:3] == ["2", "1", "3"]


async def test_a_delayed_callback_comes_late(stage: Stage) -> None:
    fault = {"times": 1, "seconds": 100}
    stage.simulator.faults.arm({"webhook_delayed": fault})
    talk = stage.create()

    stage.call(ALICE, talk)
    await stage.pass_time(99)
    before = [stage.form(request)["SequenceNumber"] for request in stage.sent]
    await stage.pass_time(2)

    assert before == ["2", "3", "4", "5", "6"]
    assert stage.form(stage.sent[-1])["SequenceNumber"] == "1"


async def test_a_tampered_copy_carries_the_signature_of_the_original(
    stage: Stage,
) -> None:
    stage.simulator.faults.arm({"webhook_tampered": {"times": 1}})

    await stage.whole_call(ALICE, stage.create())

    true, forged = stage.sent[:2]
    assert _is_signed(true, stage.form(true))
    assert not _is_signed(forged, stage.form(forged))
    assert _is_signed(forged, stage.form(true))


async def test_an_unsigned_callback_has_no_signature(stage: Stage) -> None:
    stage.simulator.faults.arm({"webhook_unsigned": {"times": 1}})

    await stage.whole_call(ALICE, stage.create())

    signed = ["x-plivo-signature-v3" in request.headers for request in stage.sent]
    assert signed == [False] + [True] * (len(signed) - 1)


def _is_signed(request: httpx.Request, form: dict[str, str]) -> bool:
    nonce = request.headers["x-plivo-signature-v3-nonce"]
    expected = v3_signature(AUTH_TOKEN, "POST", CALLBACK_URL, form.items(), nonce)
    return bool(request.headers["x-plivo-signature-v3"] == expected)
