"""Clients of AWS share connections, and fail as botocore's own connections do."""

from __future__ import annotations

import socket
from typing import Any

import botocore.session
import certifi
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from masking.core import https
from masking.plivo.errors import CarrierSessionMissingError
from proofs.http_listener import Answer, HttpListener, hang, reply, reset
from tests.support.plivo_answers import AT_PLIVO
from tests.unit.test_plivo_client import carrier_at

QUICK = Config(connect_timeout=0.5, read_timeout=0.5, retries={"total_max_attempts": 1})
KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}


def table_at(url: str, config: Config = QUICK) -> Any:
    """Return a client of DynamoDB at *url* whose requests we send."""
    session = botocore.session.Session()
    https.Sender(session)
    return session.create_client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=https.lean(config),
    )


def get(client: Any) -> Any:
    """Read an item."""
    return client.get_item(TableName="t", Key=KEY)


def test_an_answer_is_read_as_botocore_reads_it(wire: HttpListener) -> None:
    wire.answers(reply(200, {"Item": KEY}))

    assert get(table_at(wire.origin))["Item"] == KEY
    [asked] = wire.requests
    assert asked.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert asked.headers["user-agent"].startswith("maskline botocore/")


@pytest.mark.parametrize(
    ("answer", "error"),
    [(hang(), ReadTimeoutError), (reset(), ConnectionClosedError)],
    ids=["silence", "a reset"],
)
def test_a_failure_has_botocores_name(
    wire: HttpListener, answer: Answer, error: type[Exception]
) -> None:
    wire.answers(answer)

    with pytest.raises(error):
        get(table_at(wire.origin))

    assert len(wire.requests) == 1


def test_what_listens_nowhere_is_an_endpoint_without_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(EndpointConnectionError):
        get(table_at(f"http://127.0.0.1:{port}"))


def test_what_speaks_no_tls_is_a_failure_of_tls(wire: HttpListener) -> None:
    with pytest.raises(SSLError):
        get(table_at(wire.origin.replace("http:", "https:")))


def test_a_server_that_fails_is_asked_again_by_botocore(wire: HttpListener) -> None:
    wire.answers(reply(500), reply(200, {}))
    twice = QUICK.merge(Config(retries={"total_max_attempts": 2, "mode": "standard"}))

    assert "Item" not in get(table_at(wire.origin, twice))
    assert len(wire.requests) == 2


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_requests_go_by_the_proxy_of_the_environment(
    wire: HttpListener, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, wire.origin)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    wire.answers(reply(200, {}), reply(404, {"error": "not found"}))

    get(table_at("http://dynamodb.example.com"))
    with pytest.raises(CarrierSessionMissingError):
        carrier_at("http://plivo.example.com").get(AT_PLIVO)

    assert [asked.path.partition(".example.com")[0] for asked in wire.requests] == [
        "http://dynamodb",
        "http://plivo",
    ]


def test_authorities_are_loaded_once() -> None:
    context = https.trusting(certifi.where())

    assert https.trusting(certifi.where()) is context
    assert context.cert_store_stats()["x509_ca"] > 50
