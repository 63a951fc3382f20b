"""Test the faults of callbacks: dropped, duplicated, late, forged."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_TOKEN
from plivo_simulator.signing import v3_signature

from .stage import ALICE, CALLBACK_URL, Stage

LAST = "SessionPartiesHangup"

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


async def test_a_held_callback_comes_when_it_is_released_and_holds_up_no_other(
    stage: Stage,
) -> None:
    stage.simulator.faults.arm({"webhook_held": {"times": 1}})

    await stage.whole_call(ALICE, stage.create())
    before = [stage.form(request)["SequenceNumber"] for request in stage.sent]
    stage.simulator.courier.release()
    await stage.pass_time(0)

    held = stage.callbacks[0]
    assert "1" not in before
    assert len(before) == len(stage.callbacks) - 1
    assert stage.form(stage.sent[-1])["SequenceNumber"] == "1"
    assert held.state == "delivered"


async def test_what_is_held_after_a_release_waits_for_the_next(stage: Stage) -> None:
    stage.simulator.courier.release()
    stage.simulator.faults.arm({"webhook_held": {}})

    await stage.whole_call(ALICE, stage.create())

    assert stage.sent == []
    assert {callback.state for callback in stage.callbacks} == {"pending"}


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


@pytest.mark.parametrize(
    ("fault", "name", "said", "meant"),
    [
        ("webhook_renumbered", "SequenceNumber", "7", "6"),
        ("webhook_restamped", "EventTimestamp", "12:00:05", "12:00:03"),
        ("webhook_repriced", "Amount", "0.0270", "0.0170"),
    ],
)
async def test_a_copy_with_one_other_attribute_is_signed_anew(
    stage: Stage, fault: str, name: str, said: str, meant: str
) -> None:
    stage.simulator.faults.arm({fault: {"match": {"event": LAST}}})

    await stage.whole_call(ALICE, stage.create())

    told, again = _sent_of(stage, LAST)
    true, copy = stage.form(told), stage.form(again)
    different = {n for n in true | copy if true.get(n) != copy.get(n)}
    assert different == {name}
    assert (true[name][-len(meant) :], copy[name][-len(said) :]) == (meant, said)
    assert _is_signed(again, copy)
    first, second = (c for c in stage.callbacks if c.event == LAST)
    assert second.copy_of == first.callback_id


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            "webhook_misstated",
            {"Amount": "0.0270", "BilledDuration": "180", "Duration": "65"},
        ),
        ("webhook_undated", {"EventTimestamp": None}),
        ("webhook_unnumbered", {"SequenceNumber": None}),
    ],
)
async def test_an_only_copy_that_is_wrong_is_signed_as_it_is(
    stage: Stage, fault: str, expected: dict[str, Any]
) -> None:
    stage.simulator.faults.arm({fault: {"match": {"event": LAST}}})

    call = await stage.whole_call(ALICE, stage.create())

    (sent,) = _sent_of(stage, LAST)
    last = stage.form(sent)
    assert {name: last.get(name) for name in expected} == expected
    assert _is_signed(sent, last)
    assert (call.bill.seconds, str(call.bill.amount)) == (120, "0.0170")


async def test_a_fault_hits_no_callback_that_lacks_its_attribute(stage: Stage) -> None:
    stage.simulator.faults.arm({"webhook_repriced": {}})

    await stage.whole_call(ALICE, stage.create())

    hit = [c.event for c in stage.callbacks if c.fault and not c.copy_of]
    assert hit == ["SessionFirstPartyHangup", "SessionSecondPartyHangup", LAST]


async def test_a_fault_is_aimed_by_any_attribute(stage: Stage) -> None:
    match = {"SequenceNumber": "3"}
    stage.simulator.faults.arm({"webhook_dropped": {"match": match}})

    await stage.whole_call(ALICE, stage.create())

    assert [c.attributes["SequenceNumber"] for c in stage.callbacks if c.fault] == ["3"]


def _sent_of(stage: Stage, event: str) -> list[httpx.Request]:
    return [r for r in stage.sent if stage.form(r)["EventName"] == event]


def _is_signed(request: httpx.Request, form: dict[str, str]) -> bool:
    nonce = request.headers["x-plivo-signature-v3-nonce"]
    expected = v3_signature(AUTH_TOKEN, "POST", CALLBACK_URL, form.items(), nonce)
    return bool(request.headers["x-plivo-signature-v3"] == expected)
