"""A user and a password in a URL are refused, and never shown again."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from masking.api import pages, requests, search_requests
from masking.core import numbers
from masking.core.problems import InvalidRequestError, ProblemError
from masking.plivo.transport import read_answer
from operate.cli import maskline
from tests.unit.test_fields import AUDIO, PAIR, URLS

SECRET = "hunter2secret"

URLS_OF_SESSIONS = [*URLS, *AUDIO]

# A password in each place in which some reader of URLs looks for one, and spoilt ones.
KINDS = {
    "usual": f"https://user:{SECRET}@app.example.com/hook.mp3",
    "of nobody": f"https://:{SECRET}@app.example.com/hook.mp3",
    "as the user": f"https://{SECRET}@app.example.com/hook.mp3",
    "two colons": f"https://user:{SECRET}:x@app.example.com/hook.mp3",
    "an @ inside": f"https://user:{SECRET}@x@app.example.com/hook.mp3",
    "a slash": f"https://user:{SECRET}/x@app.example.com/hook.mp3",
    "two slashes": f"https://user:{SECRET}//x@app.example.com/hook.mp3",
    "a question mark": f"https://user:{SECRET}?x@app.example.com/hook.mp3",
    "a hash": f"https://user:{SECRET}#x@app.example.com/hook.mp3",
    "a space": f"https://user:{SECRET} x@app.example.com/hook.mp3",
    "a quote": f"https://user:{SECRET}'x@app.example.com/hook.mp3",
    "a bracket": f"https://user:{SECRET}[x@app.example.com/hook.mp3",
    "no ASCII": f"https://user:{SECRET}ü@app.example.com/hook.mp3",
    "a line break": f"https://user:{SECRET}\nx@app.example.com/hook.mp3",
    "very long": f"https://user:{SECRET}{'x' * 900}@app.example.com/hook.mp3",
    "no host": f"https://user:{SECRET}@",
    "an IPv6 host": f"https://user:{SECRET}@[::1]/hook.mp3",
    "a bad port": f"https://user:{SECRET}@app.example.com:0/hook.mp3",
    "an escaped @": f"https://user:{SECRET}%40app.example.com/hook.mp3",
    "a wide @": f"https://user:{SECRET}\uff20app.example.com/hook.mp3",
    "a small @": f"https://user:{SECRET}\ufe6bapp.example.com/hook.mp3",
    "upper case": f"HTTPS://user:{SECRET}@app.example.com/hook.mp3",
    "another scheme": f"ftp://user:{SECRET}@app.example.com/hook.mp3",
    "one slash": f"https:/user:{SECRET}//x@app.example.com/hook.mp3",
    "no slash": f"https:user:{SECRET}:x@app.example.com/hook.mp3",
    "no scheme": f"user:{SECRET}:x@app.example.com/hook.mp3",
    "backslashes": f"https:\\\\user:{SECRET}\\x@app.example.com/hook.mp3",
}


def shown_of(refused: ProblemError) -> str:
    """Return all that an answer, a log or a traceback could show of a problem."""
    return json.dumps([refused.members, refused.explanation, str(refused)])


@pytest.mark.parametrize("field", URLS_OF_SESSIONS)
@pytest.mark.parametrize("url", KINDS.values(), ids=KINDS)
def test_a_create_refuses_it_and_shows_it_to_nobody(field: str, url: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        requests.parse_create({**PAIR, field: url})

    fields = {each["field"] for each in refused.value.members["violations"]}
    assert field in fields
    assert SECRET not in shown_of(refused.value)


@pytest.mark.parametrize("url", KINDS.values(), ids=KINDS)
def test_an_update_and_an_erasure_refuse_it_as_well(url: str) -> None:
    for parse, sent in (
        (requests.parse_update, {"callback_url": url}),
        (requests.parse_update, {"pin_prompt_play": url}),
        (
            requests.parse_erasure,
            {"phone_number": "+12025550100", "callback_url": url},
        ),
    ):
        with pytest.raises(ProblemError) as refused:
            parse(sent)
        assert SECRET not in shown_of(refused.value)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(TEXT.filter(lambda text: not set("/?#") & set(text)), TEXT)
def test_whatever_stands_around_it_no_password_is_shown(
    before: str, after: str
) -> None:
    url = f"https://{before}:{SECRET}{after}@app.example.com/hook.mp3"
    with pytest.raises(InvalidRequestError) as refused:
        requests.parse_create({**PAIR, "callback_url": url})

    assert SECRET not in shown_of(refused.value)


SENT_ELSEWHERE: dict[str, dict[str, Any]] = {
    "an unknown field": {**PAIR, "webhook": KINDS["two colons"]},
    "the name of a field": {**PAIR, KINDS["two colons"]: "x"},
    "a field of another type": {**PAIR, "record": KINDS["two colons"]},
    "a party": {**PAIR, "first_party": KINDS["two colons"]},
}


@pytest.mark.parametrize("sent", SENT_ELSEWHERE.values(), ids=SENT_ELSEWHERE)
def test_where_no_url_belongs_its_password_is_not_shown_either(
    sent: dict[str, Any],
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        requests.parse_create(sent)

    assert SECRET not in shown_of(refused.value)


def test_a_field_that_is_named_twice_by_such_a_url_is_not_shown() -> None:
    name = json.dumps(KINDS["two colons"])
    with pytest.raises(ProblemError) as refused:
        requests.read_object(f"{{{name}: 1, {name}: 2}}".encode())

    assert SECRET not in shown_of(refused.value)


def test_a_query_shows_none() -> None:
    violation = pages.violation_of(KINDS["two colons"], "is not known")
    with pytest.raises(InvalidRequestError) as refused:
        search_requests.parse_query(f"status={KINDS['two colons']}")

    assert SECRET not in json.dumps(violation)
    assert SECRET not in shown_of(refused.value)


def test_what_plivo_says_of_such_a_url_is_passed_on_without_it() -> None:
    answer = json.dumps({"error": f"bad: {KINDS['two colons']}"}).encode()

    with pytest.raises(ProblemError) as refused:
        read_answer(400, answer, {})

    assert SECRET not in shown_of(refused.value)


@pytest.mark.parametrize("kind", ["usual", "of nobody", "as the user", "an @ inside"])
def test_an_operators_url_with_a_password_is_refused_without_it(kind: str) -> None:
    line = ["recordings", "accept", str(uuid.UUID(int=1)), "--url", KINDS[kind]]

    done = CliRunner().invoke(maskline, line)

    assert done.exit_code == 2
    assert "name no user" in done.output
    assert SECRET not in done.output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://app.example.com/hook", "https://app.example.com/hook"),
        ("https://user:x@app.example.com/hook", "https://***/hook"),
        ("see //a:b@c or //d", "see //*** or //d"),
        ("no URL at all", "no URL at all"),
    ],
)
def test_what_is_no_password_stays(text: str, shown: str) -> None:
    assert numbers.masked(text) == shown
