"""What one value of a request must be, and how the answer says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.api import requests
from masking.core.problems import InvalidRequestError
from tests.support.writings import arabic, full_width

PAIR = {"first_party": "+12025550100", "second_party": "+12025550101"}

PHONE_RULE = "must be a phone number in E.164, such as +12025550100"
SCHEME_RULE = "must be an http or https URL"
SPACE_RULE = "must not contain a space"
HIDDEN_RULE = "must not contain control or other invisible characters"
HOST_ASCII_RULE = "must name its host in ASCII: a non-ASCII name as xn--..."
ASCII_RULE = "must be ASCII: other characters percent-encoded"
PORT_RULE = "must have a port from 1 to 65535, or none"
NAME_RULE = (
    "must have a host name of letters, digits and hyphens: up to 253 characters, "
    "1 to 63 between two dots"
)
ADDRESS_RULE = "must have a host that is a name or a whole IP address"
BRACKET_RULE = "must have an IPv6 address, and no other host, in brackets"
AUDIO_RULE = "must be the URL of a .mp3 or .wav file"
PIN_RULE = "must be 4 to 15 digits, as a string"
SUBACCOUNT_RULE = "must be a Plivo sub-account id: SA and 18 letters or digits"

URLS = ["callback_url", "recording_callback_url"]
AUDIO = [
    "first_party_play_url",
    "second_party_play_url",
    "pin_prompt_play",
    "incorrect_pin_play",
    "unknown_caller_play",
]
TRUTHS = [
    "record",
    "initiate_call_to_first_party",
    "geomatch",
    "is_pin_authentication_required",
    "generate_pin",
    "create_session_with_single_party",
    "force_pin_authentication",
]
SECONDS = ["session_expiry", "call_time_limit", "ring_timeout"]


def rule_broken_by(field: str, value: Any) -> str:
    """Return which rule a create breaks that sets *field* to *value*."""
    with pytest.raises(InvalidRequestError) as refused:
        requests.parse_create({**PAIR, field: value})
    rules = [
        violation["rule"]
        for violation in refused.value.members["violations"]
        if violation["field"] == field
    ]
    assert rules, f"{field} was not refused"
    return str(rules[0])


@pytest.mark.parametrize("field", ["first_party", "second_party"])
@pytest.mark.parametrize("value", ["", "12", "+0123456789", "+1 202 555 0100", "x"])
def test_a_party_is_a_phone_number_in_e164(field: str, value: str) -> None:
    assert rule_broken_by(field, value) == PHONE_RULE


@pytest.mark.parametrize("field", ["first_party", "second_party"])
def test_a_party_is_text_and_not_a_json_number(field: str) -> None:
    assert rule_broken_by(field, 12025550100) == "must be a valid string"


@pytest.mark.parametrize("field", SECONDS)
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (0, "must be greater than or equal to 1"),
        (-5, "must be greater than or equal to 1"),
        (2_147_483_648, "must be less than or equal to 2147483647"),
        (10**40, "must be less than or equal to 2147483647"),
        ("3600", "must be a valid integer"),
        (1.5, "must be a valid integer"),
        (True, "must be a valid integer"),
        (None, "must be a valid integer"),
    ],
)
def test_times_are_whole_seconds_from_one(field: str, value: object, rule: str) -> None:
    assert rule_broken_by(field, value) == rule


@pytest.mark.parametrize("field", SECONDS)
def test_one_second_is_long_enough(field: str) -> None:
    request = requests.parse_create({**PAIR, field: 1})

    assert getattr(request, field) == 1


@pytest.mark.parametrize(
    ("field", "lowest", "highest"),
    [
        ("generate_pin_length", 4, 15),
        ("pin_retry", 0, 5),
        ("pin_retry_wait", 5, 10),
        ("virtual_number_cooloff_period", 0, 3600),
    ],
)
def test_a_range_includes_its_ends_and_nothing_beyond(
    field: str, lowest: int, highest: int
) -> None:
    assert rule_broken_by(field, lowest - 1) == (
        f"must be greater than or equal to {lowest}"
    )
    assert rule_broken_by(field, highest + 1) == (
        f"must be less than or equal to {highest}"
    )
    pins = {
        "is_pin_authentication_required": True,
        "generate_pin": True,
        "pin_prompt_play": "https://app.example.com/prompt.mp3",
    }
    for value in (lowest, highest):
        request = requests.parse_create({**PAIR, **pins, field: value})
        assert getattr(request, field) == value


@pytest.mark.parametrize("field", TRUTHS)
@pytest.mark.parametrize("value", ["true", 1, 0, None, "no"])
def test_a_truth_is_true_or_false_and_nothing_like_it(
    field: str, value: object
) -> None:
    assert rule_broken_by(field, value) == "must be a valid boolean"


@pytest.mark.parametrize("field", ["callback_method", "recording_callback_method"])
@pytest.mark.parametrize("value", ["PUT", "post", "", None, 1])
def test_a_method_is_get_or_post(field: str, value: object) -> None:
    assert rule_broken_by(field, value) == "must be 'GET' or 'POST'"


@pytest.mark.parametrize("value", [".mp3", "MP3", "ogg", None])
def test_audio_is_mp3_or_wav(value: object) -> None:
    assert rule_broken_by("record_file_format", value) == "must be 'mp3' or 'wav'"


@pytest.mark.parametrize("field", [*URLS, *AUDIO])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("", SCHEME_RULE),
        ("app.example.com/hook", SCHEME_RULE),
        ("//app.example.com/hook", SCHEME_RULE),
        ("ftp://app.example.com/hook", SCHEME_RULE),
        (" https://app.example.com", SPACE_RULE),
        ("https://app.example.com/a b.mp3", SPACE_RULE),
        ("https://app example.com/a.mp3", SPACE_RULE),
        ("https://app.example.com/\n", HIDDEN_RULE),
        ("https://app.example.com/\x7f.mp3", HIDDEN_RULE),
        ("https://app.example.com/\u200b.mp3", HIDDEN_RULE),
        ("https://äpp.example.com/a.mp3", HOST_ASCII_RULE),
        ("https://app.example.com/é.mp3", ASCII_RULE),
        ("https://app.example.com:port/a.mp3", PORT_RULE),
        ("https://app.example.com:70000/a.mp3", PORT_RULE),
        ("https://app.example.com:0/a.mp3", PORT_RULE),
        ("https://app.example.com:-1/a.mp3", PORT_RULE),
        ("https://[::1/a.mp3", BRACKET_RULE),
        ("https://[app.example.com]/a.mp3", BRACKET_RULE),
        ("https://app..example.com/a.mp3", NAME_RULE),
        ("https://.example.com/a.mp3", NAME_RULE),
        ("https://app.example.com../a.mp3", NAME_RULE),
        (f"https://{'a' * 64}.example.com/a.mp3", NAME_RULE),
        (f"https://{'a.' * 126}com/a.mp3", NAME_RULE),
        ("https://app%2eexample.com/a.mp3", NAME_RULE),
        ("https://app!.example.com/a.mp3", NAME_RULE),
        ("https://999.0.0.1/a.mp3", ADDRESS_RULE),
        ("https://10.1/a.mp3", ADDRESS_RULE),
        ("https://app.example.123/a.mp3", ADDRESS_RULE),
    ],
)
def test_an_address_that_breaks_a_rule_is_told_which(
    field: str, value: str, rule: str
) -> None:
    assert rule_broken_by(field, value) == rule


@pytest.mark.parametrize(("field", "most"), [(URLS[0], 1_000), (AUDIO[0], 999)])
def test_an_address_is_not_longer_than_its_field_allows(field: str, most: int) -> None:
    longest = "https://app.example.com/".ljust(most - 4, "x") + ".mp3"

    assert rule_broken_by(field, longest + "x") == (
        f"must be a URL of up to {most} characters"
    )
    assert getattr(requests.parse_create({**PAIR, field: longest}), field) == longest


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "a" * 63 + ".example.com",
        "a." * 125 + "com",
        "xn--pp-wia.example.com",
        "app_1.example.com",
        "app.example.com.",
        "203.0.113.7",
        "[2001:db8::7]",
        "2001.example.com",
    ],
)
def test_a_host_that_can_be_dialed_is_taken(host: str) -> None:
    url = f"https://{host}:8443/hook"

    assert requests.parse_create({**PAIR, "callback_url": url}).callback_url == url


@pytest.mark.parametrize("field", AUDIO)
@pytest.mark.parametrize(
    "value",
    [
        "HTTPS://APP.example.com/PROMPT.MP3",
        "Http://app.example.com/prompt.Wav?version=2",
    ],
)
def test_case_makes_no_difference_in_a_scheme_and_in_the_suffix_of_audio(
    field: str, value: str
) -> None:
    pins = {
        "is_pin_authentication_required": field.startswith(("pin", "incorrect")),
        "generate_pin": field.startswith(("pin", "incorrect")),
    }
    prompt = {"pin_prompt_play": value} if pins["generate_pin"] else {}

    request = requests.parse_create({**PAIR, **pins, **prompt, field: value})

    assert getattr(request, field) == value


@pytest.mark.parametrize(
    "value",
    [
        "https://",
        "https:///hook",
        "https://user@app.example.com/hook",
        "https://user:secret@app.example.com/hook",
        "https://@app.example.com/hook",
    ],
)
def test_an_address_names_a_host_and_no_user(value: str) -> None:
    assert rule_broken_by("callback_url", value) == "must name a host and no user"


@pytest.mark.parametrize("field", URLS)
@pytest.mark.parametrize(
    "value",
    [
        "http://app.example.com",
        "https://app.example.com:8443/hook?tenant=7#part",
        "https://app.example.com/" + "x" * 976,
    ],
)
def test_any_other_http_address_is_taken(field: str, value: str) -> None:
    assert getattr(requests.parse_create({**PAIR, field: value}), field) == value


@pytest.mark.parametrize("field", AUDIO)
@pytest.mark.parametrize(
    "value",
    [
        "https://app.example.com/prompt",
        "https://app.example.com/prompt.ogg",
        "https://app.example.com/?file=prompt.mp3",
    ],
)
def test_audio_to_play_is_an_mp3_or_wav_file(field: str, value: str) -> None:
    assert rule_broken_by(field, value) == AUDIO_RULE


@pytest.mark.parametrize("field", AUDIO)
def test_audio_to_play_is_an_address_first_of_all(field: str) -> None:
    assert rule_broken_by(field, "prompt.mp3") == SCHEME_RULE


@pytest.mark.parametrize("field", ["first_party_pin", "second_party_pin"])
@pytest.mark.parametrize("value", ["123", "1" * 16, "12a4", "", "١٢٣٤", "1234\n"])
def test_a_pin_is_four_to_fifteen_digits(field: str, value: str) -> None:
    assert rule_broken_by(field, value) == PIN_RULE


@pytest.mark.parametrize("field", ["first_party_pin", "second_party_pin"])
def test_a_pin_is_text_so_that_leading_zeros_last(field: str) -> None:
    assert rule_broken_by(field, 1234) == "must be a valid string"


@pytest.mark.parametrize("value", ["SA123", "MA" + "A" * 18, "sa" + "A" * 18, ""])
def test_a_subaccount_is_plivos_id_of_one(value: str) -> None:
    assert rule_broken_by("subaccount", value) == SUBACCOUNT_RULE


def test_a_subaccount_of_the_right_form_is_taken() -> None:
    subaccount = "SA" + "EXAMPLE0" * 2 + "00"

    request = requests.parse_create({**PAIR, "subaccount": subaccount})

    assert request.subaccount == subaccount


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ({f"k{n}": "v" for n in range(11)}, "must be at most 10 labels"),
        ({"": "v"}, "keys must be 1 to 64 letters, digits or _ . -"),
        ({"a b": "v"}, "keys must be 1 to 64 letters, digits or _ . -"),
        ({"k" * 65: "v"}, "keys must be 1 to 64 letters, digits or _ . -"),
        ({"order": ""}, "values must be 1 to 256 printable characters"),
        ({"order": "x" * 257}, "values must be 1 to 256 printable characters"),
        ({"order": "a\nb"}, "values must be 1 to 256 printable characters"),
        ({"order": 7}, "must be a valid string"),
        ([], "must be a valid dictionary"),
        (None, "must be a valid dictionary"),
    ],
)
def test_labels_are_few_and_short(labels: object, rule: str) -> None:
    assert rule_broken_by("labels", labels) == rule


def test_ten_labels_of_full_length_are_taken() -> None:
    labels = {f"{n}" + "k" * 63: "é" * 256 for n in range(10)}

    assert requests.parse_create({**PAIR, "labels": labels}).labels == labels


@given(st.integers(2_000_000, 9_999_999))
def test_a_possible_number_is_taken_and_comes_out_with_a_plus(line: int) -> None:
    for written in (f"+1202{line}", f"1202{line}"):
        request = requests.parse_create(
            {"first_party": written, "create_session_with_single_party": True}
        )

        assert request.first_party == f"+1202{line}"


@pytest.mark.parametrize(
    "number",
    [
        *("+12025550100", "+15555550100", "+447700900123", "+442079460000"),
        *("+390612345678", "+919876543210", "+525512345678", "+6565550100"),
        *("+88213012345", "12025550100", "442079460000", "+2025550100"),
    ],
)
def test_a_number_that_a_country_may_have_is_taken(number: str) -> None:
    body = {"first_party": number, "create_session_with_single_party": True}

    taken = requests.parse_create(body).first_party

    assert taken == "+" + number.removeprefix("+")


NO_COUNTRY = "must begin with the calling code of a country that exists, such as +1"


@pytest.mark.parametrize("field", ["first_party", "second_party"])
@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("+9991234567", NO_COUNTRY),
        ("+2101234567", NO_COUNTRY),
        ("9991234567", NO_COUNTRY),
        ("+1202555010", "is too short for a number of +1"),
        ("+44207946", "must have the length of a number of +44, area code included"),
        ("+120255501000", "is too long for a number of +1"),
        ("+44770090012345", "is too long for a number of +44"),
        ("+5550100", "is too short for a number of +55"),
        (
            "2025550100",
            "must begin with + and the calling code of its country: as a number of "
            "+20 it is not in use",
        ),
        (
            "3105550100",
            "must begin with + and the calling code of its country: as a number of "
            "+31 it is not in use",
        ),
        ("02079460000", PHONE_RULE),
        ("0012025550100", PHONE_RULE),
        (full_width("12025550100"), PHONE_RULE),
    ],
)
def test_a_number_that_no_country_has_is_told_by_its_rule(
    field: str, number: str, rule: str
) -> None:
    assert rule_broken_by(field, number) == rule


@given(st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True))
def test_the_rule_names_no_digit_of_a_number_but_its_calling_code(number: str) -> None:
    body = {"first_party": number, "create_session_with_single_party": True}

    said = ""
    try:
        requests.parse_create(body)
    except InvalidRequestError as refused:
        said = str(refused.members["violations"])

    assert number.removeprefix("+")[3:] not in said


NUMBERS_IN_LABELS = [
    *("+12025550188", " +12025550188 ", "+1 202 555 0188", "+1-202-555-0188"),
    *("+1 (202) 555-0188", "tel:+12025550188", "tel:2025550188", "sip:12025550188@x"),
    *(
        full_width("+12025550188"),
        "0012025550188",
        "00 1 202 555 0188",
        "(202) 555-0188",
    ),
    *("call +12025550188 now", "cust+12025550188", "+1\u00a0202\u00a05550188"),
    *(
        "+1\u2011202\u2011555\u20110188",
        "%2B12025550188",
        "+447700900123",
        "+3012345678",
    ),
]


@pytest.mark.parametrize("value", NUMBERS_IN_LABELS)
def test_no_label_is_a_phone_number_in_any_writing(value: str) -> None:
    rule = rule_broken_by("labels", {"customer": value})

    assert rule in (
        "values must not be phone numbers",
        # What nobody sees is no printable character either.
        "values must be 1 to 256 printable characters",
    )


@pytest.mark.parametrize(
    "value",
    [
        *(
            "12025550188",
            "A-17",
            "2026-11-26",
            "2026-11-26T13:40:00+05:30",
            "+1",
            "007",
        ),
        *("000000123456", "550e8400-e29b-41d4-a716-446655440000", "(17)", "a+b=12345"),
        *("1700000001", "v1.2.3-4.5.6.7.8.9", "100+200", "tel", "sip"),
    ],
)
def test_a_label_may_hold_digits_of_other_things(value: str) -> None:
    body = {**PAIR, "labels": {"order": value}}

    assert requests.parse_create(body).labels == {"order": value}


OWN = "must not hold a number of the session, in any writing"


@pytest.mark.parametrize(
    "labels",
    [
        {"customer": "12025550100"},
        {"customer": "2025550101"},
        {"customer": "1-202-555-0100"},
        {"customer": "202.555.0101"},
        {"customer": "202 555 0100 (home)"},
        {"customer": "id_12025550100_x"},
        {"customer": "12025550100@example.com"},
        {"customer": full_width("12025550100")},
        {"customer": arabic("12025550100")},
        {"customer": "1 2 0 2 5 5 5 0 1 0 0"},
        {"customer": "12025550100,12025550101"},
        {"12025550100": "customer"},
        {"phone-202-555-0101": "yes"},
    ],
)
def test_labels_never_hold_a_number_of_their_session(labels: dict[str, str]) -> None:
    assert rule_broken_by("labels", labels) == OWN


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("+12025550100", "+12025550100"),
        ("+1 (202) 555-0100", "+12025550100"),
        ("tel:+12025550100", "+12025550100"),
        ("12025550100", "+12025550100"),
        ("sip:+12025550100@carrier.example.com", "+12025550100"),
        ("sip:Ada@Example.com;x=1", "ada@example.com"),
        ("ada@example.com", "ada@example.com"),
        ("02079460000", "02079460000"),
        ('"Ada  Lovelace"', "ada lovelace"),
    ],
)
def test_a_person_is_erased_by_whatever_callbacks_have(asked: str, name: str) -> None:
    assert requests.parse_erasure({"phone_number": asked}).phone_number == name


@pytest.mark.parametrize(
    "asked",
    [
        *(
            "",
            "nobody",
            "+1202555O100",
            "0049",
            "112",
            "anonymous",
            "266696687",
            "null",
        ),
        *("+1 202 555 0100 or so", '""', "x" * 256, "ada@example.com\n", "+0123456789"),
    ],
)
def test_what_names_nobody_can_not_be_erased(asked: str) -> None:
    with pytest.raises(InvalidRequestError):
        requests.parse_erasure({"phone_number": asked})
