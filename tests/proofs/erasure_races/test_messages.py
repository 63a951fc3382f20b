"""Messages come early, twice or about nothing, and links lead to purged sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from masking.core import key_space
from masking.domain.sessions import Session
from masking.storage.table import MARK
from tests.support.harness import TENANT, Harness
from tests.support.person import PERSON, erase_person, hashes_of
from tests.support.pii_scan import EVERYWHERE, all_places, table_items, traces


def test_a_link_to_a_session_that_was_purged_goes_with_what_is_left_of_it(
    harness: Harness, session: Session
) -> None:
    harness.stores.table.delete(
        key_space.session_key(session.session_uuid), key_space.STATE
    )
    erasure = harness.request_erasure(PERSON)

    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["sessions"] == 1
    assert traces(all_places(harness), EVERYWHERE) == []
    # Its request, which is purged apart from its state, knew its labels.
    assert not [item for item in table_items(harness) if item["pk"].startswith("L#")]


def test_a_link_to_nothing_goes(harness: Harness) -> None:
    key = key_space.party_key(TENANT, hashes_of(PERSON))
    harness.stores.links.put(key, "2026-01-01T00:00:00.000000Z#nothing")
    erasure = harness.request_erasure(PERSON)

    harness.run_until_idle()

    assert harness.load_erasure(erasure).found["sessions"] == 0
    assert not harness.stores.links.has(key, "2026-01-01T00:00:00.000000Z#nothing")


@pytest.mark.parametrize(
    "message",
    [
        {"erasure_id": "00000000-0000-4000-8000-000000000000"},
        {"session_uuid": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_a_message_about_nothing_does_nothing(
    harness: Harness, message: dict[str, str]
) -> None:
    before = table_items(harness)

    assert harness.carry_out(message)

    assert table_items(harness) == before


def test_messages_that_come_again_do_nothing(
    harness: Harness, session: Session
) -> None:
    erasure = harness.request_erasure(PERSON)
    harness.run_until_idle()
    before = _contents(harness)

    for message in (
        {"erasure_id": erasure.erasure_id},
        {"session_uuid": session.session_uuid},
        {"erasure_id": erasure.erasure_id, "session_uuid": session.session_uuid},
    ):
        assert harness.carry_out(message)

    assert _contents(harness) == before


def _contents(harness: Harness) -> list[str]:
    """Return what the table holds, without the tokens of writes."""
    items = [
        {name: value for name, value in item.items() if name != MARK}
        for item in table_items(harness)
    ]
    return sorted(map(str, items))


def test_a_second_run_that_comes_too_early_is_put_off(
    harness: Harness, session: Session
) -> None:
    erasure = harness.request_erasure(PERSON)
    harness.publish()
    message = {"erasure_id": erasure.erasure_id}
    assert harness.carry_out(message)
    harness.erasure_queue.messages.clear()

    assert harness.carry_out(message)

    assert harness.load(session).erased_at
    assert harness.load_erasure(erasure).completed_at is None
    assert [m["erasure_id"] for m in harness.erasure_queue.messages] == [
        erasure.erasure_id
    ]


def test_a_session_without_a_tombstone_is_not_erased(
    harness: Harness, session: Session
) -> None:
    assert harness.carry_out({"session_uuid": session.session_uuid})

    assert harness.load(session).erased_at is None


class SilentQueue:
    """A queue in which nothing is put off."""

    def postpone_all(self, seconds: dict[str, int]) -> None:
        """Fail if anything is put off."""
        assert seconds == {}


def test_nothing_is_delivered_of_an_erased_session(
    harness: Harness, session: Session
) -> None:
    erase_person(harness)
    detail = {
        "session_uuid": session.session_uuid,
        "tenant_id": TENANT,
        "id": "7b6a4f6e-3a52-4f3e-9a0b-52c1f6f2a1aa",
        "type": "call.ended",
        "webhook": "callback_url",
    }
    message = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": json.dumps({"detail": detail}),
        "attributes": {"SentTimestamp": "1772366427000"},
    }
    services: Any = harness.services
    services.webhook_queue = SilentQueue()
    services.webhook_dead_letters = SilentQueue()

    assert services.deliver_webhook.deliver_batch([message]) == []

    assert harness.stores.deliveries.of_session(session.session_uuid) == []
