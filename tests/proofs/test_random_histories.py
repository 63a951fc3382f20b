"""Random histories through the real handlers, compared with the truth.

In process, against the embedded AWS: the same handlers as deployment, without the
seconds that their processes would cost a thousand times.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from functions.on_recording_event import app as on_recording_event
from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from masking.domain import callback_event, plivo_events
from masking.domain.timeline import Timeline, build_timeline
from masking.storage import timelines
from masking.wiring import Services
from tests.support.embedded_aws import Deployment
from tests.support.proof_size import size
from tests.support.raw_callbacks import active_session, path_of, signed_form
from tests.support.simulated_calls import (
    FIRST,
    PARTIES,
    SECOND,
    STRANGER,
    Told,
    play,
    text_of,
)

HISTORIES = size(120, 1_000)
SEED = 20261123

PIN = {
    "is_pin_authentication_required": True,
    "first_party_pin": "1234",
    "second_party_pin": "5678",
    "pin_prompt_play": "https://app.example.com/prompt.mp3",
    "pin_retry": 1,
}


def _history(dice: random.Random) -> Told:
    """Play a random history of which no two callbacks say the same."""
    while True:
        plans = [
            {
                "from": dice.choice([FIRST, SECOND, STRANGER]),
                "gap": dice.randrange(12) / 4,
                "answer": dice.choice(["yes", "yes", "yes", "rejected", "busy"]),
                "ring_seconds": 1 + dice.randrange(8) / 4,
                "talk_seconds": 1 + dice.randrange(8) / 4,
                "hangup_by": dice.choice(["caller", "callee"]),
                "digits": dice.choice([["1234"], ["0", "0"]]),
                "replace": dice.random() < 0.1,
            }
            for _ in range(dice.choice([1, 1, 2, 3]))
        ]
        told = play(
            plans,
            switches={
                "sequence": dice.choice(["per_session", "per_call"]),
                "generation": dice.choice(["current", "2024", "2023"]),
                "party_names": dice.choice(["by_leg", "by_registration"]),
            },
            settings=dice.choice([{}, {"record": True}, PIN]),
            offset=dice.randrange(4) / 4,
        )
        digests = [each.digest for each in told.events()]
        if digests and len(set(digests)) == len(digests):
            return told


def _posts(
    told: Told, services: Services, session: Any, dice: random.Random
) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what arrives: originals, repeats, forged and tampered copies, shuffled."""
    arriving = []
    for callback in told.callbacks:
        kind = "recordings" if callback.channel == "recording" else "events"
        path = path_of(services, session, kind)
        form = list(text_of(callback.attributes).items())
        arriving += [("right", kind, signed_form(path, form))] * dice.choice([1, 1, 2])
        if dice.random() < 0.15:
            forged = signed_form(path, form, token="a-token-of-somebody-else")
            arriving.append(("wrong", kind, forged))
        if dice.random() < 0.15:
            other = [*form, ("Duration", "99999")]
            tampered = signed_form(path, form, sent=other)
            arriving.append(("wrong", kind, tampered))
        if dice.random() < 0.05:
            elsewhere = path.replace("/1/", "/2/")
            arriving.append(("wrong", kind, signed_form(elsewhere, form)))
    dice.shuffle(arriving)
    return arriving


def test_what_is_kept_of_any_history_is_the_timeline_of_its_originals(
    services: Services,
) -> None:
    dice = random.Random(SEED)  # noqa: S311
    handlers = {
        "events": on_session_event.lambda_handler,
        "recordings": on_recording_event.lambda_handler,
    }
    sent = {"right": 0, "wrong": 0}

    for number in range(HISTORIES):
        told = _history(dice)
        session = active_session(services)
        for expected, kind, request in _posts(told, services, session, dice):
            status = handlers[kind](request, None)["statusCode"]
            assert status == (200 if expected == "right" else 403), number
            sent[expected] += 1

        whole = services.stores.sessions.load_whole(session.session_uuid)

        assert whole
        kept = timelines.timeline_of(whole.callbacks, whole.session)
        _same(kept, build_timeline(told.events(), PARTIES))
        truth = [told.digests_of(call) for call in told.calls]
        found = [set(call.digests) for call in kept.calls]
        assert found == [digests for digests in truth if digests], number

    print(f"{HISTORIES} histories, {sent['right']} right, {sent['wrong']} refused")
    assert sent["wrong"] > HISTORIES


def _same(kept: Timeline, expected: Timeline) -> None:
    assert kept.calls == expected.calls
    assert [h.digest for h in kept.history] == [h.digest for h in expected.history]
    assert kept.virtual_number == expected.virtual_number
    assert (kept.amount, kept.billed_seconds) == (
        expected.amount,
        expected.billed_seconds,
    )


@pytest.mark.parametrize("seed", range(3))
def test_every_event_of_a_history_is_published_once_by_its_id(
    deployment: Deployment, services: Services, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    told = _history(dice)
    session = active_session(services)
    for _, kind, request in _posts(told, services, session, dice):
        handler = on_session_event if kind == "events" else on_recording_event
        handler.lambda_handler(request, None)

    records = deployment.stream()
    for start in range(0, len(records), 7):
        batch = records[start : start + 7]
        # At least once: a batch may come again.
        for _ in range(dice.choice([1, 2])):
            answer = publish_changes.lambda_handler({"Records": batch}, None)
            assert answer == {"batchItemFailures": []}

    published = deployment.published()
    of_callbacks = [each for each in published if "callback" in each]
    expected = {
        (each.digest, plivo_events.type_of(each.attributes))
        for each in told.events()
        if plivo_events.type_of(each.attributes)
    }
    assert {(each["callback"], each["type"]) for each in of_callbacks} == expected
    assert len({each["id"] for each in of_callbacks}) == len(expected)
    assert callback_event.ordered(told.events())
