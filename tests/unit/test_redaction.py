"""What is left of a person's session is what is named, whatever else there was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from masking.domain import plivo_events, redaction
from masking.storage import redacted_items
from tests.support.session_states import NOW, active

PERSON = "+12025550142"
PARTIES = {"first": PERSON, "second": "+12025550143"}
KEY = b"a key"

names = st.sampled_from(
    [
        *("From", "To", "FirstParty", "SecondParty", "Digits", "Pin", "Caller"),
        *("RecordingURL", "RecordingResourceURL", "SomethingNew"),
    ]
)
holds_it = st.sampled_from(
    [PERSON, "12025550142", f"https://media.plivo.com/{PERSON}.mp3", f"sip:{PERSON}@x"]
)


@given(told=st.dictionaries(names, holds_it), knows=st.booleans())
def test_no_attribute_that_may_hold_a_number_keeps_it(
    told: dict[str, str], *, knows: bool
) -> None:
    kept = redaction.redacted_attributes(
        {"EventName": "SessionTimeout", **told}, PARTIES if knows else None
    )

    assert "2025550142" not in str(kept)
    assert kept["EventName"] == "SessionTimeout"


@given(caller=st.sampled_from([PERSON, "12025550143", "+12025550144"]))
def test_who_called_is_the_same_before_and_after(caller: str) -> None:
    kept = redaction.redacted_attributes({"EventName": "x", "From": caller}, PARTIES)

    before = plivo_events.role_of(caller, PARTIES)
    assert before == plivo_events.role_of(kept["From"], dict.fromkeys(PARTIES))


def test_a_recordings_address_leaves_its_name_alone() -> None:
    name = "5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c"
    told = {"RecordingResourceURL": f"https://api.plivo.com/{PERSON}/{name}/"}

    kept = redaction.redacted_attributes(told)

    assert kept == {"RecordingResourceURL": name}
    assert redaction.redacted_attributes(kept) == kept


CALL = {
    "start_time": "2026-11-23T10:00:00Z",
    "duration": "15",
    "from": PERSON,
    "first_party_resource_url": f"https://api.plivo.com/{PERSON}/Call/1/",
    "first_party_leg": {"duration": 15, "call_uuid": "1", "from_number": PERSON},
}
LEFT = {
    "start_time": "2026-11-23T10:00:00Z",
    "duration": "15",
    "first_party_leg": {"duration": 15},
}


def test_an_erased_session_keeps_no_call_of_its_snapshot() -> None:
    session = replace(active(), calls=[CALL])

    after = redaction.redacted_session(session, NOW)

    assert after.calls == ()
    assert PERSON not in str(after)


def test_a_snapshot_keeps_of_its_calls_what_is_named() -> None:
    known = {"pk": "S#1", "sk": "A#SNAPSHOT", "calls": [CALL], "purge_at": 1}

    after = redacted_items.redacted_snapshot("1", known, 2)

    assert after["calls"] == [LEFT]
    assert after["erased"] is True
    assert PERSON not in str(after)


def test_a_callbacks_item_gets_a_name_that_only_our_key_makes() -> None:
    item = {
        "pk": "S#1",
        "sk": "E#abc",
        "attributes": {"EventName": "x", "From": PERSON},
        "kind": "events",
        "received_at": "2026-11-23T10:00:00.000000Z",
        "purge_at": 1,
        "note": PERSON,
    }

    after = redacted_items.redacted_callback(item, PARTIES, KEY)

    assert after["sk"] == f"E#{redaction.redacted_digest(KEY, 'abc')}"
    assert after["sk"] != f"E#{redaction.redacted_digest(b'another', 'abc')}"
    assert after["attributes"] == {"EventName": "x", "From": "first"}
    assert "note" not in after
    assert {
        name: after[name] for name in ("pk", "kind", "received_at", "purge_at")
    } == {name: item[name] for name in ("pk", "kind", "received_at", "purge_at")}


def test_a_call_keeps_its_accounting_and_no_address() -> None:
    url = (
        "https://api.plivo.com/v1/Account/MA/Call/5d0f4a3b-2c1e-4f7a-9b8c-7d6e5f4a3b2c/"
    )
    call: dict[str, Any] = {
        "duration": "12.5",
        "first_party_status": "completed",
        "first_party_leg": {"duration": 12, "call_uuid": "5d0f4a3b", "from": PERSON},
        "second_party_resource_url": url,
        "recording_resource_url": url,
    }

    assert redaction.redacted_call(call) == {
        "duration": "12.5",
        "first_party_status": "completed",
        "first_party_leg": {"duration": 12},
    }
