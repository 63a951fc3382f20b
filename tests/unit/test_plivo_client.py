"""Plivo's API through its real SDK: sent once, silently, to one host, answers clean."""

from __future__ import annotations

import base64
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from masking.plivo.client import Carrier
from masking.plivo.errors import (
    CarrierAnswerInvalidError,
    CarrierCredentialsRefusedError,
    CarrierError,
    CarrierFailedError,
    CarrierForbiddenError,
    CarrierRefusedError,
    CarrierSessionMissingError,
    CarrierThrottledError,
    CarrierTimeoutError,
    CarrierUnreachableError,
    NumberPoolExhaustedError,
)
from proofs.http_listener import Answer, HttpListener, hang, reply, reset
from tests.support.plivo_answers import (
    AT_PLIVO,
    created,
    error,
    fetched,
    listed,
    session_object,
    updated,
)

AUTH_ID = "MAEXAMPLEACCOUNT0000"
AUTH_TOKEN = "a-token-of-plivos"
HOOKS = {
    "callback_url": "https://masks.example.com/v1/plivo/events",
    "callback_method": "POST",
    "recording_callback_url": "https://masks.example.com/v1/plivo/recordings",
    "recording_callback_method": "POST",
}
ASKED = {
    "first_party": "+12025550100",
    "second_party": "+12025550101",
    "session_expiry": 3600,
    "record": False,
}
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def carrier_at(origin: str, seconds: float = 2.0) -> Carrier:
    """Return a carrier that speaks to *origin* and waits so long."""
    return Carrier(
        auth_id=AUTH_ID,
        auth_token=AUTH_TOKEN,
        base_url=origin,
        timeout=(seconds, seconds),
    )


@pytest.fixture
def carrier(wire: HttpListener) -> Carrier:
    """Return a carrier that speaks to the wire."""
    return carrier_at(wire.origin)


def listing(carrier: Carrier) -> Any:
    """List the usual pair's sessions of an hour."""
    return carrier.listing(
        first_party="+12025550100",
        second_party="+12025550101",
        created_from=NOON - timedelta(minutes=30),
        created_to=NOON + timedelta(minutes=30),
    )


CALLS: dict[str, Any] = {
    "create": lambda carrier: carrier.create(ASKED, HOOKS),
    "update": lambda carrier: carrier.update(AT_PLIVO, {"record": True}),
    "get": lambda carrier: carrier.get(AT_PLIVO),
    "expire": lambda carrier: carrier.expire(AT_PLIVO),
    "listing": listing,
}
# Sent once whatever happens, and sent twice if Plivo failed.
ONCE, TWICE = ["create", "update"], ["get", "expire", "listing"]


# What is sent


def test_a_create_is_one_json_post_with_our_callbacks(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(201, created(callback_url=HOOKS["callback_url"])))

    session = carrier.create(ASKED, HOOKS)

    [asked] = wire.requests
    credentials = base64.b64encode(f"{AUTH_ID}:{AUTH_TOKEN}".encode()).decode()
    assert (asked.method, asked.path) == (
        *("POST", f"/v1/Account/{AUTH_ID}/Masking/Session/"),
    )
    assert asked.headers["authorization"] == f"Basic {credentials}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.document == {**ASKED, **HOOKS}
    assert session.session_uuid == AT_PLIVO
    assert session.virtual_number == "+12025550180"


def test_the_callbacks_of_a_create_are_ours_whatever_was_asked(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(201, created()))

    carrier.create({**ASKED, "callback_url": "https://app.example.com/hook"}, HOOKS)

    assert wire.requests[0].document["callback_url"] == HOOKS["callback_url"]


def test_an_update_posts_to_the_session(wire: HttpListener, carrier: Carrier) -> None:
    wire.answers(reply(200, updated(record=True)))

    session = carrier.update(AT_PLIVO, {"call_time_limit": 3600, "record": True})

    [asked] = wire.requests
    assert asked.path.endswith(f"/Masking/Session/{AT_PLIVO}/")
    assert asked.document["call_time_limit"] == 3600
    assert asked.document["record"] is True
    assert session.settings["record"] is True


def test_a_get_reads_the_session_from_its_envelope(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(200, fetched(total_call_count=2)))

    session = carrier.get(AT_PLIVO)

    assert wire.requests[0].path.endswith(f"/Masking/Session/{AT_PLIVO}/")
    assert session.totals["total_call_count"] == 2


@pytest.mark.parametrize("message", ["Session expired", "Session Deleted"])
def test_ending_a_session_is_a_delete_whatever_its_answer_says(
    wire: HttpListener, carrier: Carrier, message: str
) -> None:
    wire.answers(reply(200, {"api_id": "x", "message": message}))

    carrier.expire(AT_PLIVO)

    assert [asked.method for asked in wire.requests] == ["DELETE"]


@pytest.mark.parametrize(
    "answer",
    [
        reply(204),
        reply(400, error("Session already expired")),
        reply(404, error("not found")),
    ],
    ids=["empty", "expired", "unknown"],
)
def test_a_session_that_has_ended_already_is_a_success(
    wire: HttpListener, carrier: Carrier, answer: Answer
) -> None:
    wire.answers(answer)

    carrier.expire(AT_PLIVO)

    assert len(wire.requests) == 1


def test_a_listing_asks_for_the_pair_in_plivos_own_time_format(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(200, listed(session_object())))
    india = timezone(timedelta(hours=5, minutes=30))

    found = carrier.listing(
        first_party="+12025550100",
        second_party=None,
        created_from=NOON.astimezone(india),
        created_to=NOON + timedelta(minutes=1),
    )

    query = parse_qs(urlsplit(wire.requests[0].path).query)
    assert query == {
        "first_party": ["+12025550100"],
        "created_time__gte": ["2026-03-01 12:00:00"],
        "created_time__lte": ["2026-03-01 12:01:00"],
        "limit": ["20"],
        "offset": ["0"],
    }
    assert [session.session_uuid for session in found.sessions] == [AT_PLIVO]
    assert found.complete


# Pages


def pages(count: int, each: int = 2) -> list[Answer]:
    """Return so many pages of sessions, each but the last pointing at the next."""
    answers = []
    for page in range(count):
        items = [
            session_object(session_uuid=f"00000000-0000-4000-8000-{page:06d}{n:06d}")
            for n in range(each)
        ]
        following = f"/v1/x/?limit=20&offset={(page + 1) * each}"
        last = page == count - 1
        answers.append(
            reply(200, listed(*items, next_page=None if last else following))
        )
    return answers


def test_a_listing_follows_plivos_next_page(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(*pages(3))

    found = listing(carrier)

    offsets = [parse_qs(urlsplit(a.path).query)["offset"] for a in wire.requests]
    assert len(found.sessions) == 6
    assert found.complete
    assert offsets == [["0"], ["2"], ["4"]]


def test_a_listing_of_too_many_pages_is_not_complete(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(*pages(9))

    found = listing(carrier)

    assert len(wire.requests) == 5
    assert len(found.sessions) == 10
    assert not found.complete


def test_a_page_that_comes_again_ends_the_listing(
    wire: HttpListener, carrier: Carrier
) -> None:
    page = listed(session_object(), next_page="/v1/x/?offset=20")
    wire.answers(reply(200, page))

    found = listing(carrier)

    assert len(wire.requests) == 2
    assert len(found.sessions) == 1
    assert found.complete


@pytest.mark.parametrize(
    "following", ["/v1/x/?offset=0", "/v1/x/?cursor=abc", "nonsense", "/?offset=-5"]
)
def test_a_next_page_without_a_useful_offset_is_counted_on(
    wire: HttpListener, carrier: Carrier, following: str
) -> None:
    other = session_object(session_uuid="00000000-0000-4000-8000-000000000001")
    wire.answers(
        reply(200, listed(session_object(), next_page=following)),
        reply(200, listed(other)),
    )

    found = listing(carrier)

    assert parse_qs(urlsplit(wire.requests[1].path).query)["offset"] == ["1"]
    assert len(found.sessions) == 2


def test_a_listing_without_meta_is_one_page(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(
        reply(200, {"response": {"objects": [session_object()], "meta": None}})
    )

    assert listing(carrier).complete


# What Plivo answers instead


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "kind", "may_have_acted"),
    [
        (401, CarrierCredentialsRefusedError, False),
        (402, CarrierRefusedError, False),
        (403, CarrierForbiddenError, False),
        (405, CarrierRefusedError, False),
        (408, CarrierFailedError, True),
        (409, CarrierRefusedError, False),
        (422, CarrierRefusedError, False),
        (429, CarrierThrottledError, False),
        (500, CarrierFailedError, True),
        (502, CarrierFailedError, True),
        (503, CarrierFailedError, True),
        (504, CarrierFailedError, True),
    ],
)
def test_each_status_has_its_error(
    wire: HttpListener,
    carrier: Carrier,
    call: str,
    status: int,
    kind: type[CarrierError],
    may_have_acted: bool,
) -> None:
    wire.answers(reply(status, error("no")))

    with pytest.raises(kind) as refused:
        CALLS[call](carrier)

    assert refused.value.carrier_status == status
    assert refused.value.members["carrier_status"] == status
    assert refused.value.may_have_acted is may_have_acted


@pytest.mark.parametrize("call", ["create", "update", "get", "listing"])
def test_what_plivo_does_not_know_is_missing(
    wire: HttpListener, carrier: Carrier, call: str
) -> None:
    wire.answers(reply(404, error("not found")))

    with pytest.raises(CarrierSessionMissingError):
        CALLS[call](carrier)


@pytest.mark.parametrize(
    "text",
    [
        "number pool exhausted or not available",
        "Number pool exhausted",
        "virtual number is not available",
    ],
)
def test_an_exhausted_pool_is_told_by_its_text_because_plivo_says_400(
    wire: HttpListener, carrier: Carrier, text: str
) -> None:
    wire.answers(reply(400, error(text)))

    with pytest.raises(NumberPoolExhaustedError) as refused:
        carrier.create(ASKED, HOOKS)

    assert refused.value.retry_after == 60
    assert refused.value.status == 503


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        (
            error("invalid first_party"),
            "Plivo refused the request: invalid first_party",
        ),
        (error("bad +12025550100"), "Plivo refused the request: bad +*********00"),
        ({"message": "invalid"}, "Plivo refused the request: invalid"),
        ({"error": {"first": "12025550100"}}, None),
        (b"<html>12025550100</html>", "Plivo refused the request."),
        (b"[]", "Plivo refused the request."),
        (b"", "Plivo refused the request."),
    ],
    ids=repr,
)
def test_what_plivo_says_is_passed_on_with_numbers_hidden(
    wire: HttpListener, carrier: Carrier, body: object, explanation: str | None
) -> None:
    wire.answers(reply(400, body))

    with pytest.raises(CarrierRefusedError) as refused:
        carrier.create(ASKED, HOOKS)

    assert explanation in (None, refused.value.explanation)
    assert "2025550100" not in refused.value.explanation
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("soon", 5), ("-1", 5), (None, 5)], ids=repr
)
def test_a_throttled_request_says_how_long_to_wait(
    wire: HttpListener, carrier: Carrier, header: str | None, seconds: int
) -> None:
    headers = {"Retry-After": header} if header else {}
    wire.answers(reply(429, error("too many"), headers))

    with pytest.raises(CarrierThrottledError) as refused:
        carrier.get(AT_PLIVO)

    assert refused.value.retry_after == seconds


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (call, answer)
        for call in CALLS
        for answer in (
            b"<html>",
            b"null",
            b"[]",
            b"",
            b'"text"',
            b"{",
            b"\xff\xfe\x00",
        )
    ],
)
def test_a_200_that_is_no_json_object_is_no_answer_and_may_have_acted(
    wire: HttpListener, carrier: Carrier, call: str, answer: bytes
) -> None:
    wire.answers(reply(200, answer))

    with pytest.raises(CarrierAnswerInvalidError) as invalid:
        CALLS[call](carrier)

    assert invalid.value.may_have_acted
    assert len(wire.requests) == (1 if call in ONCE else 2)


@pytest.mark.parametrize("call", ["create", "update", "get", "listing"])
@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"session": None, "response": None},
        {"session": [], "response": []},
        {"session": {}, "response": {}},
        {"response": {"objects": "x"}},
        {"response": {"objects": [None]}},
        {"response": {"objects": ["x"]}},
        {"response": {"objects": [{}]}},
    ],
    ids=repr,
)
def test_an_envelope_without_a_session_is_no_answer(
    wire: HttpListener, carrier: Carrier, call: str, answer: object
) -> None:
    wire.answers(reply(200, answer))

    with pytest.raises(CarrierAnswerInvalidError):
        CALLS[call](carrier)


# Nothing is sent twice that may not be


@pytest.mark.parametrize("call", ONCE)
@pytest.mark.parametrize(
    "answer",
    [reply(500), reply(503), reply(504), reset(), reset(b"HTTP/1.1 201 Cre")],
    ids=["500", "503", "504", "reset", "cut off"],
)
def test_what_changes_something_is_sent_once_even_if_plivo_fails(
    wire: HttpListener, carrier: Carrier, call: str, answer: Answer
) -> None:
    wire.answers(answer)

    with pytest.raises(CarrierFailedError) as failed:
        CALLS[call](carrier)

    assert failed.value.may_have_acted
    assert len(wire.requests) == 1


@pytest.mark.parametrize("call", TWICE)
@pytest.mark.parametrize("answer", [reply(500), reset()], ids=["500", "reset"])
def test_what_may_be_repeated_is_sent_twice_if_plivo_fails(
    wire: HttpListener, carrier: Carrier, call: str, answer: Answer
) -> None:
    wire.answers(answer)

    with pytest.raises(CarrierFailedError):
        CALLS[call](carrier)

    assert len(wire.requests) == 2


def test_what_fails_once_and_then_works_has_worked(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(500), reply(200, fetched()))

    assert carrier.get(AT_PLIVO).session_uuid == AT_PLIVO


def test_the_sdks_hidden_counter_of_retries_does_not_stick(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(500))
    for _ in range(5):
        with pytest.raises(CarrierFailedError):
            carrier.create(ASKED, HOOKS)

    assert len(wire.requests) == 5


@pytest.mark.parametrize("call", CALLS)
def test_silence_is_given_up_after_the_time_out_and_not_repeated(
    wire: HttpListener, call: str
) -> None:
    wire.answers(hang())

    with pytest.raises(CarrierTimeoutError) as silent:
        CALLS[call](carrier_at(wire.origin, seconds=0.2))

    assert silent.value.may_have_acted
    assert silent.value.status == 504
    assert len(wire.requests) == 1


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1:9", "http://plivo.invalid"],
    ids=["nobody listens", "no such host"],
)
def test_without_a_connection_nothing_was_sent(call: str, origin: str) -> None:
    with pytest.raises(CarrierUnreachableError) as unreachable:
        CALLS[call](carrier_at(origin))

    assert not unreachable.value.may_have_acted
    assert unreachable.value.carrier_status is None


def test_a_connection_that_takes_too_long_sent_nothing() -> None:
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        host, port = full.getsockname()
        # The queue of those who wait to be accepted is full after these.
        for _ in range(4):
            caller = waiting.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex((host, port))

        with pytest.raises(CarrierUnreachableError):
            carrier_at(f"http://{host}:{port}", seconds=0.2).create(ASKED, HOOKS)


# Nothing leaks


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer",
    [reply(500), reply(418, b"tea"), reset(), reply(200, b"<html>")],
    ids=["500", "418", "reset", "html"],
)
def test_nothing_is_printed_and_no_error_holds_a_number_or_the_url(
    wire: HttpListener,
    carrier: Carrier,
    capsys: pytest.CaptureFixture[str],
    call: str,
    answer: Answer,
) -> None:
    wire.answers(answer)

    with pytest.raises(CarrierError) as failed:
        CALLS[call](carrier)

    assert capsys.readouterr() == ("", "")
    shown = repr(failed.value) + str(failed.value) + str(failed.value.members)
    assert "2025550100" not in shown
    assert wire.origin not in shown
    assert failed.value.__cause__ is None


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_with_the_credentials(
    wire: HttpListener, carrier: Carrier, call: str, status: int
) -> None:
    with HttpListener() as elsewhere:
        wire.answers(reply(status, b"", {"Location": f"{elsewhere.origin}/x"}))

        with pytest.raises(CarrierFailedError):
            CALLS[call](carrier)

        assert elsewhere.requests == []


@pytest.mark.parametrize(
    "name", ["../../Call", "", "a/?x=1", f"{AT_PLIVO}/../../x", f"{AT_PLIVO}?x=1"]
)
@pytest.mark.parametrize("call", ["update", "get", "expire"])
def test_nothing_but_a_uuid_gets_into_a_path(
    wire: HttpListener, carrier: Carrier, call: str, name: str
) -> None:
    arguments = ({"record": True},) if call == "update" else ()

    with pytest.raises(ValueError, match="badly formed"):
        getattr(carrier, call)(name, *arguments)

    assert wire.requests == []


@pytest.mark.parametrize("field", ["first_party_play_url", "pin_prompt_play"])
def test_urls_are_ours_to_check_and_are_sent_with_a_scheme_in_small_letters(
    wire: HttpListener, carrier: Carrier, field: str
) -> None:
    played = "HTTPS://App.example.com/Hello.MP3?next=HTTP://Other.example.com"
    wire.answers(reply(201, created()))

    carrier.create({**ASKED, field: played}, HOOKS)

    assert wire.requests[0].document[field] == "https" + played[5:]


def test_the_sdks_regular_expression_refuses_nothing_that_our_rules_let_pass(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(201, created()))

    carrier.create({**ASKED, "unknown_caller_play": "//a.example.com/a.mp3"}, HOOKS)

    [sent] = [each for each in wire.requests if each.method == "POST"]
    assert sent.document["unknown_caller_play"] == "//a.example.com/a.mp3"


def test_an_update_sends_schemes_in_small_letters_and_an_empty_url_as_it_is(
    wire: HttpListener, carrier: Carrier
) -> None:
    changes = {"first_party_play_url": "HTTP://a.example.com/a.WAV"}
    wire.answers(reply(200, created()), reply(200, created()))

    carrier.update(AT_PLIVO, changes)
    carrier.update(AT_PLIVO, {"first_party_play_url": ""})

    sent = [each.document["first_party_play_url"] for each in wire.requests]
    assert sent == ["http://a.example.com/a.WAV", ""]


@pytest.mark.parametrize(
    ("auth_id", "auth_token"),
    [("not-set", "x"), ("", "x"), ("XXEXAMPLEACCOUNT0000", "x"), (AUTH_ID, "")],
)
def test_credentials_that_are_none_are_told_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, auth_id: str, auth_token: str
) -> None:
    monkeypatch.delenv("PLIVO_AUTH_ID", raising=False)
    monkeypatch.delenv("PLIVO_AUTH_TOKEN", raising=False)

    with pytest.raises(CarrierCredentialsRefusedError) as refused:
        Carrier(auth_id=auth_id, auth_token=auth_token, base_url="http://127.0.0.1:9")

    assert "has not been filled in" in refused.value.explanation


def test_connections_are_kept_between_requests(
    wire: HttpListener, carrier: Carrier
) -> None:
    wire.answers(reply(200, fetched()))

    carrier.get(AT_PLIVO)
    carrier.get(AT_PLIVO)

    assert len(wire.requests) == 2
