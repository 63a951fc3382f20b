"""Test what an application hears of a person's message, and what it answers."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
from dataclasses import replace
from hashlib import sha256
from typing import Any

import httpx
import pytest
from plivo.utils import validate_signature, validate_v3_signature

from plivo_simulator.account import (
    AUTH_TOKEN,
    SUBACCOUNT_ID,
    SUBACCOUNT_TOKEN,
    new_number,
)
from plivo_simulator.messages.documents import message_document

from .desk import (
    ALICE,
    BOB,
    GB,
    MESSAGE_URL,
    US,
    US_2,
    Desk,
    form,
    reply,
    text_back,
)

pytestmark = pytest.mark.anyio

SECRET = "the door code is 4711"


async def test_a_text_reaches_the_message_url_with_plivos_parameters(
    desk: Desk,
) -> None:
    message = desk.write("see you at 6")
    await desk.pass_time(0)

    assert desk.forms() == [
        {
            "From": ALICE,
            "To": US,
            "Type": "sms",
            "MessageUUID": message.message_uuid,
            "Text": "see you at 6",
            "Units": "1",
            "TotalRate": "0.00000",
            "TotalAmount": "0.00000",
            "MessageIntent": "",
            "PowerpackUUID": "",
        }
    ]
    assert message.state == "delivered"


async def test_a_long_text_comes_joined_and_counts_its_units(desk: Desk) -> None:
    desk.write("a" * 400)
    await desk.pass_time(0)

    (told,) = desk.forms()
    assert (told["Text"], told["Units"]) == ("a" * 400, "3")


@pytest.mark.parametrize(("index", "first"), [("from_1", 1), ("from_0", 0)])
async def test_pictures_come_as_media_and_the_text_as_body(
    desk: Desk, index: str, first: int
) -> None:
    desk.switch(media_index=index)

    message = desk.write("look", pictures=2)
    await desk.pass_time(0)

    (told,) = desk.forms()
    assert (told["Type"], told["Body"], told["MediaCount"]) == ("mms", "look", "2")
    assert "Text" not in told
    named = {name for name in told if name.startswith("Media") and name[5:].isdigit()}
    assert named == {f"Media{first}", f"Media{first + 1}"}
    ids = [told[f"Media{first + n}"].rpartition("/")[2] for n in (0, 1)]
    assert ids == message.media
    assert (told["Units"], told["TotalAmount"]) == ("1", "0.01000")


async def test_a_number_without_a_message_url_keeps_the_message_received(
    desk: Desk,
) -> None:
    desk.application.message_url = ""

    message = desk.write("hello?")
    await desk.pass_time(1000)

    assert message.state == "received"
    assert desk.stage.sent == []


async def test_a_request_that_fails_is_tried_again_after_60_120_and_240_s(
    desk: Desk,
) -> None:
    desk.answer(httpx.Response(500))

    message = desk.write("hello?")
    moments: list[int] = []
    for _ in range(500):
        await desk.pass_time(1)
        count = len(desk.requests())
        if count != len(moments):
            now = desk.stage.simulator.clock.now() - message.created_at
            moments.append(round(now.total_seconds()))

    # The first is sent at once, which is seen after a second.
    assert moments == [1, 60, 180, 420]
    assert message.state == "undelivered"
    (callback,) = desk.stage.callbacks
    assert [attempt.status for attempt in callback.attempts] == [500] * 4
    assert callback.state == "failed"


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(301),
        httpx.Response(404),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
    ],
)
async def test_the_first_success_ends_the_tries(
    desk: Desk, failure: httpx.Response | Exception
) -> None:
    desk.answer(failure, failure, httpx.Response(204))

    message = desk.write("hello?")
    await desk.pass_time(59)
    before = (len(desk.requests()), message.state)
    await desk.pass_time(1000)

    assert before == (1, "received")
    assert len(desk.requests()) == 3
    assert message.state == "delivered"


async def test_an_answer_counts_only_within_its_seconds(desk: Desk) -> None:
    async def sleepy(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        return httpx.Response(200)

    webhooks = desk.stage.simulator.exchange.webhooks
    assert webhooks.answer_seconds == 8.0
    webhooks.answer_seconds = 0.01
    desk.stage.responders[MESSAGE_URL] = sleepy

    desk.write("hello?")
    await desk.pass_time(0)

    (callback,) = desk.stage.callbacks
    assert [attempt.error for attempt in callback.attempts] == ["TimeoutError"]


async def test_an_address_that_nothing_can_be_sent_to_is_given_up(desk: Desk) -> None:
    desk.application.message_url = "http://app.example:99999/messages"

    message = desk.write("hello?")
    await desk.pass_time(1000)

    assert message.state == "undelivered"
    assert desk.stage.callbacks[0].attempts[0].error


async def test_a_fragment_is_not_sent(desk: Desk) -> None:
    desk.application.message_url = f"{MESSAGE_URL}#rc=0&rp=all"
    desk.answer(httpx.Response(500), httpx.Response(200))

    desk.write("hello?")
    await desk.pass_time(60)

    # And it does nothing: it is a feature of voice.
    assert [str(request.url) for request in desk.stage.sent] == [MESSAGE_URL] * 2


async def test_get_puts_the_parameters_into_the_query(desk: Desk) -> None:
    desk.application.message_method = "GET"
    desk.application.message_url = f"{MESSAGE_URL}?app=7"

    desk.write("a & b")
    await desk.pass_time(0)

    (request,) = desk.requests()
    assert request.method == "GET"
    assert form(request)["Text"] == "a & b"
    assert form(request)["app"] == "7"
    assert is_v2_signed(request, AUTH_TOKEN)


def is_v2_signed(request: httpx.Request, token: str, header: str = "V2") -> bool:
    """Return whether Plivo's SDK accepts the V2 signature of *request*."""
    valid: bool = validate_signature(
        str(request.url),
        request.headers["X-Plivo-Signature-V2-Nonce"],
        request.headers[f"X-Plivo-Signature-{header}"],
        token,
    )
    return valid


def is_v3_signed(request: httpx.Request, token: str, header: str = "V3") -> bool:
    """Return whether Plivo's SDK accepts the V3 signature of *request*."""
    valid: bool = validate_v3_signature(
        request.method,
        str(request.url),
        request.headers["X-Plivo-Signature-V3-Nonce"],
        token,
        request.headers[f"X-Plivo-Signature-{header}"],
        form(request),
    )
    return valid


def signature_headers(request: httpx.Request) -> set[str]:
    """Return the names of the signature headers, shortened."""
    start = "x-plivo-signature-"
    return {name[len(start) :] for name in request.headers if name.startswith(start)}


async def test_v2_is_the_only_signature_by_default_and_proves_no_body(
    desk: Desk,
) -> None:
    desk.write("hello")
    await desk.pass_time(0)

    (request,) = desk.requests()
    assert signature_headers(request) == {"v2", "ma-v2", "v2-nonce"}
    assert is_v2_signed(request, AUTH_TOKEN)
    assert is_v2_signed(request, AUTH_TOKEN, "Ma-V2")
    # It is over the URL and the nonce alone.
    nonce = request.headers["X-Plivo-Signature-V2-Nonce"]
    mac = hmac.new(AUTH_TOKEN.encode(), (MESSAGE_URL + nonce).encode(), sha256)
    signature = request.headers["X-Plivo-Signature-V2"]
    assert base64.b64encode(mac.digest()).decode() == signature


async def test_a_switch_adds_v3(desk: Desk) -> None:
    desk.switch(message_signing="v3")

    desk.write("hello")
    await desk.pass_time(0)

    (request,) = desk.requests()
    assert signature_headers(request) >= {"v2", "v3", "ma-v3", "v3-nonce"}
    assert is_v3_signed(request, AUTH_TOKEN)
    assert is_v2_signed(request, AUTH_TOKEN)


async def test_a_switch_leaves_nothing_but_ma_v3(desk: Desk) -> None:
    desk.switch(message_signing="ma_v3")

    desk.write("hello")
    await desk.pass_time(0)

    (request,) = desk.requests()
    assert signature_headers(request) == {"ma-v3", "v3-nonce"}
    assert is_v3_signed(request, AUTH_TOKEN, "Ma-V3")


async def test_a_subaccounts_message_is_signed_with_its_token_and_the_main_one(
    desk: Desk,
) -> None:
    number = "12025550170"
    desk.application.account = SUBACCOUNT_ID
    desk.stage.simulator.store.numbers[number].app_id = desk.application.app_id

    desk.write("hello", number=number)
    await desk.pass_time(0)

    (request,) = desk.requests()
    assert is_v2_signed(request, SUBACCOUNT_TOKEN)
    assert is_v2_signed(request, AUTH_TOKEN, "Ma-V2")


async def test_unsigned_requests_are_a_switch_as_for_calls(desk: Desk) -> None:
    desk.switch(signing="unsigned")

    desk.write("hello")
    await desk.pass_time(0)

    assert signature_headers(desk.requests()[0]) == set()


@pytest.mark.parametrize("signed", ["python", "node", "url_only", "raw_body"])
async def test_a_switch_has_json_bodies(desk: Desk, signed: str) -> None:
    desk.switch(message_content_type="json", message_signing="v3", json_signing=signed)

    desk.write("hello")
    await desk.pass_time(0)

    (request,) = desk.requests()
    body: dict[str, Any] = json.loads(request.content)
    assert request.headers["content-type"] == "application/json"
    assert (body["Text"], body["Units"]) == ("hello", 1)
    assert "v3" in signature_headers(request)


async def test_an_answer_in_xml_is_carried_out(desk: Desk) -> None:
    more = 'callbackUrl="https://app.example/status" callbackMethod="GET"'
    desk.answer(
        reply(
            text_back("to you"),
            text_back("to both", dst=f"{ALICE}&lt;{BOB}", more=more),
        )
    )

    message = desk.write("hello")
    await desk.pass_time(10)

    sent = desk.sent_by_app()
    assert [(m.text, m.from_number, m.to_number, m.state) for m in sent] == [
        ("to you", US, ALICE, "delivered"),
        ("to both", US, ALICE, "delivered"),
        ("to both", US, BOB, "delivered"),
    ]
    assert [m.method for m in sent] == ["POST", "GET", "GET"]
    answers = [line for line in message.history if line["what"] == "answered"]
    assert [line["message_uuid"] for line in answers] == [m.message_uuid for m in sent]
    assert desk.statuses(sent[0]) == []
    assert desk.statuses(sent[2]) == ["queued", "sent", "delivered"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200),
        httpx.Response(200, text="OK"),
        httpx.Response(200, text=f"<Response>{text_back('x')}</Response>"),
        reply(),
    ],
)
async def test_an_answer_that_asks_for_nothing_sends_nothing(
    desk: Desk, answer: httpx.Response
) -> None:
    desk.answer(answer)

    message = desk.write("hello")
    await desk.pass_time(10)

    assert desk.sent_by_app() == []
    assert [line["what"] for line in message.history] == ["received", "delivered"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reply(text_back("x"), "<Speak>x</Speak>"), "Speak is not an answer"),
        (reply(text_back("x", more='size="big"')), "Message has no attribute size"),
        (reply(text_back("x<b/>")), "Message may hold text only"),
        (reply('<Message dst="12025550100">x</Message>'), "src or powerpack_uuid is"),
        (reply('<Message src="12025550180">x</Message>'), "dst is missing"),
        (reply(text_back("")), "text is missing"),
        (
            reply(text_back("x"), text_back("x", dst=US)),
            "src and dst must be different",
        ),
        (reply(text_back("x" * 100_000)), "the document is larger than 100 KB"),
        (
            httpx.Response(200, text="<Reply/>", headers={"content-type": "Text/XML"}),
            "the root is not Response",
        ),
        (
            httpx.Response(
                200, text="<Response>", headers={"content-type": "text/xml"}
            ),
            "the document is not well-formed",
        ),
        (
            httpx.Response(
                200,
                text='<!DOCTYPE r [<!ENTITY e "x">]><Response/>',
                headers={"content-type": "application/xml; charset=utf-8"},
            ),
            "a document type is not allowed",
        ),
    ],
)
async def test_a_bad_answer_sends_nothing_at_all_and_says_why(
    desk: Desk, answer: httpx.Response, problem: str
) -> None:
    desk.answer(answer)

    message = desk.write("hello")
    await desk.pass_time(10)

    assert desk.sent_by_app() == []
    assert message.state == "delivered"
    assert problem in message.history[-1]["problem"]


@pytest.mark.parametrize(("switch", "count"), [("each", 2), ("once", 1)])
async def test_a_switch_has_a_repeated_request_answered_each_time_or_once(
    desk: Desk, switch: str, count: int
) -> None:
    desk.switch(repeated_answer=switch)
    desk.arm(message_webhook_doubled={})
    desk.answer(reply(text_back("got it")))

    desk.write("hello")
    await desk.pass_time(10)

    assert len(desk.requests()) == 2
    assert [m.text for m in desk.sent_by_app()] == ["got it"] * count


async def test_a_lost_request_is_never_sent(desk: Desk) -> None:
    desk.arm(message_webhook_lost={"match": {"from": ALICE}})

    desk.write("lost")
    desk.write("heard", phone=BOB)
    await desk.pass_time(1000)

    assert [told["Text"] for told in desk.forms()] == ["heard"]
    assert [c.state for c in desk.stage.callbacks] == ["dropped", "delivered"]


async def test_a_late_request_lets_others_overtake(desk: Desk) -> None:
    desk.arm(message_webhook_late={"seconds": 30, "times": 1})

    desk.write("first")
    desk.write("second")
    await desk.pass_time(29)
    before = [told["Text"] for told in desk.forms()]
    await desk.pass_time(2)

    assert before == ["second"]
    assert [told["Text"] for told in desk.forms()] == ["second", "first"]


async def test_an_application_that_logs_nothing_hides_the_senders_last_digits(
    desk: Desk,
) -> None:
    desk.application.log_incoming_messages = False

    message = desk.write("hello")
    await desk.pass_time(0)

    document = message_document(message, None)
    assert document["from_number"] == "12025550***"
    assert document["to_number"] == US
    # The application hears the whole number.
    assert desk.forms()[0]["From"] == ALICE


async def test_a_message_between_own_numbers_arrives_as_any_other(desk: Desk) -> None:
    desk.send(dst=US_2, text="to myself")
    await desk.pass_time(10)

    (told,) = desk.forms()
    assert (told["From"], told["To"], told["Text"]) == (US, US_2, "to myself")


async def test_a_picture_to_an_own_number_arrives_if_the_number_is_able(
    desk: Desk,
) -> None:
    files = {"type": "mms", "media_urls": ["https://files.example/cat.png"]}
    desk.stage.simulator.store.numbers[US_2].rented = new_number(US_2, "US")

    desk.send(dst=US_2, **files)
    await desk.pass_time(10)
    (told,) = desk.forms()
    able = desk.stage.simulator.store.numbers[US_2]
    able.rented = replace(able.rented, mms=False)
    desk.send(dst=US_2, **files)
    await desk.pass_time(10)

    assert (told["Type"], told["MediaCount"]) == ("mms", "1")
    assert len(desk.forms()) == 1
    assert [m.state for m in desk.sent_by_app()] == ["delivered"] * 2


async def test_two_numbers_that_answer_each_other_are_a_loop_that_ends(
    desk: Desk,
) -> None:
    def bounce(request: httpx.Request) -> httpx.Response:
        told = form(request)
        return reply(text_back("again", src=told["To"], dst=told["From"]))

    desk.stage.responders[MESSAGE_URL] = bounce

    desk.send(dst=US_2, text="hello")
    await desk.pass_time(10_000)

    sent = desk.sent_by_app()
    assert len(sent) == 12
    assert [m.state for m in sent] == ["delivered"] * 11 + ["failed"]
    assert sent[-1].error_code == "60"


async def test_a_text_stands_in_no_log_line(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.application.message_method = "GET"
    desk.answer(httpx.Response(500), httpx.ConnectTimeout(""), reply("<Speak/>"))

    with caplog.at_level(logging.DEBUG):
        desk.write(SECRET)
        desk.send(text=SECRET, method="GET")
        await desk.pass_time(1000)

    assert len(desk.requests()) == 3
    assert "4711" not in caplog.text
    assert ALICE not in caplog.text


async def test_british_numbers_heed_no_keywords(desk: Desk) -> None:
    message = desk.write("STOP", number=GB)
    await desk.pass_time(0)

    assert message.intent == ""
    assert desk.forms()[0]["MessageIntent"] == ""
    assert desk.by_plivo() == []
