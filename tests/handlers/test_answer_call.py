"""A call to a number whose session is over gets one polite sentence, always."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from plivo import plivoxml

from functions.answer_call import app
from masking import wiring
from masking.api import goodbye as goodbyes
from plivo_simulator.signing import v3_signature
from plivo_simulator.voice.documents import read_document
from plivo_simulator.voice.flow_elements import Hangup, Play, Speak
from tests.support.embedded_aws import Deployment, EmbeddedAws

ROOT = Path(__file__).resolve().parents[2]

# Not what the template says by default, nor the deployment of these tests.
TEXT = "Nobody is reached at this number any more. Goodbye."


def _event(**changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events/answer_call.json").read_text())
    return {**event, **changes}


def _sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / f"events/{name}.json").read_text())
    return event


def signed_call(
    deployment: Deployment, sample: str = "answer_call", body: str | None = None
) -> dict[str, Any]:
    """Return a request of Plivo's for an answer, signed; *body* replaces its form."""
    from plivo_simulator import account

    event = _sample(sample)
    if body is not None:
        event["body"] = base64.b64encode(body.encode()).decode()
    body = base64.b64decode(event["body"]).decode()
    url = f"https://{event['requestContext']['domainName']}{goodbyes.PATH}"
    event["headers"]["x-plivo-signature-v3"] = v3_signature(
        account.AUTH_TOKEN,
        "POST",
        url,
        parse_qsl(body, keep_blank_values=True),
        event["headers"]["x-plivo-signature-v3-nonce"],
    )
    assert deployment.environment["CARRIER_SECRET_ARN"]
    return event


@pytest.fixture
def _spoken(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    assert deployment.environment["GOODBYE_TEXT"] != TEXT
    monkeypatch.setenv("GOODBYE_TEXT", TEXT)
    monkeypatch.setenv("GOODBYE_LANGUAGE", "en-GB")
    monkeypatch.setenv("GOODBYE_PLAY_URL", "")


def _heard(answered: dict[str, Any]) -> list[object]:
    assert answered["statusCode"] == 200
    return list(read_document(answered["body"], answered["headers"]["content-type"]))


@pytest.mark.usefixtures("_spoken")
def test_plivo_is_told_to_say_a_sentence_and_hang_up(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = app.lambda_handler(signed_call(deployment), None)

    spoken, end = _heard(answered)
    assert isinstance(spoken, Speak)
    assert spoken.text == TEXT
    assert end == Hangup()
    assert "CallAfterSession" in capsys.readouterr().out


@pytest.mark.usefixtures("_spoken")
@pytest.mark.parametrize(
    "body",
    [
        None,
        "CallUUID=a&Event=hangup&From=12025550100",
        "CallUUID=a&CallStatus=completed&From=12025550100",
        "CallUUID=a&CallStatus=no-answer&Event=",
    ],
)
def test_the_hangup_that_comes_to_the_answer_url_is_not_a_second_call(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], body: str | None
) -> None:
    answered = app.lambda_handler(
        signed_call(deployment, "answer_call.hangup", body), None
    )

    assert len(_heard(answered)) == 2
    emitted = capsys.readouterr().out
    assert "HangupAfterSession" in emitted
    assert "CallAfterSession" not in emitted


@pytest.mark.usefixtures("_spoken")
@pytest.mark.parametrize(
    "body",
    [
        "CallUUID=a&Event=StartApp&CallStatus=completed",
        "CallUUID=a&Event=Redirect",
        "CallUUID=a&CallStatus=ringing",
        "CallUUID=a",
    ],
)
def test_what_is_no_hangup_for_sure_is_a_call(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    app.lambda_handler(signed_call(deployment, body=body), None)

    assert "CallAfterSession" in capsys.readouterr().out


@pytest.mark.usefixtures("_spoken")
def test_a_request_that_plivo_sends_again_is_answered_and_not_counted_again(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    ringing = "CallUUID=b&CallStatus=ringing&From=12025550100"
    another = "CallUUID=c&CallStatus=ringing&From=12025550100"
    over = "CallUUID=b&Event=hangup&From=12025550100"

    for body in (ringing, ringing, over, ringing, over, another):
        answered = app.lambda_handler(signed_call(deployment, body=body), None)
        assert len(_heard(answered)) == 2

    assert _counts(capsys) == {
        "CallAfterSession": 2,
        "HangupAfterSession": 1,
        "AnswerRepeated": 3,
    }


@pytest.mark.usefixtures("_spoken")
def test_calls_that_plivo_names_not_or_nobody_can_remember_are_counted(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nameless = "CallStatus=ringing&From=12025550100"
    for _ in range(2):
        app.lambda_handler(signed_call(deployment, body=nameless), None)
    monkeypatch.setenv("TABLE_NAME", "no-such-table")
    wiring.services.cache_clear()
    named = signed_call(deployment, body=f"CallUUID=d&{nameless}")

    assert len(_heard(app.lambda_handler(named, None))) == 2

    assert _counts(capsys) == {"CallAfterSession": 3}


@pytest.mark.usefixtures("_spoken")
def test_nobody_but_plivo_makes_us_write(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    app.lambda_handler(_event(), None)
    app.lambda_handler(_sample("answer_call.fallback"), None)

    table = deployment.table_name
    assert aws.client("dynamodb").scan(TableName=table)["Items"] == []


def _counts(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """Return how often each metric of calls was counted."""
    found: Counter[str] = Counter()
    for line in capsys.readouterr().out.splitlines():
        document = json.loads(line) if "_aws" in line else {}
        for name, values in document.items():
            if name.startswith("Answer") or name.endswith("AfterSession"):
                found[name] += sum(values)
    return dict(found)


@pytest.mark.usefixtures("_spoken", "deployment")
def test_the_fallback_answers_without_a_secret_and_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CARRIER_SECRET_ARN")

    spoken, end = _heard(app.lambda_handler(_sample("answer_call.fallback"), None))

    assert isinstance(spoken, Speak)
    assert (spoken.text, end) == (TEXT, Hangup())
    emitted = capsys.readouterr().out
    assert "AnswerFallback" in emitted
    assert "AnswerFailed" not in emitted


@pytest.mark.usefixtures("_spoken", "deployment")
def test_audio_is_played_instead_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOODBYE_PLAY_URL", "https://app.example.com/bye.mp3?a=1&b=2")

    answered = app.lambda_handler(_event(), None)

    assert _heard(answered) == [
        Play(text="https://app.example.com/bye.mp3?a=1&b=2"),
        Hangup(),
    ]


@pytest.mark.usefixtures("_spoken", "deployment")
@pytest.mark.parametrize(
    "event",
    [
        _event(),
        _event(body=None, isBase64Encoded=False),
        _event(body="not base64 at all!"),
        _event(body="%" * 100, isBase64Encoded=False),
        _event(body="x" * 200_000, isBase64Encoded=False),
        _event(headers={}),
        _event(rawQueryString="From=%FF&To"),
        {},
        {"requestContext": None},
    ],
)
def test_whatever_is_sent_the_caller_hears_goodbye(event: dict[str, Any]) -> None:
    spoken, end = _heard(app.lambda_handler(event, None))

    assert isinstance(spoken, Speak)
    assert spoken.text == TEXT
    assert end == Hangup()


@pytest.mark.usefixtures("_spoken")
def test_a_wrong_signature_is_counted_and_answered_alike(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    right = app.lambda_handler(signed_call(deployment), None)
    wrong = app.lambda_handler(_event(), None)

    assert right == wrong
    assert "AnswerUnsigned" in capsys.readouterr().out


@pytest.mark.usefixtures("_spoken", "deployment")
@pytest.mark.parametrize("missing", ["CARRIER_SECRET_ARN", "GOODBYE_TEXT"])
def test_a_broken_deployment_still_says_goodbye(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)

    spoken, end = _heard(app.lambda_handler(_event(), None))

    assert isinstance(spoken, Speak)
    assert end == Hangup()


@pytest.mark.usefixtures("_spoken", "deployment")
def test_no_number_of_a_caller_is_emitted(capsys: pytest.CaptureFixture[str]) -> None:
    answered = app.lambda_handler(_event(), None)

    emitted = capsys.readouterr()
    assert "2025550100" not in emitted.out + emitted.err + str(answered)


@pytest.mark.parametrize(
    "goodbye",
    [
        goodbyes.Goodbye(),
        goodbyes.Goodbye(text='Fish & chips <are> "over"', language="en-GB"),
        goodbyes.Goodbye(text="Au revoir, à bientôt", language="fr-FR"),
        goodbyes.Goodbye(play_url="https://app.example.com/a.mp3?x=1&y=<2>"),
    ],
)
def test_the_document_is_what_plivos_own_sdk_writes(
    goodbye: goodbyes.Goodbye,
) -> None:
    theirs = plivoxml.ResponseElement()
    if goodbye.play_url:
        theirs.add(plivoxml.PlayElement(goodbye.play_url))
    else:
        theirs.add(plivoxml.SpeakElement(goodbye.text, language=goodbye.language))
    theirs.add(plivoxml.HangupElement())

    assert _canonical(goodbye.xml()) == _canonical(theirs.to_string())


def test_answering_imports_no_sdk_of_plivos() -> None:
    program = (
        "import sys; import functions.answer_call.app; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('plivo', 'requests', 'lxml', 'pydantic')])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/masking'}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.strip() == "[]"


def _canonical(document: str) -> str:
    text = ElementTree.canonicalize(document, strip_text=True)
    assert text is not None
    return text
