"""Plivo's dirty answers come out clean (plivo-contract 1.3 to 1.7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.core import times
from masking.plivo import answers
from masking.plivo.errors import CarrierAnswerInvalidError
from tests.support.plivo_answers import AT_PLIVO, session_object

PIN_ATTRIBUTES = [
    "generate_pin",
    "generate_pin_length",
    "first_party_pin",
    "second_party_pin",
    "pin_prompt_play",
    "pin_retry",
    "pin_retry_wait",
    "incorrect_pin_play",
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def test_numbers_get_their_plus_back() -> None:
    session = answers.clean_session(session_object())

    assert session.virtual_number == "+12025550180"
    assert session.settings["first_party"] == "+12025550100"
    assert session.settings["second_party"] == "+12025550101"


def test_a_number_that_has_its_plus_keeps_it() -> None:
    session = answers.clean_session(session_object(virtual_number="+12025550180"))

    assert session.virtual_number == "+12025550180"


def test_the_seed_pages_answer_is_read_whole() -> None:
    session = answers.clean_session(
        {
            "first_party": "12025550100",
            "second_party": "12025550101",
            "virtual_number": "12025550180",
            "status": "active",
            "initiate_call_to_first_party": False,
            "first_party_pin": "1234",
            "second_party_pin": "4321",
            "is_pin_authentication_required": True,
            "generate_pin": False,
            "generate_pin_length": 4,
            "pin_ prompt_play": "https://app.example.com/pin_prompt.wav",
            "pin_retry": 1,
            "pin_retry_wait": "5",
            "incorrect_pin_play": "https://app.example.com/incorrect_pin.wav",
            "session_uuid": AT_PLIVO,
            "callback_url": "",
            "created_time": "2024-02-01 06:28:15 +0000 UTC",
            "modified_time": "2024-02-01 06:28:37 +0000 UTC",
            "expiry_time": "2024-02-01 06:58:15 +0000 UTC",
            "duration": 1800,
            "amount": 0,
            "call_time_limit": 14400,
            "ring_timeout": 45,
            "record": True,
            "record_file_format": "mp3",
            "interaction": None,
            "last_interaction_time": "",
        }
    )

    assert session.session_uuid == AT_PLIVO
    assert session.status == "active"
    assert session.duration == 1800
    assert session.created_time == datetime(2024, 2, 1, 6, 28, 15, tzinfo=UTC)
    assert session.expiry_time == datetime(2024, 2, 1, 6, 58, 15, tzinfo=UTC)
    assert session.settings == {
        "first_party": "+12025550100",
        "second_party": "+12025550101",
        "call_time_limit": 14400,
        "ring_timeout": 45,
        "record": True,
        "record_file_format": "mp3",
        "initiate_call_to_first_party": False,
        "is_pin_authentication_required": True,
        "generate_pin": False,
        "generate_pin_length": 4,
        "first_party_pin": "1234",
        "second_party_pin": "4321",
        "pin_prompt_play": "https://app.example.com/pin_prompt.wav",
        "pin_retry": 1,
        "pin_retry_wait": 5,
        "incorrect_pin_play": "https://app.example.com/incorrect_pin.wav",
    }
    assert session.totals == {"duration": 1800, "amount": "0"}


def test_the_prompt_is_read_under_both_of_its_names() -> None:
    wrong = session_object() | {"pin_ prompt_play": "https://app.example.com/a.mp3"}
    right = session_object(pin_prompt_play="https://app.example.com/a.mp3")

    assert (
        answers.clean_session(wrong).settings["pin_prompt_play"]
        == answers.clean_session(right).settings["pin_prompt_play"]
        == "https://app.example.com/a.mp3"
    )


@pytest.mark.parametrize("attribute", PIN_ATTRIBUTES)
def test_a_pin_attribute_that_is_null_is_as_absent_as_one_that_is_missing(
    attribute: str,
) -> None:
    null = session_object()
    missing = {k: v for k, v in session_object().items() if k not in PIN_ATTRIBUTES}

    assert attribute not in answers.clean_session(null).settings
    assert attribute not in answers.clean_session(missing).settings


def test_pins_keep_their_leading_zeros() -> None:
    session = answers.clean_session(
        session_object(first_party_pin="0042", second_party_pin="0007")
    )

    assert session.settings["first_party_pin"] == "0042"
    assert session.settings["second_party_pin"] == "0007"


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (0, "0"),
        (0.025, "0.025"),
        ("0.02500", "0.025"),
        ("1e-3", "0.001"),
        (1, "1"),
        (100, "100"),
        ("", None),
        (None, None),
        (True, None),
        ("free", None),
        (float("nan"), None),
        (float("inf"), None),
        ([], None),
    ],
    ids=repr,
)
def test_amounts_are_decimal_text_however_they_come(
    written: object, amount: str | None
) -> None:
    session = answers.clean_session(session_object(total_call_amount=written))

    assert session.totals.get("total_call_amount") == amount


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (5, 5),
        ("5", 5),
        (5.0, 5),
        ("", None),
        (None, None),
        (True, None),
        ("five", None),
        ({}, None),
        (float("inf"), None),
    ],
    ids=repr,
)
def test_integers_are_integers_however_they_come(
    written: object, number: int | None
) -> None:
    session = answers.clean_session(session_object(pin_retry_wait=written))

    assert session.settings.get("pin_retry_wait") == number


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        ("", None),
        (None, None),
        (1, None),
    ],
    ids=repr,
)
def test_truths_are_truths_however_they_come(
    written: object, truth: bool | None
) -> None:
    session = answers.clean_session(session_object(record=written))

    assert session.settings.get("record") is truth


@pytest.mark.parametrize("none", [None, "{}", {}, "", 0], ids=repr)
def test_no_calls_come_in_many_ways(none: object) -> None:
    session = answers.clean_session(session_object(interaction=none))

    assert "interaction" not in session.totals


def test_calls_are_a_list_of_clean_items() -> None:
    session = answers.clean_session(
        session_object(
            interaction=[
                {
                    "start_time": "2024-05-29 04:47:18 +0000 UTC",
                    "end_time": "2024-05-29 04:47:49.5 +0000 UTC",
                    "first_party_resource_url": "https://api.plivo.com/v1/Call/a",
                    "second_party_resource_url": None,
                    "type": "call",
                    "total_call_amount": 0.025,
                    "call_billed_duration": 30,
                    "total_call_count": 2,
                    "duration": 48,
                    "surprise": "x",
                },
                None,
                "a line of text",
            ]
        )
    )

    assert session.totals["interaction"] == [
        {
            "start_time": "2024-05-29T04:47:18Z",
            "end_time": "2024-05-29T04:47:49Z",
            "type": "call",
            "first_party_resource_url": "https://api.plivo.com/v1/Call/a",
            "total_call_count": 2,
            "total_call_amount": "0.025",
            "call_billed_duration": 30,
            "duration": "48",
        }
    ]


def test_the_time_of_the_last_call_is_absent_before_the_first() -> None:
    none = answers.clean_session(session_object(last_interaction_time=""))
    some = answers.clean_session(
        session_object(last_interaction_time="2024-05-29 04:47:49 +0000 UTC")
    )

    assert "last_interaction_time" not in none.totals
    assert some.totals["last_interaction_time"] == "2024-05-29T04:47:49Z"


@pytest.mark.parametrize(
    ("written", "micro"),
    [
        ("2024-02-01 06:28:15 +0000 UTC", 0),
        ("2024-02-01 06:28:15.5 +0000 UTC", 500_000),
        ("2024-02-01 06:28:15.12345 +0000 UTC", 123_450),
        ("2024-02-01 06:28:15.123456789 +0000 UTC", 123_456),
        ("2024-02-01 06:28:15.000001 +0000 +0000", 1),
        ("2024-02-01 06:28:15 +0000 +0000", 0),
        ("2024-02-01 06:28:15", 0),
        ("2024-02-01T06:28:15Z", 0),
        ("2024-02-01 11:58:15 +0530 IST", 0),
        ("  2024-02-01 06:28:15 +0000 UTC", 0),
    ],
)
def test_times_are_read_as_go_prints_them(written: str, micro: int) -> None:
    assert times.parse_go_time(written) == datetime(
        2024, 2, 1, 6, 28, 15, micro, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "written",
    [
        "",
        None,
        0,
        1706768895,
        "yesterday",
        "2024-13-01 06:28:15 +0000 UTC",
        "2024-02-01 25:28:15 +0000 UTC",
        "2024-02-01 06:28:15 +9999 UTC",
        "0001-01-01 00:00:00 +0000 UTC",
        "0001-01-01 00:00:00 +0530 UTC",
    ],
    ids=repr,
)
def test_what_is_no_time_is_absent(written: object) -> None:
    assert times.parse_go_time(written) is None


@pytest.mark.parametrize(
    "written",
    [
        *(
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-01:00",
            "0099-01-01 00:00:00",
        ),
        *("9999-12-31 23:59:59", "9001-01-01 00:00:00 +0000 UTC", "9" * 5_001),
    ],
)
def test_a_time_that_nothing_can_hold_is_not_known(written: str) -> None:
    assert times.parse_callback_time(written) is None
    assert times.parse_go_time(written) is None


@pytest.mark.parametrize(
    "amount", ["1e1000000", "-1e1000000", "1e-1000000", "9" * 5_001, "NaN", 10**400]
)
def test_an_amount_that_nothing_can_hold_is_not_known(amount: object) -> None:
    body = {"session_uuid": AT_PLIVO, "total_call_amount": amount}

    assert "total_call_amount" not in answers.clean_session(body).totals


@pytest.mark.parametrize("value", [10**15, -(10**400), "9" * 5_001, float("inf")])
def test_an_integer_that_nothing_can_hold_is_not_known(value: object) -> None:
    body = {"session_uuid": AT_PLIVO, "call_time_limit": value}

    assert "call_time_limit" not in answers.clean_session(body).settings


# Later years are no time of Plivo's, and retention could not be added to them.
KEPT_TIMES = st.datetimes(
    min_value=datetime(times.FIRST_YEAR, 1, 1),  # noqa: DTZ001
    max_value=datetime(times.LAST_YEAR, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(KEPT_TIMES)
def test_every_time_that_go_prints_is_read(moment: datetime) -> None:
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    written = f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"

    assert times.parse_go_time(written) == moment


@pytest.mark.parametrize(
    ("written", "status"),
    [("active", "active"), ("Expired", "expired"), (None, ""), ("", "")],
    ids=repr,
)
def test_the_status_is_in_lower_case(written: object, status: str) -> None:
    assert answers.clean_session(session_object(status=written)).status == status


@pytest.mark.parametrize(
    "name", [None, "", "not-a-uuid", 17, "../../Call", AT_PLIVO + "0"], ids=repr
)
def test_an_answer_without_a_session_uuid_is_no_answer(name: object) -> None:
    with pytest.raises(CarrierAnswerInvalidError):
        answers.clean_session(session_object(session_uuid=name))


def test_an_answer_may_hold_nothing_but_its_uuid() -> None:
    session = answers.clean_session({"session_uuid": AT_PLIVO.upper()})

    assert session.session_uuid == AT_PLIVO
    assert session.callback_url == ""
    assert session.settings == {}
    assert session.totals == {}


@given(st.dictionaries(st.sampled_from(sorted(session_object())), JSON))
def test_no_answer_is_so_dirty_that_it_breaks_us(body: dict[str, Any]) -> None:
    session = answers.clean_session({**body, "session_uuid": AT_PLIVO})

    assert None not in session.settings.values()
    assert None not in session.totals.values()
