"""Callbacks in every way in which Plivo may send them, and what is done with each."""

from __future__ import annotations

import base64
import hmac
import json
import statistics
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.on_session_event import app as on_session_event
from functions.publish_changes import app as publish_changes
from masking.domain import transitions
from masking.domain.sessions import Session
from masking.plivo import json_signatures, signature
from masking.wiring import Services
from plivo_simulator.account import AUTH_TOKEN
from plivo_simulator.signing import (
    node_pairs,
    python_pairs,
    v3_signature,
    v3_signature_of_raw_body,
)
from tests.support.embedded_aws import Deployment, carrier_secret, make_secret
from tests.support.raw_callbacks import (
    BASE_URL,
    FIRST,
    SECOND,
    active_session,
    api_event,
    path_of,
    signed_form,
)
from tests.support.stores import stores_with_client

NONCE = "4711"
ATTRIBUTES: Mapping[str, Any] = {
    "EventName": "SessionFirstPartyHangup",
    "EventTimestamp": "2026-03-01 12:00:05",
    "SessionUUID": "00000000-0000-4000-8000-000000000001",
    "From": "12025550100",
    "To": "12025550101",
    "PinAuthenticationStatus": "",
    "PlivoHangupCauseCode": 4000,
    "SequenceNumber": "5",
}
FORM = [(name, str(value)) for name, value in ATTRIBUTES.items()]


def _send(request: dict[str, Any]) -> int:
    return int(on_session_event.lambda_handler(request, None)["statusCode"])


def _kept(services: Services, session: Session) -> list[dict[str, Any]]:
    return services.stores.callbacks.of_session(session.session_uuid)


def _json_request(
    path: str, way: str, header: str = "X-Plivo-Signature-V3", **more: Any
) -> dict[str, Any]:
    body = json.dumps({**ATTRIBUTES, **more})
    url = BASE_URL + path
    if way == "raw_body":
        value = v3_signature_of_raw_body(AUTH_TOKEN, url, body, NONCE)
    else:
        pairs = {
            "python": python_pairs({**ATTRIBUTES, **more}),
            "node": node_pairs({**ATTRIBUTES, **more}),
            "url_only": [],
        }[way]
        value = v3_signature(AUTH_TOKEN, "POST", url, pairs, NONCE)
    headers = {
        "content-type": "application/json; charset=utf-8",
        header: value,
        "x-plivo-signature-v3-nonce": NONCE,
    }
    return api_event(path, body=body.encode(), headers=headers)


@pytest.mark.parametrize("way", ["python", "node", "url_only", "raw_body"])
@pytest.mark.parametrize("header", ["X-PLIVO-SIGNATURE-V3", "x-plivo-signature-ma-v3"])
def test_json_is_taken_however_it_is_signed(
    services: Services, way: str, header: str
) -> None:
    session = active_session(services)
    path = path_of(services, session)

    status = _send(_json_request(path, way, header, Recorded=True))

    assert status == 200
    [item] = _kept(services, session)
    assert item["attributes"]["PlivoHangupCauseCode"] == "4000"
    assert item["came"] == {
        "as": "json",
        "proof": f"{header.lower().removeprefix('x-plivo-signature-')} {way}",
    }


def test_json_whose_signature_covers_something_else_is_refused(
    services: Services,
) -> None:
    session = active_session(services)
    path = path_of(services, session)
    request = _json_request(path, "python")
    other = json.dumps({**ATTRIBUTES, "To": "12025550102"}).encode()

    status = _send({**request, "body": other.decode(), "isBase64Encoded": False})

    assert status == 403
    assert _kept(services, session) == []


LATIN_1_BODIES = {
    "escaped": urlencode([*FORM, ("Note", "Jos\u00e9")], encoding="latin-1").encode(),
    "raw": urlencode(FORM).encode() + b"&Note=Jos\xe9",
}


@pytest.mark.parametrize("body", LATIN_1_BODIES.values(), ids=LATIN_1_BODIES)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_form_in_latin_1_is_kept_and_no_forgery(
    services: Services, body: bytes, encoding: str
) -> None:
    session = active_session(services)
    path = path_of(services, session)
    pairs = sorted([*FORM, ("Note", "Jos\u00e9")])
    text = f"{BASE_URL}{path}?{''.join(k + v for k, v in pairs)}.{NONCE}"
    value = base64.b64encode(
        hmac.digest(AUTH_TOKEN.encode(), text.encode(encoding), "sha256")
    ).decode()

    status = _send(_signed_body(path, body, value, "application/x-www-form-urlencoded"))

    assert status == 200
    [item] = _kept(services, session)
    assert item["attributes"]["Note"] == "Jos\u00e9"
    assert item["came"]["proof"] == (
        "v3 form" if encoding == "utf-8" else "v3 form_bytes"
    )


def test_json_in_latin_1_is_kept_and_no_forgery(services: Services) -> None:
    session = active_session(services)
    path = path_of(services, session)
    body = json.dumps({**ATTRIBUTES, "Note": "Jos\u00e9"}, ensure_ascii=False)
    signed = f"{BASE_URL}{path}?{body}.{NONCE}".encode("latin-1")
    value = base64.b64encode(
        hmac.digest(AUTH_TOKEN.encode(), signed, "sha256")
    ).decode()

    status = _send(
        _signed_body(path, body.encode("latin-1"), value, "application/json")
    )

    assert status == 200
    [item] = _kept(services, session)
    assert item["attributes"]["Note"] == "Jos\u00e9"


@pytest.mark.parametrize("body", LATIN_1_BODIES.values(), ids=LATIN_1_BODIES)
def test_a_form_in_latin_1_with_a_wrong_signature_is_refused(
    services: Services, body: bytes
) -> None:
    session = active_session(services)
    path = path_of(services, session)
    value = base64.b64encode(bytes(32)).decode()

    status = _send(_signed_body(path, body, value, "application/x-www-form-urlencoded"))

    assert status == 403
    assert _kept(services, session) == []


def _signed_body(
    path: str, body: bytes, value: str, content_type: str
) -> dict[str, Any]:
    headers = {
        "content-type": content_type,
        "X-Plivo-Signature-V3": value,
        "X-Plivo-Signature-V3-Nonce": NONCE,
    }
    return api_event(path, body=body, headers=headers)


def test_a_get_is_taken_with_its_attributes_in_the_query(services: Services) -> None:
    session = active_session(services)
    path = path_of(services, session)
    value = v3_signature(AUTH_TOKEN, "GET", BASE_URL + path, FORM, NONCE)
    request = api_event(
        path,
        method="GET",
        query=urlencode(FORM),
        headers={
            "X-Plivo-Signature-V3": value,
            "X-Plivo-Signature-V3-Nonce": NONCE,
        },
    )

    assert _send(request) == 200
    [item] = _kept(services, session)
    assert item["attributes"] == {name: str(v) for name, v in ATTRIBUTES.items()}
    assert item["came"]["as"] == "GET"


def test_a_form_and_a_get_of_the_same_callback_are_one(services: Services) -> None:
    session = active_session(services)
    path = path_of(services, session)
    value = v3_signature(AUTH_TOKEN, "GET", BASE_URL + path, FORM, NONCE)
    headers = {"x-plivo-signature-v3": value, "x-plivo-signature-v3-nonce": NONCE}
    _send(signed_form(path, FORM))

    query = urlencode(FORM)
    status = _send(api_event(path, method="GET", query=query, headers=headers))

    assert status == 200
    assert len(_kept(services, session)) == 1


V2 = {"X-Plivo-Signature-V2": "eA==", "X-Plivo-Signature-V2-Nonce": "1"}
WRONG = {"X-Plivo-Signature-V3": "eA==", "X-Plivo-Signature-V3-Nonce": "1"}
WRONG_MA = {"X-Plivo-Signature-Ma-V3": "eA==", "X-Plivo-Signature-V3-Nonce": "1"}


@pytest.mark.parametrize(
    ("auth", "headers", "status"),
    [
        ("signature", {}, 403),
        ("capability", {}, 200),
        ("signature", V2, 403),
        ("capability", V2, 200),
        ("capability", WRONG, 403),
        ("capability", WRONG_MA, 403),
        ("capability", {"X-Plivo-Signature-V3": ""}, 403),
    ],
)
def test_unsigned_is_taken_on_the_token_alone_only_if_the_setting_says_so(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    auth: str,
    headers: dict[str, str],
    status: int,
) -> None:
    monkeypatch.setenv("WEBHOOK_AUTH", auth)
    session = active_session(services)
    path = path_of(services, session)

    answered = _send(api_event(path, body=urlencode(FORM).encode(), headers=headers))

    assert answered == status
    assert len(_kept(services, session)) == (1 if status == 200 else 0)


def test_capability_never_takes_a_wrong_token(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_AUTH", "capability")
    session = active_session(services)
    path = path_of(services, session).replace("/1/", "/2/")

    assert _send(api_event(path, body=urlencode(FORM).encode())) == 403


def test_during_a_rotation_two_auth_tokens_are_valid(
    deployment: Deployment, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = carrier_secret(auth_token="the-new-token", previous_auth_token=AUTH_TOKEN)
    secrets = deployment.aws.client("secretsmanager")
    monkeypatch.setenv("CARRIER_SECRET_ARN", make_secret(secrets, secret))
    session = active_session(services)
    path = path_of(services, session)

    old = _send(signed_form(path, FORM))
    new = _send(signed_form(path, [*FORM, ("x", "1")], token="the-new-token"))
    neither = _send(signed_form(path, [*FORM, ("x", "2")], token="another"))

    assert (old, new, neither) == (200, 200, 403)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"EventName=" + b"x" * 16_400, "application/x-www-form-urlencoded", 413),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"From=1", "application/x-www-form-urlencoded", 400),
        (b"=nameless&EventName=A", "application/x-www-form-urlencoded", 400),
        (b"EventName=A&" + b"n" * 256 + b"=1", "text/plain", 400),
        (b"&".join(b"a%d=1" % n for n in range(200)), "text/plain", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"[1, 2]", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[" * 5_000, "application/json", 400),
        (b'{"EventName": "\\ud800"}', "application/json", 400),
        (b'{"EventName": 1e99999, "a": {"b": [1, {}]}}', "application/json", 200),
    ],
)
def test_nonsense_is_bounded_and_named(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    body: bytes,
    content_type: str,
    status: int,
) -> None:
    monkeypatch.setenv("WEBHOOK_AUTH", "capability")
    session = active_session(services)
    path = path_of(services, session)

    answered = _send(api_event(path, body=body, headers={"Content-Type": content_type}))

    assert answered == status
    metric = {400: "CallbackMalformed", 413: "CallbackTooLarge"}.get(status)
    if metric:
        assert metric in capsys.readouterr().out
        assert _kept(services, session) == []


@pytest.mark.parametrize(
    ("auth", "metric"), [("signature", "WebhookUnsigned"), ("", "WebhookUnsigned")]
)
def test_an_unsigned_callback_that_is_refused_is_counted(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    auth: str,
    metric: str,
) -> None:
    monkeypatch.setenv("WEBHOOK_AUTH", auth)
    session = active_session(services)

    _send(api_event(path_of(services, session), body=urlencode(FORM).encode()))

    assert metric in capsys.readouterr().out


def test_a_callback_before_our_create_is_confirmed_is_kept_and_its_session_matched(
    deployment: Deployment, services: Services
) -> None:
    from datetime import UTC, datetime

    session = transitions.reserve(
        session_uuid="00000000-0000-4000-8000-000000000077",
        tenant_id="acme",
        asked={"first_party": FIRST, "second_party": SECOND, "session_expiry": 60},
        labels={},
        base_url=BASE_URL,
        now=datetime.now(UTC),
    )
    services.stores.sessions.reserve(session)

    status = _send(signed_form(path_of(services, session), FORM))
    publish_changes.lambda_handler({"Records": deployment.stream()}, None)

    assert status == 200
    assert len(_kept(services, session)) == 1
    checks = deployment.taken(deployment.environment["CHECK_QUEUE_URL"])
    assert {"session_uuid": session.session_uuid, "orphans": True} in checks


@pytest.mark.parametrize(
    "failure",
    [
        ClientError(
            {"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Put"
        ),
        ClientError({"Error": {"Code": "InternalServerError"}}, "Put"),
        EndpointConnectionError(endpoint_url="https://dynamodb.invalid"),
    ],
)
def test_a_store_that_is_throttled_or_down_is_our_fault(
    services: Services, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    session = active_session(services)
    request = signed_form(path_of(services, session), FORM)

    up = services.stores.table.client

    class Down:
        def get_item(self, **asked: Any) -> Any:
            return up.get_item(**asked)

        def put_item(self, **_: Any) -> Any:
            raise failure

    down = stores_with_client(services.stores, Down())
    with monkeypatch.context() as patch:
        patch.setitem(services.__dict__, "stores", down)
        assert _send(request) == 503
    assert _send(request) == 200


def test_the_answer_takes_less_than_50_ms_of_the_handler(services: Services) -> None:
    session = active_session(services)
    path = path_of(services, session)
    _send(signed_form(path, [*FORM, ("n", "warm")]))
    taken = []

    for number in range(30):
        request = signed_form(path, [*FORM, ("n", str(number))])
        started = time.perf_counter()
        _send(request)
        taken.append(time.perf_counter() - started)

    print(f"median {statistics.median(taken) * 1000:.1f} ms")
    assert statistics.median(taken) < 0.05


@settings(max_examples=300, deadline=None)
@given(
    value=st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.dictionaries(st.text(max_size=3), inner, max_size=2)
                | st.lists(st.text(max_size=3), max_size=3)
            ),
            max_leaves=4,
        ),
        max_size=4,
    )
)
def test_the_python_reading_of_json_is_the_sdks(value: dict[str, Any]) -> None:
    from plivo.utils.signature_v3 import construct_post_url

    body = json.dumps(value).encode()

    texts = json_signatures.texts_of("https://h.example.com/p?a=1", body)

    try:
        expected = construct_post_url("https://h.example.com/p?a=1", value).decode()
    except UnicodeEncodeError:
        assert "python" not in texts
        return
    # The SDK takes an empty object for no body at all.
    assert expected == (texts["python"] if value else texts["url_only"])


def test_no_function_that_takes_callbacks_imports_plivo() -> None:
    import subprocess
    import sys

    from stack.environments import ROOT

    script = (
        "import sys; import functions.on_session_event.app, "
        "functions.on_recording_event.app; "
        "from masking.callbacks import receive; from masking import wiring; "
        "sys.exit('plivo' in sys.modules)"
    )
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'masking'}"}

    done = subprocess.run([sys.executable, "-c", script], env=paths, check=False)

    assert done.returncode == 0


def test_v2_alone_is_no_signature() -> None:
    assert not signature.is_signed({"x-plivo-signature-v2": "eA=="})
