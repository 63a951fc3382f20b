"""The judge of the chaos sees every kind of lie, and only these."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proofs.chaos import plan, storm
from proofs.chaos.plan import Wish
from proofs.chaos.storm import Weather
from proofs.chaos.traffic import Sent, Task, creating
from proofs.chaos.verdict import Evidence, Verdict, final, judge

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OURS = "11111111-1111-5111-8111-111111111111"
THEIRS = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"
PATH = f"https://masks.example.com/v1/plivo/sessions/{OURS}/1/token/events"
WISH = Wish(0, "key", {}, (), is_deleted=False)


def sent(second: float, status: int | None, **more: Any) -> Sent:
    """Give an answer, asked for a second before."""
    at = START + timedelta(seconds=second)
    return Sent(at - timedelta(seconds=1), at, status, **more)


def entry(second: float, **committed: Any) -> dict[str, Any]:
    """Give a line of the ledger."""
    at = (START + timedelta(seconds=second)).isoformat(timespec="milliseconds")
    return {"at": at, "operation": "x", "fault": None, "committed": committed or None}


def made(second: float, uuid: str = THEIRS, *, rang: bool = False) -> dict[str, Any]:
    """Give the line of a session that was made."""
    return entry(
        second, action="created", session_uuid=uuid, callback_url=PATH, rang=rang
    )


def there(uuid: str = THEIRS, status: str = "active", **more: Any) -> dict[str, Any]:
    """Give a session as the simulator shows it."""
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
    """Give the session as our API shows it."""
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


def created(*sends: Sent) -> Task:
    """Give a create with these answers."""
    return replace(creating(WISH), sends=list(sends))


DONE = created(sent(1, 201, session=here()))
GOOD = Evidence([DONE], [made(0.5)], [there()], {OURS: here()}, {"key": OURS})


def judged(**changed: Any) -> Verdict:
    """Judge what differs from a run in which all went well."""
    return judge(replace(GOOD, **changed), 0, [])


def test_a_run_in_which_all_went_well_holds() -> None:
    assert judged().holds


NOT_CREATED = created(sent(1, 503, code="x", outcome="not_created"))
UPDATE = Task("update", WISH, "PATCH", f"/v1/sessions/{OURS}", {"ring_timeout": 7})
DELETE = Task("delete", WISH, "DELETE", f"/v1/sessions/{OURS}")
REFUSED = sent(5, 502, code="x", outcome="not_updated")

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
            "log": [DONE, replace(UPDATE, sends=[REFUSED])],
            "ledger": [made(0.5), entry(4.5, action="updated", ring_timeout=7)],
        },
    ),
    (
        "updated is true",
        {"log": [DONE, replace(UPDATE, sends=[sent(5, 200)])]},
    ),
    (
        "not_expired is true",
        {
            "log": [
                DONE,
                replace(DELETE, sends=[sent(5, 502, code="x", outcome="not_expired")]),
            ],
            "ledger": [made(0.5), entry(4.5, action="deleted", session_uuid=THEIRS)],
        },
    ),
    ("errors say their outcome", {"log": [created(sent(1, 500, code="x"))]}),
    ("unknown <= 5 %", {"log": [created(sent(1, None))]}),
    ("created >= 90 %", {"log": [created(sent(1, None))]}),
]


@pytest.mark.parametrize(("rule", "changed"), LIES)
def test_a_lie_is_seen(rule: str, changed: dict[str, Any]) -> None:
    assert rule in judged(**changed).broken


def test_a_fault_that_fired_too_rarely_is_seen() -> None:
    verdict = judge(GOOD, 20, ["create_429"])

    assert verdict.broken == {"each kind of fault fired 20 times": ["create_429 0"]}


def test_an_update_that_was_done_by_an_earlier_send_is_no_lie_of_a_later_one() -> None:
    unknown = sent(5, 504, code="x", outcome="unknown")
    busy = sent(9, 409, code="update_in_progress", outcome="not_updated")
    task = replace(UPDATE, sends=[unknown, busy])
    ledger = [made(0.5), entry(4.5, action="updated", ring_timeout=7)]

    verdict = judged(log=[DONE, task], ledger=ledger)

    assert "not_updated is true" not in verdict.broken
    assert final(task) == "not_updated"


@pytest.mark.parametrize("status", [None, 500, 503])
def test_what_an_unanswered_send_may_still_do_is_no_lie_of_a_later_one(
    status: int | None,
) -> None:
    refused = sent(9, 503, code="carrier_throttled", outcome="not_updated")
    task = replace(UPDATE, sends=[sent(5, status), refused])
    ledger = [made(0.5), entry(8.5, action="updated", ring_timeout=7)]

    verdict = judged(log=[DONE, task], ledger=ledger)

    assert "not_updated is true" not in verdict.broken


def test_what_was_done_twice_is_a_lie_all_the_same() -> None:
    refused = sent(9, 503, code="carrier_throttled", outcome="not_updated")
    task = replace(UPDATE, sends=[sent(5, None), refused])
    change = {"action": "updated", "ring_timeout": 7}
    ledger = [made(0.5), entry(8.4, **change), entry(8.6, **change)]

    verdict = judged(log=[DONE, task], ledger=ledger)

    assert "not_updated is true" in verdict.broken


# What the judge is told about


def test_every_wish_is_for_a_pair_of_its_own_but_for_the_twins() -> None:
    wishes = list(plan.wishes(500, seed=3))

    pairs = [frozenset((w.body["first_party"], w.body["second_party"])) for w in wishes]
    own = [p for p, w in zip(pairs, wishes, strict=True) if w.twin_of is None]
    assert len(set(own)) == len(own)
    assert len({number for pair in own for number in pair}) == 2 * len(own)
    assert any(wish.twin_of is not None for wish in wishes)
    assert wishes == list(plan.wishes(500, seed=3))


def test_every_update_has_a_mark_of_its_own() -> None:
    marks = [
        body["ring_timeout"]
        for wish in plan.wishes(500, seed=3)
        for together in wish.updates
        for body in together
    ]

    assert len(set(marks)) == len(marks)


def test_there_are_no_more_wishes_than_fictional_numbers() -> None:
    with pytest.raises(ValueError, match="fictional numbers"):
        list(plan.wishes(plan.MOST_PAIRS + 1, seed=3))


def test_what_has_fired_too_rarely_gets_the_higher_rate() -> None:
    fired = Counter({"create_429": 10, "create_slow": 1})
    weather = Weather(fired, Counter(create=2_000), Counter(create=20))

    rates = storm.rates(weather)

    assert rates["create_slow"] > rates["create_429"] > 0
    assert sum(rates[k] for k in storm.KINDS["create"]) <= storm.MOST_OF_ONE + 1e-9


def test_in_a_calm_nothing_is_armed_and_a_hidden_listing_stays_hidden() -> None:
    assert storm.arming({}, hide_listing=False) == {}
    assert storm.arming({"list_5xx": 0.5, "get_5xx": 0.5}, hide_listing=True) == {
        "get_5xx": {"rate": 0.5},
        "list_lag": {"rate": 1, "seconds": 10**7},
    }
