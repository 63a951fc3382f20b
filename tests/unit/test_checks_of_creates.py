"""The checks of the proof of creates see every kind of lie, and only these."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proofs.creates import plan
from proofs.creates.checks import Evidence, check_all, final
from proofs.creates.clients import Attempt, Task, creating
from proofs.creates.plan import Plan
from proofs.report import Report

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OURS = "11111111-1111-5111-8111-111111111111"
THEIRS = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"
PATH = f"https://masks.example.com/v1/plivo/sessions/{OURS}/1/token/events"
PLAN = Plan(0, "key", {}, (), is_deleted=False)


def attempt(second: float, status: int | None, **more: Any) -> Attempt:
    """Return an attempt that was answered a second later."""
    at = START + timedelta(seconds=second)
    return Attempt(at - timedelta(seconds=1), at, status, **more)


def entry(second: float, **committed: Any) -> dict[str, Any]:
    """Return a line of the ledger."""
    at = (START + timedelta(seconds=second)).isoformat(timespec="milliseconds")
    return {"at": at, "operation": "x", "fault": None, "committed": committed or None}


def made(second: float, uuid: str = THEIRS, *, rang: bool = False) -> dict[str, Any]:
    """Return the line of a session that was created."""
    return entry(
        second, action="created", session_uuid=uuid, callback_url=PATH, rang=rang
    )


def there(uuid: str = THEIRS, status: str = "active", **more: Any) -> dict[str, Any]:
    """Return a session as the simulator shows it."""
    document = {
        "callback_url": PATH,
        "first_party": "12025550100",
        "second_party": "12025550101",
        "virtual_number": "12025550180",
        "created_time": "2026-03-01 12:00:00.25 +0000 UTC",
        "modified_time": "2026-03-01 12:00:00.25 +0000 UTC",
        "expiry_time": "2026-03-01 13:00:00.25 +0000 +0000",
        "duration": 3600,
        "status": status,
        "amount": 0,
        "record_file_format": "mp3",
        "first_party_play_url": "",
        "second_party_play_url": "",
        "unknown_caller_play": "",
        "initiate_call_to_first_party": False,
        "call_time_limit": 3600,
        "ring_timeout": 120,
        "record": False,
        "virtual_number_cooloff_period": 0,
        **more,
    }
    return {"session_uuid": uuid, "status": status, "session": document}


def here(status: str = "active", **more: Any) -> dict[str, Any]:
    """Return the session as our API shows it."""
    return {
        "carrier_session_uuid": THEIRS,
        "status": status,
        "first_party": "+12025550100",
        "second_party": "+12025550101",
        "virtual_number": "+12025550180",
        "created_time": "2026-03-01T12:00:00Z",
        "modified_time": "2026-03-01T12:00:00Z",
        "expiry_time": "2026-03-01T13:00:00Z",
        "duration": 3600,
        "amount": "0",
        "record_file_format": "mp3",
        "first_party_play_url": None,
        "second_party_play_url": None,
        "unknown_caller_play": None,
        "initiate_call_to_first_party": False,
        "call_time_limit": 3600,
        "ring_timeout": 120,
        "record": False,
        "virtual_number_cooloff_period": 0,
        **more,
    }


def created(*attempts: Attempt) -> Task:
    """Return a create with these attempts."""
    return replace(creating(PLAN), attempts=list(attempts))


DONE = created(attempt(1, 201, session=here()))
GOOD = Evidence([DONE], [made(0.5)], [there()], {OURS: here()}, {"key": OURS})


def checked(**changed: Any) -> Report:
    """Check what differs from a run in which all went well."""
    return check_all(replace(GOOD, **changed), 0, [])


def test_a_run_in_which_all_went_well_holds() -> None:
    assert checked().holds


NOT_CREATED = created(attempt(1, 503, code="x", outcome="not_created"))
UPDATE = Task("update", PLAN, "PATCH", f"/v1/sessions/{OURS}", {"ring_timeout": 7})
DELETE = Task("delete", PLAN, "DELETE", f"/v1/sessions/{OURS}")
REFUSED = attempt(5, 502, code="x", outcome="not_updated")

LIES: list[tuple[str, dict[str, Any]]] = [
    ("not_created is true", {"log": [NOT_CREATED]}),
    ("created is true", {"ledger": []}),
    ("no orphan", {"log": [NOT_CREATED], "ours": {OURS: None}, "ledger": []}),
    ("no orphan", {"theirs": [there(), there(OTHER)]}),
    ("no orphan", {"theirs": [there(), there(OTHER, callback_url="elsewhere")]}),
    (
        "one live session for each request answered as created",
        {"theirs": [there(status="expired")]},
    ),
    (
        "no request rings a phone twice",
        {"ledger": [made(0.5, rang=True), made(0.6, OTHER, rang=True)]},
    ),
    ("what we call expired connects nobody", {"ours": {OURS: here("expired")}}),
    ("nothing left in doubt", {"ours": {OURS: here("ending")}}),
    (
        "ours equals the simulator's field by field",
        {"ours": {OURS: here(ring_timeout=7)}},
    ),
    (
        "ours equals the simulator's field by field",
        {"ours": {OURS: here(expiry_time="2026-03-01T13:00:01Z")}},
    ),
    (
        "the session answered is the one kept",
        {"ours": {OURS: here(carrier_session_uuid=OTHER)}},
    ),
    ("our sessions are at Plivo", {"theirs": []}),
    (
        "not_updated is true",
        {
            "log": [DONE, replace(UPDATE, attempts=[REFUSED])],
            "ledger": [made(0.5), entry(4.5, action="updated", ring_timeout=7)],
        },
    ),
    (
        "updated is true",
        {"log": [DONE, replace(UPDATE, attempts=[attempt(5, 200)])]},
    ),
    (
        "not_expired is true",
        {
            "log": [
                DONE,
                replace(
                    DELETE, attempts=[attempt(5, 502, code="x", outcome="not_expired")]
                ),
            ],
            "ledger": [made(0.5), entry(4.5, action="deleted", session_uuid=THEIRS)],
        },
    ),
    ("errors say their outcome", {"log": [created(attempt(1, 500, code="x"))]}),
    ("unknown <= 5 %", {"log": [created(attempt(1, None))]}),
    ("created >= 90 %", {"log": [created(attempt(1, None))]}),
]


@pytest.mark.parametrize(("rule", "changed"), LIES)
def test_a_lie_is_seen(rule: str, changed: dict[str, Any]) -> None:
    assert rule in checked(**changed).failures


def test_a_fault_that_struck_too_rarely_is_seen() -> None:
    report = check_all(GOOD, 20, ["create_429"])

    assert report.failures == {"each kind of fault struck 20 times": ["create_429 0"]}


def test_an_update_done_by_an_earlier_attempt_is_no_lie_of_a_later_one() -> None:
    unknown = attempt(5, 504, code="x", outcome="unknown")
    busy = attempt(9, 409, code="update_in_progress", outcome="not_updated")
    task = replace(UPDATE, attempts=[unknown, busy])
    ledger = [made(0.5), entry(4.5, action="updated", ring_timeout=7)]

    report = checked(log=[DONE, task], ledger=ledger)

    assert "not_updated is true" not in report.failures
    assert final(task) == "not_updated"


@pytest.mark.parametrize("status", [None, 500, 503])
def test_what_an_unanswered_attempt_may_still_do_is_no_lie_of_a_later_one(
    status: int | None,
) -> None:
    refused = attempt(9, 503, code="carrier_throttled", outcome="not_updated")
    task = replace(UPDATE, attempts=[attempt(5, status), refused])
    ledger = [made(0.5), entry(8.5, action="updated", ring_timeout=7)]

    report = checked(log=[DONE, task], ledger=ledger)

    assert "not_updated is true" not in report.failures


def test_what_was_done_twice_is_a_lie_all_the_same() -> None:
    refused = attempt(9, 503, code="carrier_throttled", outcome="not_updated")
    task = replace(UPDATE, attempts=[attempt(5, None), refused])
    change = {"action": "updated", "ring_timeout": 7}
    ledger = [made(0.5), entry(8.4, **change), entry(8.6, **change)]

    report = checked(log=[DONE, task], ledger=ledger)

    assert "not_updated is true" in report.failures


# What is planned


def test_every_plan_is_for_a_pair_of_its_own_except_the_repeated() -> None:
    plans = list(plan.plans(500, seed=3))

    pairs = [frozenset((p.body["first_party"], p.body["second_party"])) for p in plans]
    own = [
        each
        for each, planned in zip(pairs, plans, strict=True)
        if planned.same_pair_as is None
    ]
    assert len(set(own)) == len(own)
    assert len({number for pair in own for number in pair}) == 2 * len(own)
    assert any(planned.same_pair_as is not None for planned in plans)
    assert plans == list(plan.plans(500, seed=3))


def test_every_update_has_a_ring_timeout_of_its_own() -> None:
    ring_timeouts = [
        body["ring_timeout"]
        for planned in plan.plans(500, seed=3)
        for together in planned.updates
        for body in together
    ]

    assert len(set(ring_timeouts)) == len(ring_timeouts)


def test_there_are_no_more_plans_than_fictional_numbers() -> None:
    with pytest.raises(ValueError, match="fictional numbers"):
        list(plan.plans(plan.MOST_PAIRS + 1, seed=3))
