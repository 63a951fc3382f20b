"""Test calls that match no session: the number's application answers."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx
import pytest

from plivo_simulator.account import AUTH_TOKEN
from plivo_simulator.records import Call
from plivo_simulator.rules.model import Leg
from plivo_simulator.rules.steps import Outcome
from plivo_simulator.sessions import end_session
from plivo_simulator.signing import v3_signature
from plivo_simulator.store import Application

from .stage import ALICE, GREETING, STRANGER, Stage

ANSWER_URL = "https://app.example/answer?stage=local"
HANGUP_URL = "https://app.example/hangup"
HOLD = "<Response><Speak>Hello</Speak><Wait length='4'/></Response>"
XML = {"content-type": "application/xml; charset=utf-8"}

pytestmark = pytest.mark.anyio


def attach(stage: Stage, document: str, **headers: str) -> None:
    """Answer every number with *document*."""
    application = Application(
        "7", "MALOCALDEVELOPMENT00", "goodbye", ANSWER_URL, "POST", HANGUP_URL
    )
    stage.simulator.store.applications["7"] = application
    for number in stage.simulator.store.numbers.values():
        number.app_id = "7"
    answer = httpx.Response(200, text=document, headers={**XML, **headers})
    stage.answers[ANSWER_URL] = answer


async def late_call(stage: Stage, caller: str = ALICE, **script: object) -> Call:
    """Call a number whose session is over."""
    talk = stage.create(callback_url="")
    end_session(stage.simulator, talk)
    return await stage.whole_call(caller, talk, **script)


async def test_after_expiry_the_answer_url_is_asked_signed_and_obeyed(
    stage: Stage,
) -> None:
    attach(
        stage,
        "<Response><Speak>This call can not be connected any more.</Speak>"
        "<Hangup/></Response>",
    )

    call = await late_call(stage)

    asked = stage.sent[0]
    form = dict(parse_qsl(asked.content.decode()))
    nonce = asked.headers["x-plivo-signature-v3-nonce"]
    expected = v3_signature(AUTH_TOKEN, "POST", ANSWER_URL, form.items(), nonce)
    assert call.outcome is Outcome.HANDED_OVER
    assert str(asked.url) == ANSWER_URL
    assert (form["From"], form["To"]) == (ALICE[1:], call.virtual_number)
    assert (form["CallStatus"], form["Direction"]) == ("ringing", "inbound")
    assert asked.headers["x-plivo-signature-v3"] == expected
    # Eight words take three seconds.
    assert call.legs[Leg.CALLER].duration == 3


async def test_the_hangup_url_hears_how_the_call_ended(stage: Stage) -> None:
    attach(stage, HOLD)

    await late_call(stage)

    form = dict(parse_qsl(stage.sent[-1].content.decode()))
    assert str(stage.sent[-1].url) == HANGUP_URL
    assert (form["Event"], form["CallStatus"]) == ("Hangup", "completed")
    assert (form["HangupCause"], form["Duration"]) == ("NORMAL_CLEARING", "4")


async def test_the_answer_url_hears_of_the_hangup_where_no_other_is_set(
    stage: Stage,
) -> None:
    attach(stage, HOLD)
    stage.simulator.store.applications["7"].hangup_url = ""

    call = await late_call(stage)

    forms = [dict(parse_qsl(request.content.decode())) for request in stage.sent]
    assert [str(request.url) for request in stage.sent] == [ANSWER_URL, ANSWER_URL]
    assert [form["Event"] for form in forms] == ["StartApp", "Hangup"]
    assert {form["CallUUID"] for form in forms} == {call.call_uuid}


FALLBACK_URL = "https://static.example/goodbye.xml"
GOODBYE = "<Response><Speak>Goodbye</Speak><Wait length='2'/></Response>"


@pytest.mark.parametrize(
    "failed",
    [
        httpx.Response(500),
        httpx.Response(429),
        httpx.ConnectError("refused"),
        httpx.Response(200, text="<Response>", headers=XML),
    ],
)
async def test_the_fallback_answers_where_the_answer_url_does_not(
    stage: Stage, failed: httpx.Response | Exception
) -> None:
    attach(stage, "")
    stage.simulator.store.applications["7"].fallback_answer_url = FALLBACK_URL
    stage.answers[ANSWER_URL] = failed
    stage.answers[FALLBACK_URL] = httpx.Response(200, text=GOODBYE, headers=XML)

    call = await late_call(stage)

    first, second = (dict(parse_qsl(r.content.decode())) for r in stage.sent[:2])
    assert first == second
    assert str(stage.sent[1].url) == FALLBACK_URL
    assert call.legs[Leg.CALLER].cause.code == 4010  # type: ignore[union-attr]
    assert call.legs[Leg.CALLER].duration == 2


async def test_a_fallback_that_fails_too_ends_the_call(stage: Stage) -> None:
    attach(stage, "")
    stage.simulator.store.applications["7"].fallback_answer_url = FALLBACK_URL
    stage.answers[ANSWER_URL] = httpx.Response(500)
    stage.answers[FALLBACK_URL] = httpx.Response(500)

    call = await late_call(stage)

    assert [c.event for c in stage.callbacks] == ["StartApp", "StartApp", "Hangup"]
    assert call.legs[Leg.CALLER].cause.code == 7011  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fragment", "failed", "tries"),
    [
        ("", httpx.Response(500), 1),
        ("", httpx.ReadTimeout("slow"), 2),
        ("#rc=3&rp=all", httpx.Response(500), 4),
        ("#rc=3&rp=all", httpx.Response(429), 4),
        ("#rc=3&rp=5xx", httpx.Response(429), 1),
        ("#rc=3&rp=5xx,rt", httpx.ReadTimeout("slow"), 4),
        ("#rc=0", httpx.ReadTimeout("slow"), 1),
        ("#rc=9&rp=never", httpx.ConnectTimeout("slow"), 2),
    ],
)
async def test_a_url_is_tried_as_often_as_its_fragment_says(
    stage: Stage, fragment: str, failed: httpx.Response | Exception, tries: int
) -> None:
    attach(stage, "")
    stage.simulator.store.applications["7"].answer_url = ANSWER_URL + fragment
    stage.answers[ANSWER_URL] = failed

    await late_call(stage)

    assert [str(r.url) for r in stage.sent[:-1]] == [ANSWER_URL] * tries
    assert len(stage.callbacks[0].attempts) == tries
    nonce = stage.sent[0].headers["x-plivo-signature-v3-nonce"]
    pairs = parse_qsl(stage.sent[0].content.decode())
    signed = v3_signature(AUTH_TOKEN, "POST", ANSWER_URL, pairs, nonce)
    assert stage.sent[0].headers["x-plivo-signature-v3"] == signed


async def test_the_fragment_says_how_long_an_answer_is_waited_for(
    stage: Stage,
) -> None:
    attach(stage, "<Response/>")
    application = stage.simulator.store.applications["7"]
    application.answer_url += "#ct=500&rt=5000&tt=99999999"

    await late_call(stage)

    waited = stage.sent[0].extensions["timeout"]
    assert (waited["connect"], waited["read"]) == (0.5, 5.0)


async def test_get_carries_the_attributes_in_the_query(stage: Stage) -> None:
    attach(stage, "<Response/>")
    stage.simulator.store.applications["7"].answer_method = "GET"

    call = await late_call(stage)

    asked = stage.sent[0]
    assert asked.method == "GET"
    assert asked.url.params["stage"] == "local"
    assert asked.url.params["CallUUID"] == call.call_uuid


async def test_a_number_without_application_lets_the_call_fail(stage: Stage) -> None:
    call = await late_call(stage)

    assert call.legs[Leg.CALLER].status == "failed"
    assert call.legs[Leg.CALLER].cause.code == 2000  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_answer_that_is_no_success_ends_the_call(
    stage: Stage, status: int
) -> None:
    attach(stage, "")
    stage.answers[ANSWER_URL] = httpx.Response(status)

    call = await late_call(stage)

    assert call.legs[Leg.CALLER].cause.code == 7011  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "document",
    ["<Response>", "<Answer/>", "<Response><Stream>x</Stream></Response>", ""],
)
async def test_xml_that_can_not_be_obeyed_ends_the_call(
    stage: Stage, document: str
) -> None:
    attach(stage, document)

    call = await late_call(stage)

    assert call.legs[Leg.CALLER].cause.code == 8011  # type: ignore[union-attr]


async def test_a_hangup_at_once_is_a_call_never_answered(stage: Stage) -> None:
    attach(stage, "<Response><Hangup reason='busy'/></Response>")

    call = await late_call(stage)

    assert call.legs[Leg.CALLER].status == "busy"


async def test_audio_is_played_and_a_redirect_followed(stage: Stage) -> None:
    attach(
        stage,
        f"<Response><Play>{GREETING}</Play><Redirect>https://app.example/more</Redirect></Response>",
    )
    more = "<Response><Wait length='2'/></Response>"
    stage.answers["https://app.example/more"] = httpx.Response(
        200, text=more, headers=XML
    )

    call = await late_call(stage)

    assert call.legs[Leg.CALLER].duration == 5
    assert [c.event for c in stage.callbacks] == ["StartApp", "Redirect", "Hangup"]


async def test_digits_go_to_the_action_and_silence_goes_on(stage: Stage) -> None:
    attach(
        stage,
        "<Response><GetDigits action='https://app.example/menu' timeout='3'>"
        "<Speak>Press one.</Speak></GetDigits><Wait length='1'/></Response>",
    )
    menu = "<Response><Hangup/></Response>"
    stage.answers["https://app.example/menu"] = httpx.Response(
        200, text=menu, headers=XML
    )

    pressed = await late_call(stage, digits=["1"])
    form = dict(parse_qsl(stage.sent[1].content.decode()))
    silent = await late_call(stage, STRANGER)

    assert (form["Event"], form["Digits"]) == ("Digits", "1")
    assert pressed.legs[Leg.CALLER].cause.code == 4000  # type: ignore[union-attr]
    # Two words, three seconds of silence, one of waiting.
    assert silent.legs[Leg.CALLER].duration == 5


async def test_a_document_that_redirects_to_itself_ends(stage: Stage) -> None:
    attach(stage, f"<Response><Redirect>{ANSWER_URL}</Redirect></Response>")

    call = await late_call(stage)

    assert len([c for c in stage.callbacks if c.event != "Hangup"]) == 70
    assert call.legs[Leg.CALLER].cause.code == 2060  # type: ignore[union-attr]


async def test_a_caller_may_hang_up_on_an_application(stage: Stage) -> None:
    attach(stage, "<Response><Speak>Hello</Speak><Wait length='60'/></Response>")
    talk = stage.create()
    end_session(stage.simulator, talk)
    call = stage.call(ALICE, talk)
    await stage.pass_time(5)

    stage.act(call, "hangup", Leg.CALLER)
    await stage.pass_time(0)

    assert call.legs[Leg.CALLER].duration == 5
    assert call.legs[Leg.CALLER].ended_by == "Caller"
