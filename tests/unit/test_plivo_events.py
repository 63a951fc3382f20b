"""Plivo's callbacks: what is read from them, what they mean, what may be passed on."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.api import callback_requests
from masking.core.problems import MalformedBodyError
from masking.domain import plivo_events

FORM = "application/x-www-form-urlencoded"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)

# plivo-contract 2: three generations, and what each event is to us.
MEANINGS = {
    "SessionFirstPartyAnswer": "call.started",
    "SessionSecondPartyRing": "call.ringing",
    "SessionSecondPartyAnswer": "call.answered",
    "SessionFirstPartyHangup": None,
    "SessionSecondPartyHangup": None,
    "SessionTimeout": None,
    "SessionPartiesHangup": "call.ended",
    "SessionVirtualNumberReplaced": "number.replaced",
    "SessionFirstPartyInitiated": None,
    "SessionFirstPartyRinging": "call.ringing",
    "SessionFirstPartyComplete": None,
    "SessionFirstPartyFailed": None,
    "SessionSecondPartyInitiated": None,
    "SessionSecondPartyRinging": "call.ringing",
    "SessionSecondPartyComplete": None,
    "SessionSecondPartyFailed": None,
    "SessionVirtualNumberAnswer": None,
    "SessionRecordingInitiated": None,
    "SessionRecordingCompleted": "recording.announced",
    "SessionRecordingFailed": "recording.failed",
    "SessionSomethingNew": "carrier.unknown_event",
}


def test_a_form_is_decoded_and_blank_values_are_kept() -> None:
    pairs = callback_requests.pairs_of(
        FORM, b"EventName=A&EventTimestamp=1+2%3A3&Amount=", ""
    )

    assert list(pairs) == [
        ("EventName", "A"),
        ("EventTimestamp", "1 2:3"),
        ("Amount", ""),
    ]


@pytest.mark.parametrize("content_type", [FORM, "", "text/plain", FORM + "; charset=x"])
def test_what_is_not_json_is_read_as_a_form(content_type: str) -> None:
    assert list(callback_requests.pairs_of(content_type, b"EventName=A", "")) == [
        ("EventName", "A")
    ]


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON ; charset=utf-8"]
)
def test_json_is_read_as_a_flat_object(content_type: str) -> None:
    body = {
        "EventName": "A",
        "SequenceNumber": 3,
        "Answered": True,
        "Amount": None,
        "Legs": ["a", "b"],
        "Extra": {"deep": 1},
    }

    pairs = callback_requests.pairs_of(content_type, json.dumps(body).encode(), "")

    assert list(pairs) == [
        ("EventName", "A"),
        ("SequenceNumber", "3"),
        ("Answered", "true"),
        ("Amount", "null"),
        ("Legs", "a"),
        ("Legs", "b"),
        ("Extra", '{"deep": 1}'),
    ]


def test_a_get_carries_its_attributes_in_the_query() -> None:
    pairs = callback_requests.pairs_of("", b"", "EventName=A&From=12025550100&Amount=")

    assert list(pairs) == [("EventName", "A"), ("From", "12025550100"), ("Amount", "")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"&".join(b"a=1" for _ in range(101))),
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b"\xff"),
        ("application/json", b"[" * 60_000),
        ("application/json", json.dumps({str(n): n for n in range(101)}).encode()),
    ],
    ids=range(6),
)
def test_what_is_neither_form_nor_flat_json_is_malformed(
    content_type: str, body: bytes
) -> None:
    with pytest.raises(MalformedBodyError):
        callback_requests.pairs_of(content_type, body, "")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"EventName=A&Name=Jos%E9"),
        (FORM, b"EventName=A&Name=Jos\xe9"),
        ("", b"EventName=A&Name=Jos\xc3\xa9"),
        (FORM, b"EventName=A&Name=Jos%C3%A9"),
        ("application/json", b'{"EventName": "A", "Name": "Jos\xe9"}'),
        ("application/json", b'{"EventName": "A", "Name": "Jos\xc3\xa9"}'),
    ],
)
def test_a_name_in_latin_1_is_read_as_one_in_utf_8(
    content_type: str, body: bytes
) -> None:
    pairs = callback_requests.pairs_of(content_type, body, "")

    assert list(pairs) == [("EventName", "A"), ("Name", "Jos\u00e9")]


def test_a_query_in_latin_1_is_read_as_well() -> None:
    pairs = callback_requests.pairs_of("", b"", "EventName=A&Name=Jos%E9")

    assert list(pairs) == [("EventName", "A"), ("Name", "Jos\u00e9")]


@given(st.binary(max_size=200), st.sampled_from([FORM, "application/json", "", "x"]))
def test_every_body_is_read_or_called_malformed(body: bytes, content_type: str) -> None:
    try:
        pairs = callback_requests.pairs_of(content_type, body, "")
    except MalformedBodyError:
        return
    assert {type(text) for pair in pairs for text in pair} <= {str}


def test_a_repeated_attribute_keeps_all_its_values() -> None:
    pairs = [("EventName", "A"), ("Leg", "b"), ("Leg", "a")]
    # What is said twice is said.
    pairs += [("EventName", "A"), ("Leg", "b")]

    assert callback_requests.attributes_of(pairs) == {"EventName": "A", "Leg": "a\nb"}


@pytest.mark.parametrize("pairs", [[], [("EventName", "")], [("Event", "A")]], ids=repr)
def test_what_has_no_event_name_is_no_callback(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(MalformedBodyError) as refused:
        callback_requests.attributes_of(pairs)

    assert refused.value.explanation == "A callback must have an EventName."


@given(st.lists(st.tuples(TEXT, TEXT), max_size=6), st.randoms())
def test_a_callback_is_known_by_its_attributes_in_whatever_order(
    pairs: list[tuple[str, str]], random: object
) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert callback_requests.digest_of(shuffled) == callback_requests.digest_of(pairs)
    assert callback_requests.digest_of(
        [*pairs, ("x", "")]
    ) != callback_requests.digest_of(pairs)


def test_a_callback_is_the_same_as_a_form_and_as_json() -> None:
    attributes = {"EventName": "A", "SequenceNumber": "3", "Amount": ""}

    form = callback_requests.pairs_of(FORM, urlencode(attributes).encode(), "")
    document = callback_requests.pairs_of(
        "application/json", json.dumps(attributes).encode(), ""
    )

    assert callback_requests.digest_of(form) == callback_requests.digest_of(document)


def test_names_and_values_do_not_run_together() -> None:
    assert callback_requests.digest_of([("a", "bc")]) != callback_requests.digest_of(
        [("ab", "c")]
    )


@pytest.mark.parametrize(("name", "meaning"), MEANINGS.items())
def test_each_of_plivos_events_means_one_of_ours_or_none(
    name: str, meaning: str | None
) -> None:
    assert plivo_events.type_of({"EventName": name}) == meaning


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("failed", "pin.failed"),
        ("Failed", "pin.failed"),
        ("Failure", "pin.failed"),
        ("max_retries_exceeded", "pin.failed"),
        ("timeout", "pin.failed"),
        ("something new", "pin.failed"),
        ("not success", "pin.failed"),
        ("success", "pin.succeeded"),
        ("SUCCESS", "pin.succeeded"),
        ("AuthorizedCaller", "pin.not_asked"),
        ("authorized_caller", "pin.not_asked"),
        ("", "pin.unknown"),
        ("  ", "pin.unknown"),
    ],
)
def test_a_pin_is_right_only_if_plivo_says_so(status: str, meaning: str) -> None:
    assert meaning == plivo_events.type_of(
        {
            "EventName": "SessionPinAuthenticationStatus",
            "PinAuthenticationStatus": status,
        }
    )


def test_personal_attributes_and_addresses_are_not_passed_on() -> None:
    attributes = {
        "EventName": "SessionRecordingCompleted",
        "From": "12025550100",
        "To": "12025550101",
        "FirstParty": "12025550100",
        "SecondParty": "12025550101",
        "Digits": "0042",
        "Pin": "0042",
        "RecordingURL": "https://media.plivo.com/a.mp3",
        "RecordingResourceURL": "https://api.plivo.com/v1/Recording/a",
        "VirtualNumber": "12025550180",
        "SequenceNumber": "12345678",
        "Surprise": "asked for +1 202 555 0177",
    }

    shared = plivo_events.without_personal_data(attributes)

    assert shared == {
        "EventName": "SessionRecordingCompleted",
        "VirtualNumber": "12025550180",
        "SequenceNumber": "12345678",
        "Surprise": "asked for +************77",
    }


@pytest.mark.parametrize(
    ("number", "role"),
    [
        ("12025550100", "first"),
        ("+12025550101", "second"),
        ("12025550177", "unknown"),
        ("anonymous", "anonymous"),
        ("", "anonymous"),
        ("null", None),
        (None, None),
    ],
    ids=repr,
)
def test_a_number_is_told_by_its_role(number: str | None, role: str | None) -> None:
    parties = {"first": "+12025550100", "second": "+12025550101"}

    assert plivo_events.role_of(number, parties) == role
