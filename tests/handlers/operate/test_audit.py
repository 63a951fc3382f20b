"""The command compares all that Plivo has with the table."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from masking.domain.sessions import Status
from masking.plivo.account import Account, AnswerUrls
from masking.wiring import Services
from operate import audit
from operate.plivo import Tools
from tests.support.clock import Clock
from tests.support.harness import Harness
from tests.support.harness_services import CALLBACK_KEY
from tests.support.maskline import Command
from tests.support.sessions_there import created
from tests.support.simulated_plivo import SimulatedPlivo


def _tools(harness: Harness) -> Tools:
    account = Account(harness.carrier)
    urls = AnswerUrls("", "")
    return Tools(
        harness.carrier, account, harness.stores, CALLBACK_KEY, urls, harness.now
    )


def _verdicts(harness: Harness, *, repair: bool = False) -> Counter[str]:
    return Counter(each.outcome for each in audit.audit(_tools(harness), repair=repair))


def test_sessions_that_agree_are_counted_and_nothing_is_changed(
    harness: Harness,
) -> None:
    for number in range(45):
        harness.create(number, session_expiry=60 if number % 2 else 86_000)
    harness.advance(minutes=2)
    harness.sweep()

    assert _verdicts(harness) == {audit.AGREES: 45}


def test_what_is_wrong_is_named_and_can_be_repaired(harness: Harness) -> None:
    from masking.domain import transitions
    from masking.plivo import callback_urls
    from tests.support.harness import NOWHERE

    fine = harness.create(0, session_expiry=86_000)
    registered = callback_urls.registration(CALLBACK_KEY, NOWHERE, fine.session_uuid, 2)
    duplicate = {"first_party": "+12025550150", "second_party": "+12025550151"}
    orphan = harness.carrier.create({**duplicate, "session_expiry": 86_000}, registered)
    foreign = {"callback_url": "https://other.example.com/hook"}
    harness.carrier.create({"first_party": "12025550152", **_other()}, foreign)
    alive = harness.create(1, session_expiry=86_000)
    harness.stores.sessions.replace(alive, transitions.expire(alive, harness.now()))
    ended = harness.create(2, session_expiry=86_000)
    harness.carrier.expire(str(ended.carrier_session_uuid))
    moved = harness.create(3, session_expiry=86_000)
    at_plivo = str(moved.carrier_session_uuid)
    harness.ask_simulator("POST", f"sessions/{at_plivo}/replace-number", {})

    seen = _verdicts(harness)
    _verdicts(harness, repair=True)
    after = _verdicts(harness)

    assert seen == {
        audit.AGREES: 1,
        audit.ORPHAN: 1,
        audit.FOREIGN: 1,
        audit.ALIVE: 1,
        audit.ENDED: 1,
        audit.DIFFERS: 1,
    }
    assert after == {audit.AGREES: 5, audit.FOREIGN: 1}
    assert not harness.simulator.store.sessions[orphan.session_uuid].is_live(
        harness.now()
    )
    assert not harness.is_live(alive)
    assert harness.load(ended).status is Status.EXPIRED
    assert harness.load(moved).virtual_number != moved.virtual_number
    assert harness.is_live(fine)


def test_sessions_of_ninety_days_are_walked_and_each_once(harness: Harness) -> None:
    made = []
    for number in range(5):
        made.append(harness.create(number, session_expiry=60))
        harness.advance(days=17)
        harness.sweep()

    found = audit.audit(_tools(harness))

    assert len(found) == len(made)
    told = Counter(each.outcome for each in found)
    assert told[audit.UNSETTLED] >= 4


def _other() -> dict[str, object]:
    return {"second_party": "12025550153", "session_expiry": 86_000}


@pytest.mark.parametrize("repaired", [False, True], ids=["seen", "repaired"])
def test_the_command_ends_with_1_while_something_is_wrong(
    command: Command,
    services: Services,
    plivo: SimulatedPlivo,
    clock: Clock,
    repaired: bool,
) -> None:
    assert plivo.sessions() == []
    session = created(services, clock)
    services.carrier.expire(str(session.carrier_session_uuid))
    option = ["--repair"] if repaired else []

    ended = command.run("audit", "--json", *option)

    shown = json.loads(ended.out)
    assert (ended.status, ended.err) == (0 if repaired else 1, "")
    assert shown == {
        "counts": {audit.ENDED: 1},
        "findings": [
            {
                "outcome": audit.ENDED,
                "carrier_session_uuid": session.carrier_session_uuid,
                "session_uuid": session.session_uuid,
                "repaired": repaired,
            }
        ],
    }
    again = command.run("audit")
    outcome = audit.AGREES if repaired else audit.ENDED
    assert again.status == ended.status
    assert again.out.splitlines()[-1] == f"{1:>6}  {outcome}"
    assert (str(session.session_uuid) in again.out) is not repaired
