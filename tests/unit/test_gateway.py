"""Between API Gateway and the use cases: requests in, answers and problems out."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from masking.api import gateway
from masking.core import errors as inner
from masking.core import problems
from masking.core.problems import (
    BodyTooLargeError,
    IdempotencyKeyReusedError,
    InvalidRequestError,
    ProblemError,
    SessionNotFoundError,
)
from masking.plivo import errors
from masking.plivo.errors import CarrierThrottledError
from tests.support.payloads import http, problem, read, sample


def answer_of(event: dict[str, Any], scope: str | None = "sessions:read") -> Any:
    """Send an event through a handler that answers with what it was given."""

    @gateway.route(scope=scope)
    def handle(request: gateway.Request) -> gateway.Response:
        return gateway.Response(
            200, {"body": request.body.decode(), "path": request.path}
        )

    return handle(event, None)


def refusal_of(error: Exception, undone: str | None = None) -> dict[str, Any]:
    """Send an event through a handler that raises."""

    @gateway.route(scope=None, undone=undone)
    def handle(_request: gateway.Request) -> gateway.Response:
        raise error

    return handle(sample("get_session"), None)


def request_of(**changed: Any) -> gateway.Request:
    """Return the request that an event becomes."""
    event = http("get_session", **changed)
    seen: list[gateway.Request] = []

    @gateway.route(scope=None)
    def handle(request: gateway.Request) -> gateway.Response:
        seen.append(request)
        return gateway.Response(204)

    assert handle(event, None)["statusCode"] == 204
    return seen[0]


# Requests


def test_a_request_is_what_api_gateway_says() -> None:
    request = request_of(query="a=1&b=%20", headers={"X-Custom": "Y"})

    assert request.method == "GET"
    assert request.path.startswith("/v1/sessions/")
    assert request.query == "a=1&b=%20"
    assert request.headers["x-custom"] == "Y"
    assert request.domain == "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
    assert request.tenant_id == "acme"
    assert request.scopes >= {"sessions:read", "sessions:write"}
    assert request.body == b""


def test_a_request_without_an_authorizer_is_nobodys() -> None:
    event = http("on_session_event")

    assert answer_of(event, scope=None)["statusCode"] == 200
    assert problem(answer_of(event)) == (403, "scope_missing", None)


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"authorizer": {}},
        {"authorizer": {"lambda": None}},
        {"authorizer": {"lambda": {}}},
        {"authorizer": {"lambda": {"scopes": None}}},
        {"authorizer": {"lambda": {"scopes": "sessions:reader my-sessions:read"}}},
    ],
    ids=repr,
)
def test_a_scope_must_be_there_and_whole(context: dict[str, Any]) -> None:
    event = http("get_session")
    del event["requestContext"]["authorizer"]
    event["requestContext"] |= context

    assert problem(answer_of(event)) == (403, "scope_missing", None)


@pytest.mark.parametrize(
    "query",
    [
        "first_party=12025550100",
        "first_party=%2B12025550100",
        "first_party=+12025550100",
        "x=1&x=12025550100",
        "x=%31%32%30%32%35%35%35%30%31%30%30",
        "x=1234567",
    ],
)
def test_a_number_in_a_query_is_refused(query: str) -> None:
    answer = answer_of(http("get_session", query=query))

    assert problem(answer) == (400, "number_in_url", None)
    assert "2025550100" not in answer["body"]


@pytest.mark.parametrize(
    "query", ["", "limit=20", "offset=123456", "status=active&label=order", "created=a"]
)
def test_any_other_query_is_let_through(query: str) -> None:
    assert answer_of(http("get_session", query=query))["statusCode"] == 200


def test_plivos_own_queries_may_hold_numbers() -> None:
    event = http("on_session_event", query="From=12025550100")

    assert answer_of(event, scope=None)["statusCode"] == 200


@pytest.mark.parametrize("encoded", [True, False])
def test_a_body_comes_as_text_or_in_base64(encoded: bool) -> None:
    answer = answer_of(http("search_sessions", body='{"é": 1}', encoded=encoded))

    assert read(answer)["body"] == '{"é": 1}'


@pytest.mark.parametrize("body", ["x", "e30", "e30=x", "é", "\ud800"], ids=repr)
def test_malformed_base64_is_a_malformed_body(body: str) -> None:
    event = {**http("search_sessions"), "body": body, "isBase64Encoded": True}

    assert problem(answer_of(event)) == (400, "malformed_body", None)


def test_text_that_is_no_unicode_is_a_malformed_body() -> None:
    event = {**http("search_sessions"), "body": "\ud800", "isBase64Encoded": False}

    assert problem(answer_of(event)) == (400, "malformed_body", None)


def test_a_body_may_be_64_kib_and_no_more() -> None:
    assert answer_of(http("search_sessions", body="x" * 65_536))["statusCode"] == 200

    answer = answer_of(http("search_sessions", body="x" * 65_537, encoded=True))

    assert problem(answer) == (413, "body_too_large", None)
    assert read(answer)["limit_bytes"] == 65_536


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_is_an_empty_one(body: str | None) -> None:
    event = http("search_sessions") | {"body": body}

    assert read(answer_of(event))["body"] == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "0B0C7E0A-5A7E-4A53-9D5E-1A2B3C4D5E6F",
        "0b0c7e0a5a7e4a539d5e1a2b3c4d5e6f",
        "{0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f}",
        "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f\n",
        "../../Call",
    ],
    ids=repr,
)
def test_a_session_is_named_by_a_uuid_in_its_usual_form(name: str) -> None:
    with pytest.raises(SessionNotFoundError):
        _ = request_of(session_uuid=name).session_uuid


def test_a_path_without_a_session_names_none() -> None:
    event = http("list_sessions")
    assert "pathParameters" not in event

    with pytest.raises(SessionNotFoundError):
        _ = gateway.request_of(event).session_uuid


@pytest.mark.parametrize("key", ["a", "order 17/é"[:8], "~" * 255, " "])
def test_an_idempotency_key_is_printable_ascii(key: str) -> None:
    assert request_of(headers={"Idempotency-Key": key}).idempotency_key == key


@pytest.mark.parametrize("key", ["é", "a\tb", "k" * 256, "a\n"], ids=repr)
def test_any_other_idempotency_key_breaks_the_rule(key: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        _ = request_of(headers={"idempotency-key": key}).idempotency_key

    assert refused.value.members["violations"] == [
        {
            "field": "Idempotency-Key",
            "rule": "must be 1 to 255 printable ASCII characters",
            "sent": None,
        }
    ]


def test_an_idempotency_key_is_not_a_must() -> None:
    assert request_of().idempotency_key is None


@pytest.mark.parametrize(
    ("tag", "version"), [('"1"', 1), ('"9999999999"', 9_999_999_999), ("*", None)]
)
def test_if_match_names_a_version_or_any(tag: str, version: int | None) -> None:
    assert request_of(headers={"If-Match": tag}).if_match == version


@pytest.mark.parametrize("tag", ["1", '"0"', '"01"', 'W/"1"', '"1", "2"', '"x"', '""'])
def test_any_other_tag_breaks_the_rule(tag: str) -> None:
    with pytest.raises(InvalidRequestError):
        _ = request_of(headers={"if-match": tag}).if_match


# Answers


def test_an_answer_is_json_that_nobody_may_keep() -> None:
    @gateway.route(scope=None)
    def handle(_request: gateway.Request) -> gateway.Response:
        return gateway.Response(201, {"a": 1}, {"etag": '"1"'})

    answer = handle(sample("get_session"), None)

    assert answer == {
        "statusCode": 201,
        "headers": {
            "content-type": "application/json",
            "cache-control": "no-store",
            "etag": '"1"',
        },
        "body": '{"a":1}',
    }


def test_an_answer_may_have_no_body() -> None:
    @gateway.route(scope=None)
    def handle(_request: gateway.Request) -> gateway.Response:
        return gateway.Response(204)

    answer = handle(sample("get_session"), None)

    assert answer == {"statusCode": 204, "headers": {"cache-control": "no-store"}}


# Problems


def test_a_problem_document_says_what_and_which_request() -> None:
    answer = refusal_of(InvalidRequestError(violations=[{"field": "a"}]))

    request_id = sample("get_session")["requestContext"]["requestId"]
    assert answer["headers"] == {
        "content-type": "application/problem+json",
        "cache-control": "no-store",
    }
    assert read(answer) == {
        "type": "urn:maskline:problem:invalid_request",
        "title": "Bad Request",
        "status": 400,
        "code": "invalid_request",
        "detail": "The request breaks the rules listed in violations.",
        "instance": f"urn:maskline:request:{request_id}",
        "violations": [{"field": "a"}],
    }


def test_the_title_is_the_phrase_of_rfc_9110_with_each_python() -> None:
    titles = {
        problem.status: read(refusal_of(problem))["title"]
        for problem in (BodyTooLargeError(), IdempotencyKeyReusedError())
    }

    assert titles == {413: "Content Too Large", 422: "Unprocessable Content"}


def test_a_problem_says_how_long_to_wait_where_waiting_helps() -> None:
    answer = refusal_of(CarrierThrottledError(retry_after=7))

    assert answer["headers"]["retry-after"] == "7"
    assert "retry-after" not in refusal_of(SessionNotFoundError())["headers"]


@pytest.mark.parametrize(
    "error",
    [
        ClientError(
            {"Error": {"Code": "InternalServerError", "Message": "+12025550100"}}, "Put"
        ),
        EndpointConnectionError(endpoint_url="https://12025550100"),
    ],
    ids=["answer", "connection"],
)
def test_aws_that_fails_is_our_storage_that_is_not_available(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = refusal_of(error)

    emitted = capsys.readouterr().out
    assert problem(answer) == (503, "storage_unavailable", None)
    assert answer["headers"]["retry-after"] == "2"
    assert "AWS failed" in emitted
    assert '"StorageUnavailable":[1' in emitted
    assert "2025550100" not in answer["body"] + emitted


def test_an_unexpected_error_says_nothing_and_is_logged_by_its_kind_and_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = refusal_of(RuntimeError("about +12025550100"))

    logged, line, metrics = map(json.loads, capsys.readouterr().out.splitlines())
    assert metrics["UnexpectedError"] == [1]
    assert problem(answer) == (500, "internal_error", None)
    assert read(answer)["detail"] == "Something went wrong on our side."
    assert logged["error"] == "RuntimeError"
    assert logged["place"].startswith("handle:")
    assert logged["request_id"] == line["request_id"]
    assert (line["status"], line["code"]) == (500, "internal_error")
    assert "2025550100" not in answer["body"] + json.dumps(logged)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SessionNotFoundError(), "not_done"),
        (SessionNotFoundError(outcome="unknown"), "unknown"),
        (ClientError({"Error": {"Code": "x"}}, "Put"), "not_done"),
        (RuntimeError(), "unknown"),
    ],
    ids=["refused", "told", "storage", "unexpected"],
)
def test_every_problem_of_a_route_that_changes_something_has_an_outcome(
    error: Exception, outcome: str
) -> None:
    assert problem(refusal_of(error, undone="not_done"))[2] == outcome


def test_an_event_that_is_none_is_our_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert problem(answer_of({})) == (500, "internal_error", None)
    assert "KeyError" in capsys.readouterr().out


def test_every_problem_has_its_own_code_and_a_sentence() -> None:
    found: list[type[ProblemError]] = []
    open_classes = [ProblemError]
    while open_classes:
        kind = open_classes.pop()
        open_classes += kind.__subclasses__()
        if "code" in vars(kind):
            found.append(kind)

    assert len({kind.code for kind in found}) == len(found) > 20
    assert all(kind.detail.endswith(".") for kind in found)
    assert all(400 <= kind.status <= 599 for kind in found)


@pytest.mark.parametrize("module", [problems, errors])
def test_the_map_of_errors_names_each_problem_with_its_status_and_code(
    module: ModuleType,
) -> None:
    drawn = f"{problems.__doc__} {errors.__doc__} {inner.__doc__}"
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, Exception):
            assert f" {kind.__name__} " in f" {drawn} ".replace("\n", " ")
        if isinstance(kind, type) and issubclass(kind, ProblemError):
            line = next(x for x in drawn.splitlines() if f" {kind.__name__} " in x)
            if "code" in vars(kind) and kind is not ProblemError:
                assert line.split()[-2:] == [str(int(kind.status)), kind.code]
