"""What a create and an update may say, and what the answer says if they don't."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.api import request_models, requests, search_requests
from masking.core.problems import (
    FieldNotUpdatableError,
    InvalidRequestError,
    MalformedBodyError,
)

PAIR = {"first_party": "+12025550100", "second_party": "+12025550101"}
PROMPT = "https://app.example.com/prompt.mp3"
WITH_PINS = {
    **PAIR,
    "is_pin_authentication_required": True,
    "first_party_pin": "0042",
    "second_party_pin": "9911",
    "pin_prompt_play": PROMPT,
}
GENERATED_PINS = {
    **PAIR,
    "is_pin_authentication_required": True,
    "generate_pin": True,
    "pin_prompt_play": PROMPT,
}
WITHOUT_PINS = "applies only when is_pin_authentication_required is true"
SINGLE = {"first_party": "+12025550100", "create_session_with_single_party": True}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def violations_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """List what a create with *body* breaks."""
    with pytest.raises(InvalidRequestError) as refused:
        requests.parse_create(body)
    found: list[dict[str, Any]] = refused.value.members["violations"]
    return found


def without(body: dict[str, Any], *fields: str) -> dict[str, Any]:
    """Return *body* without some fields."""
    return {name: value for name, value in body.items() if name not in fields}


# Rules across fields: each broken alone, and kept at its edge

BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    (
        "labels",
        "must not hold a number of the session, in any writing",
        {**PAIR, "labels": {"customer": "1 202 555 0100"}},
    ),
    (
        "first_party",
        "is required unless create_session_with_single_party is true",
        without(PAIR, "first_party"),
    ),
    (
        "second_party",
        "is required unless create_session_with_single_party is true",
        without(PAIR, "second_party"),
    ),
    (
        "create_session_with_single_party",
        "needs first_party or second_party",
        {"create_session_with_single_party": True},
    ),
    (
        "second_party",
        "must differ from first_party",
        {"first_party": "+12025550100", "second_party": "12025550100"},
    ),
    (
        "generate_pin",
        WITHOUT_PINS,
        {**PAIR, "generate_pin": True},
    ),
    (
        "generate_pin_length",
        "applies only when generate_pin is true",
        {**WITH_PINS, "generate_pin_length": 6},
    ),
    (
        "initiate_call_to_first_party",
        "needs first_party and second_party",
        {**SINGLE, "initiate_call_to_first_party": True},
    ),
    *(
        (name, WITHOUT_PINS, {**PAIR, name: value})
        for name, value in {
            "first_party_pin": "0042",
            "second_party_pin": "9911",
            "pin_prompt_play": PROMPT,
            "pin_retry": 3,
            "pin_retry_wait": 6,
            "incorrect_pin_play": PROMPT,
        }.items()
    ),
    *(
        (
            name,
            "applies only when generate_pin is false",
            {**GENERATED_PINS, name: "0042"},
        )
        for name in ("first_party_pin", "second_party_pin")
    ),
    (
        "unknown_caller_play",
        "applies only when is_pin_authentication_required is false",
        {**WITH_PINS, "unknown_caller_play": PROMPT},
    ),
    (
        "first_party_pin",
        "is required with PIN authentication unless generate_pin is true",
        without(WITH_PINS, "first_party_pin"),
    ),
    (
        "second_party_pin",
        "is required with PIN authentication unless generate_pin is true",
        without(WITH_PINS, "second_party_pin"),
    ),
    (
        "second_party_pin",
        "must differ from first_party_pin",
        {**WITH_PINS, "second_party_pin": "0042"},
    ),
    (
        "pin_prompt_play",
        "is required when is_pin_authentication_required is true",
        without(WITH_PINS, "pin_prompt_play"),
    ),
    (
        "force_pin_authentication",
        "applies only when is_pin_authentication_required is true",
        {**PAIR, "force_pin_authentication": True},
    ),
]


@pytest.mark.parametrize(("field", "rule", "body"), BROKEN)
def test_a_rule_across_fields_that_is_broken_alone_is_the_one_that_is_named(
    field: str, rule: str, body: dict[str, Any]
) -> None:
    found = [
        (violation["field"], violation["rule"]) for violation in violations_of(body)
    ]

    assert found == [(field, rule)]


@pytest.mark.parametrize(
    "parse", [requests.parse_create, requests.parse_update, requests.parse_erasure]
)
def test_a_body_that_is_wrong_as_a_whole_is_refused(parse: Any) -> None:
    # A lone surrogate: pydantic names no field for it.
    sent = {"phone_number": "\ud800", "callback_url": "\ud800"}

    with pytest.raises(InvalidRequestError):
        parse(sent)


def body_with(seconds: str) -> bytes:
    """Return a create's body with a number as it is written."""
    return f'{json.dumps(PAIR)[:-1]}, "session_expiry": {seconds}}}'.encode()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("927", 927), ("927.0", 927), ("1e3", 1_000), ("1.2E3", 1_200)],
)
def test_an_integer_may_be_written_in_each_way_of_json(text: str, seconds: int) -> None:
    asked = requests.parse_create(requests.read_object(body_with(text)))

    assert (asked.session_expiry, type(asked.session_expiry)) == (seconds, int)


@pytest.mark.parametrize("text", ["1.5", "-0.0", "1e300", "true", '"927.0"'])
def test_what_is_no_integer_in_range_is_refused(text: str) -> None:
    [violation] = violations_of(requests.read_object(body_with(text)))

    assert violation["field"] == "session_expiry"


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1" * 5_001, "NaN", "-Infinity"])
def test_a_number_out_of_range_is_no_json_of_ours(text: str) -> None:
    with pytest.raises(MalformedBodyError):
        requests.read_object(body_with(text))


def test_every_rule_across_fields_is_tested() -> None:
    assert {(rule.field, rule.text) for rule in request_models.RULES} == {
        (field, rule) for field, rule, _ in BROKEN
    }


@pytest.mark.parametrize(
    "body",
    [
        PAIR,
        WITH_PINS,
        GENERATED_PINS,
        SINGLE,
        {"second_party": "+12025550101", "create_session_with_single_party": True},
        {**PAIR, "create_session_with_single_party": True},
        {**GENERATED_PINS, "generate_pin_length": 15},
        {**WITH_PINS, "force_pin_authentication": True},
        {**WITH_PINS, "generate_pin": False},
        {**WITH_PINS, **SINGLE, "second_party": None},
        {**GENERATED_PINS, **SINGLE, "second_party": None},
        {**PAIR, "unknown_caller_play": PROMPT},
        {**PAIR, "first_party_play_url": None, "subaccount": None},
        {**PAIR, "initiate_call_to_first_party": True},
        {
            **PAIR,
            "create_session_with_single_party": True,
            "initiate_call_to_first_party": True,
        },
    ],
)
def test_a_request_that_breaks_no_rule_is_taken(body: dict[str, Any]) -> None:
    request = requests.parse_create(body)

    assert request.model_fields_set == body.keys()


@pytest.mark.parametrize("body", [PAIR, WITH_PINS, GENERATED_PINS, SINGLE])
def test_every_documented_default_may_be_sent_explicitly(body: dict[str, Any]) -> None:
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in request_models.CreateSessionRequest.model_fields.items()
    }

    request = requests.parse_create({**defaults, **body})

    assert requests.asked(request) == requests.asked(requests.parse_create(body))


def test_each_pin_is_needed_from_the_start_also_that_of_a_party_to_come() -> None:
    # An unknown caller acts as the missing party, and enters its PIN.
    for lacking in ("first_party_pin", "second_party_pin"):
        single = {**without(WITH_PINS, lacking, "second_party"), **SINGLE}

        assert [v["field"] for v in violations_of(single)] == [lacking]


def test_initiating_a_call_without_a_first_party_is_refused() -> None:
    body = {
        "second_party": "+12025550101",
        "create_session_with_single_party": True,
        "initiate_call_to_first_party": True,
    }

    [violation] = violations_of(body)

    assert violation["field"] == "initiate_call_to_first_party"
    assert violation["rule"] == "needs first_party and second_party"


# What a create may say beside its parties, each with another value than the default.
CHOICES: dict[str, list[object]] = {
    "session_expiry": [60],
    "call_time_limit": [60],
    "ring_timeout": [45],
    "record": [True],
    "record_file_format": ["wav"],
    "recording_retention_days": [30],
    "recording_callback_url": ["https://app.example.com/r"],
    "recording_callback_method": ["GET"],
    "callback_url": ["https://app.example.com/e"],
    "callback_method": ["GET"],
    "initiate_call_to_first_party": [True],
    "first_party_play_url": [PROMPT],
    "second_party_play_url": [PROMPT],
    "geomatch": [False],
    "subaccount": ["SA" + "X" * 18],
    "is_pin_authentication_required": [True],
    "generate_pin": [True],
    "generate_pin_length": [5, 15],
    "first_party_pin": ["0042", "1177"],
    "second_party_pin": ["9911", "8822"],
    "pin_prompt_play": [PROMPT],
    "pin_retry": [0, 5],
    "pin_retry_wait": [10],
    "incorrect_pin_play": [PROMPT],
    "unknown_caller_play": [PROMPT],
    "create_session_with_single_party": [True],
    "virtual_number_cooloff_period": [60],
    "force_pin_authentication": [True],
}


def test_every_attribute_of_a_create_has_another_value_to_choose() -> None:
    fields = request_models.CreateSessionRequest.model_fields

    assert CHOICES.keys() | {"first_party", "second_party", "labels"} == fields.keys()


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(v) for name, v in CHOICES.items()}
    )
)
def test_an_attribute_that_is_no_default_takes_effect_or_is_refused(
    chosen: dict[str, Any],
) -> None:
    body = {**PAIR, **chosen}
    asked: dict[str, Any] = {}
    reasons: list[dict[str, Any]] = []
    try:
        asked = requests.asked(requests.parse_create(body))
    except InvalidRequestError as refused:
        reasons = refused.members["violations"]

    assert reasons or asked.items() >= body.items()


# All violations together


def test_all_violations_are_named_in_one_answer() -> None:
    body = {
        "first_party": "+12025550100",
        "second_party": "12025550100",
        "session_expiry": 0,
        "record": "yes",
        "record_file_format": "ogg",
        "callback_url": "ftp://app.example.com",
        "generate_pin": True,
        "surprise": 1,
    }

    found = {(v["field"], v["rule"]) for v in violations_of(body)}

    assert found == {
        ("session_expiry", "must be greater than or equal to 1"),
        ("record", "must be a valid boolean"),
        ("record_file_format", "must be 'mp3' or 'wav'"),
        ("callback_url", "must be an http or https URL"),
        ("surprise", "is not a field of this request"),
        ("second_party", "must differ from first_party"),
        (
            "generate_pin",
            "applies only when is_pin_authentication_required is true",
        ),
    }


def test_a_rule_is_not_asked_of_a_field_that_is_invalid_itself() -> None:
    body = {"first_party": "nonsense", "second_party": "nonsense"}

    rules = {violation["rule"] for violation in violations_of(body)}

    assert rules == {"must be a phone number in E.164, such as +12025550100"}


def test_an_empty_request_lacks_both_parties() -> None:
    assert [violation["field"] for violation in violations_of({})] == [
        "first_party",
        "second_party",
    ]


@pytest.mark.parametrize(
    ("field", "sent", "shown"),
    [
        ("first_party", "+1 202 555 0100", "+************00"),
        ("first_party", 12025550100, "*********00"),
        ("first_party", 12025550100.0, "*********00"),
        ("first_party_pin", "12a4", "hidden"),
        ("second_party_pin", 98765432, "hidden"),
        ("first_party_pin", None, None),
        ("labels", {"who": 12025550100}, "an object"),
        ("labels", ["+12025550100"], "a list"),
        ("record_file_format", "x" * 300, "x" * 100),
        ("session_expiry", 0, 0),
    ],
)
def test_what_was_sent_is_shown_without_numbers_and_pins(
    field: str, sent: object, shown: object
) -> None:
    body = {**WITH_PINS, field: sent}

    [violation] = [v for v in violations_of(body) if v["field"] == field][:1]

    assert violation["sent"] == shown


def test_a_number_is_hidden_even_as_the_name_of_a_field() -> None:
    [violation] = violations_of({**PAIR, "+12025550199": "x"})

    assert violation["field"] == "+*********99"


@given(
    st.sampled_from(sorted(request_models.CreateSessionRequest.model_fields)),
    st.sampled_from(
        [
            "+12025550177",
            12025550177,
            12025550177.0,
            "call +1 202 555 0177 now",
            {"number": "+12025550177"},
            ["+12025550177"],
        ]
    ),
)
def test_no_number_that_was_sent_comes_back_in_a_violation(
    field: str, value: object
) -> None:
    body = {**PAIR, "surprise": 1, field: value}

    shown = json.dumps(violations_of(body))

    assert "2025550177" not in shown
    assert "202 555" not in shown


@given(
    st.dictionaries(
        st.sampled_from(sorted(request_models.CreateSessionRequest.model_fields))
        | st.text(),
        JSON,
    )
)
def test_every_json_object_is_either_a_create_or_refused_with_reasons(
    body: dict[str, Any],
) -> None:
    reasons: list[dict[str, Any]] = []
    asked: dict[str, Any] = {}
    try:
        asked = requests.asked(requests.parse_create(body))
    except InvalidRequestError as refused:
        reasons = refused.members["violations"]

    assert bool(reasons) is not bool(asked)


# Defaults


def test_defaults_are_filled_in_and_sent_because_plivos_differ() -> None:
    asked = requests.asked(requests.parse_create(PAIR))

    assert asked == {
        **PAIR,
        "session_expiry": 3600,
        "call_time_limit": 3600,
        "ring_timeout": 120,
        "record": False,
        "record_file_format": "mp3",
        "recording_callback_method": "POST",
        "callback_method": "POST",
        "initiate_call_to_first_party": False,
        "geomatch": True,
        "is_pin_authentication_required": False,
        "create_session_with_single_party": False,
        "virtual_number_cooloff_period": 0,
    }


def test_pin_attributes_are_asked_for_only_with_pin_authentication() -> None:
    asked = requests.asked(
        requests.parse_create({**PAIR, "first_party_pin": None, "pin_retry": 1})
    )

    assert requests.PIN_ATTRIBUTES.isdisjoint(asked)


def test_own_pins_are_asked_for_without_a_length_to_generate() -> None:
    asked = requests.asked(requests.parse_create(WITH_PINS))

    assert asked["first_party_pin"] == "0042"
    assert asked["pin_retry"] == 1
    assert asked["pin_retry_wait"] == 5
    assert asked["generate_pin"] is False
    assert "generate_pin_length" not in asked


def test_generated_pins_are_asked_for_with_their_length() -> None:
    asked = requests.asked(requests.parse_create(GENERATED_PINS))

    assert asked["generate_pin_length"] == 4
    assert "first_party_pin" not in asked


def test_labels_are_ours_and_not_asked_of_plivo() -> None:
    request = requests.parse_create({**PAIR, "labels": {"order": "A-17"}})

    assert "labels" not in requests.asked(request)


# Updates


@pytest.mark.parametrize("field", sorted(requests.FROZEN))
def test_a_frozen_attribute_that_no_session_can_have_is_refused_at_once(
    field: str,
) -> None:
    with pytest.raises(FieldNotUpdatableError) as refused:
        requests.parse_update({field: "anything", "record": True})

    [violation] = refused.value.members["violations"]
    assert violation["field"] == field
    assert violation["rule"] == "cannot be changed once the session exists"


def test_what_the_seed_page_names_as_not_updatable_is_frozen() -> None:
    named = {
        "initiate_call_to_first_party",
        "is_pin_authentication_required",
        "pin_prompt_play",
        "pin_retry",
        "pin_retry_wait",
        "incorrect_pin_play",
        "unknown_caller_play",
        "geomatch",
        "subaccount",
    }

    assert named <= requests.FROZEN


def test_the_pins_of_a_frozen_field_stay_hidden() -> None:
    with pytest.raises(FieldNotUpdatableError) as refused:
        requests.parse_update({"first_party_pin": "004"})

    assert refused.value.members["violations"][0]["sent"] == "hidden"


def test_what_can_be_unset_and_what_can_be_repeated_may_be_null() -> None:
    nothing = dict.fromkeys(requests.UNSETTABLE | requests.REPEATABLE)

    request = requests.parse_update(nothing)

    assert request.model_dump(exclude_unset=True) == nothing


def test_the_seed_pages_update_is_taken_as_it_stands() -> None:
    request = requests.parse_update({"call_time_limit": 3600, "record": True})

    assert request.model_dump(exclude_unset=True) == {
        "call_time_limit": 3600,
        "record": True,
    }


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, [("", "must change at least one field")]),
        ({"record": None}, [("record", "must not be null")]),
        (
            {"session_expiry": 0},
            [("session_expiry", "must be greater than or equal to 1")],
        ),
        ({"sesion_expiry": 60}, [("sesion_expiry", "is not a field of this request")]),
        (
            {"callback_method": None, "record": "yes", "ring_timeout": "45"},
            [
                ("record", "must be a valid boolean"),
                ("ring_timeout", "must be a valid integer"),
                ("callback_method", "must not be null"),
            ],
        ),
        ({"labels": None}, [("labels", "must not be null")]),
        (
            {"recording_retention_days": 2},
            [
                (
                    "recording_retention_days",
                    "must be one of 1, 7, 30, 90, 180, 365, 730, 1095, 1825, 2555, "
                    "3650 days",
                )
            ],
        ),
    ],
)
def test_an_update_that_breaks_rules_is_refused_with_all_of_them(
    body: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        requests.parse_update(body)

    violations = refused.value.members["violations"]
    assert sorted((v["field"], v["rule"]) for v in violations) == sorted(found)


@given(
    st.dictionaries(
        st.sampled_from(sorted(request_models.CreateSessionRequest.model_fields))
        | st.text(),
        JSON,
    )
)
def test_every_json_object_is_either_an_update_or_refused_with_reasons(
    body: dict[str, Any],
) -> None:
    reasons: list[dict[str, Any]] = []
    changed: set[str] = set()
    try:
        changed = requests.parse_update(body).model_fields_set
    except (InvalidRequestError, FieldNotUpdatableError) as refused:
        reasons = refused.members["violations"]

    assert reasons or changed == body.keys()


# Reading a body


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is not valid JSON in UTF-8."),
        (b"{", "The body is not valid JSON in UTF-8."),
        (b"[]", "The body must be one JSON object in UTF-8."),
        (b'"text"', "The body must be one JSON object in UTF-8."),
        (b"null", "The body must be one JSON object in UTF-8."),
        (b"\xff\xfe", "The body is not valid JSON in UTF-8."),
        (b'{"record": NaN}', "The body is not valid JSON in UTF-8."),
        (b'{"record": -Infinity}', "The body is not valid JSON in UTF-8."),
        (b'{"a": 1, "a": 2}', "The body names the field a twice."),
        (b'{"b": {"a": 1, "a": 2}}', "The body names the field a twice."),
        (b"1" * 5000, "The body is not valid JSON in UTF-8."),
        (b"[" * 60_000, "The body is not valid JSON in UTF-8."),
    ],
)
def test_a_body_is_one_json_object_without_repeats(body: bytes, detail: str) -> None:
    with pytest.raises(MalformedBodyError) as refused:
        requests.read_object(body)

    assert refused.value.explanation == detail


def test_a_repeated_key_that_is_a_number_is_hidden() -> None:
    with pytest.raises(MalformedBodyError) as refused:
        requests.read_object(b'{"+12025550100": 1, "+12025550100": 2}')

    assert "2025550100" not in refused.value.explanation


@given(st.binary() | st.text().map(str.encode) | JSON.map(json.dumps).map(str.encode))
def test_every_body_is_read_or_called_malformed(body: bytes) -> None:
    try:
        value = requests.read_object(body)
    except MalformedBodyError:
        return
    assert value == json.loads(body)


def test_a_label_may_be_named_as_a_filter_is() -> None:
    search = search_requests.parse_query("label.status=new&status=active")

    assert search.status == "active"
    assert search.labels == {"status": "new"}
