"""The short way of tests into the embedded AWS: frames over a socket, SDK's errors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from stack.aws.api_port import Receive, Scope, Send
from stack.aws.framed_port import FramedPort, frame, unframe
from tests.support.framed_client import Sockets, short_way

# Nobody listens there: what would go over HTTPS fails.
URL = "https://127.0.0.1:1"
PORT = 4566
KEY = {"pk": {"S": "é"}, "sk": {"S": "1"}}

Answer = Callable[[int], Awaitable[bytes]]


class Application:
    """Stands for the emulator: keeps what it was asked, answers what it was told."""

    def __init__(self) -> None:
        self.asked: list[tuple[Scope, bytes]] = []
        self.answer: Answer = self._nothing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        message = await receive()
        self.asked.append((scope, message["body"]))
        body = await self.answer(len(self.asked))
        headers = [(b"content-type", b"application/x-amz-json-1.0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:5], "more_body": True})
        await send({"type": "http.response.body", "body": body[5:]})

    async def _nothing(self, number: int) -> bytes:
        return item(number)


def item(number: int) -> bytes:
    """Return an answer of DynamoDB that holds a number."""
    return json.dumps({"Item": {"n": {"N": str(number)}}}).encode()


def number_in(answer: Any) -> int:
    """Return the number that an answer holds."""
    return int(answer["Item"]["n"]["N"])


@contextlib.contextmanager
def served(application: Application, path: Path) -> Iterator[None]:
    """Serve an application at a socket while the block runs."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    over = asyncio.Event()

    async def serve() -> None:
        port = FramedPort(application, PORT)
        await port.listen(path)
        ready.set()
        await over.wait()
        await port.close()

    with ThreadPoolExecutor(1) as thread:
        serving = thread.submit(loop.run_until_complete, serve())
        assert ready.wait(10)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(over.set)
            serving.result(10)
            loop.close()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a socket, short enough to be one."""
    monkeypatch.chdir(tmp_path)
    return Path("socket")


@pytest.fixture
def application() -> Application:
    """Return an application that answers at once."""
    return Application()


@pytest.fixture
def dynamodb(path: Path) -> Iterator[Any]:
    """Return a client whose requests go the short way, once each."""
    with short_way(URL, path):
        yield a_client()


def a_client(
    url: str = URL, service: str = "dynamodb", *, read_timeout: float = 30
) -> Any:
    """Return a client of the SDK that sends each request once."""
    return boto3.Session("test", "test", region_name="us-east-1").client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        config=Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            retries={"total_max_attempts": 1},
            proxies={},
        ),
    )


def read(client: Any) -> int:
    """Read an item; return the number in it."""
    return number_in(client.get_item(TableName="t", Key=KEY))


def test_a_request_arrives_as_it_would_over_https(
    application: Application, path: Path, dynamodb: Any
) -> None:
    with served(application, path):
        assert read(dynamodb) == 1

    [(scope, body)] = application.asked
    headers = dict(scope["headers"])
    assert json.loads(body) == {"TableName": "t", "Key": KEY}
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("POST", "/", b"/")
    assert (scope["scheme"], scope["server"]) == ("https", ("127.0.0.1", PORT))
    assert headers[b"host"] == b"127.0.0.1:1"
    assert headers[b"x-amz-target"] == b"DynamoDB_20120810.GetItem"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers[b"authorization"].startswith(b"AWS4-HMAC-SHA256 ")


def test_requests_on_one_connection_arrive_one_after_the_other(
    application: Application, path: Path, dynamodb: Any
) -> None:
    tables = ["one" * 20, "two" * 100_000, "three"]

    with served(application, path):
        for table in tables:
            dynamodb.delete_table(TableName=table)

    assert [json.loads(body)["TableName"] for _, body in application.asked] == tables


def test_a_failure_of_the_application_is_status_500_and_the_next_is_served(
    application: Application,
    path: Path,
    dynamodb: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def fail_once(number: int) -> bytes:
        if number == 1:
            raise ValueError("made to fail")
        return item(number)

    application.answer = fail_once
    with served(application, path):
        with pytest.raises(ClientError) as error:
            read(dynamodb)

        assert read(dynamodb) == 2
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "ValueError: made to fail" in capfd.readouterr().err


def test_a_late_answer_is_a_timeout_and_not_the_answer_to_the_next_request(
    application: Application, path: Path, dynamodb: Any
) -> None:
    second_there, first_answered = asyncio.Event(), asyncio.Event()

    async def delay_first(number: int) -> bytes:
        if number == 1:
            await second_there.wait()
            asyncio.get_running_loop().call_soon(first_answered.set)
        else:
            second_there.set()
            await first_answered.wait()
        return item(number)

    application.answer = delay_first
    impatient = a_client(read_timeout=0.2)
    with served(application, path):
        with pytest.raises(ReadTimeoutError):
            read(impatient)

        assert read(dynamodb) == 2
        assert read(dynamodb) == 3


def test_a_connection_that_breaks_is_the_error_of_the_sdk(
    path: Path, dynamodb: Any
) -> None:
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as thread:
        listener.bind(str(path))
        listener.listen()

        def break_off() -> None:
            listener.settimeout(10)
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)

        broken = thread.submit(break_off)
        with pytest.raises(ConnectionClosedError):
            read(dynamodb)
        broken.result(10)


def test_where_nobody_listens_there_is_no_connection(dynamodb: Any) -> None:
    with pytest.raises(EndpointConnectionError, match="https://127"):
        read(dynamodb)


def test_a_server_that_was_started_again_is_found(
    application: Application, path: Path, dynamodb: Any
) -> None:
    for _ in range(2):
        with served(application, path):
            read(dynamodb)
            read(dynamodb)

    assert len(application.asked) == 4


def test_requests_of_threads_are_served_at_once(
    application: Application, path: Path, dynamodb: Any
) -> None:
    all_there = asyncio.Event()

    async def wait_for_all(number: int) -> bytes:
        if number == 4:
            all_there.set()
        await all_there.wait()
        return item(number)

    application.answer = wait_for_all
    with served(application, path), ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(read, [dynamodb] * 4))

    assert sorted(numbers) == [1, 2, 3, 4]


def test_a_fork_opens_connections_of_its_own(
    application: Application, path: Path
) -> None:
    process = 1
    sockets = Sockets(path, process_id=lambda: process)
    request = AWSPreparedRequest(
        "POST",
        URL,
        HTTPHeaders(),
        b"",
        stream_output=False,
        context={"client_config": Config()},
    )
    sent = frame(("POST", "/", []), b"")

    with served(application, path):
        sockets.exchange(sent, request)
        [parents] = sockets.idle
        sockets.exchange(sent, request)
        assert sockets.idle == [parents]

        process = 2
        sockets.exchange(sent, request)

        [own] = sockets.idle
        assert own is not parents
        assert parents.fileno() == -1
        sockets.close()


def test_other_endpoints_and_other_protocols_are_reached_over_https(
    application: Application, path: Path
) -> None:
    with served(application, path), short_way(URL, path):
        with pytest.raises(EndpointConnectionError):
            a_client("https://127.0.0.1:2").list_tables()
        with pytest.raises(EndpointConnectionError):
            a_client(service="s3").list_buckets()

    assert application.asked == []


def test_after_the_block_requests_go_over_https_again(
    application: Application, path: Path
) -> None:
    with served(application, path):
        with short_way(URL, path):
            client = a_client()
            read(client)

        with pytest.raises(EndpointConnectionError):
            read(client)

    assert len(application.asked) == 1


def test_a_frame_is_read_when_it_is_whole() -> None:
    head, body = [200, [["name", "é\x00"]]], b"\x00\xff" * 3
    whole = frame(head, body)

    for length in range(len(whole)):
        assert unframe(bytearray(whole[:length])) is None
    assert unframe(bytearray(whole)) == (head, body)
    assert unframe(bytearray(frame([], b""))) == ([], b"")
