"""What a handler is started in: a stack for AWS, TLS before the simulator, events."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import certifi

from masking.plivo import callback_urls
from plivo_simulator import account
from plivo_simulator.signing import v3_signature
from proofs.benches.starts import artifact
from proofs.harness import api_client, services_of
from stack.aws.clients import ACCESS_KEY, REGION, SECRET_KEY
from stack.environments import ROOT
from stack.running import RunningStack

HERE = Path(__file__).parent

SESSION = {"first_party": "+12025550120", "second_party": "+12025550121"}


@dataclass(frozen=True)
class Handler:
    """What a process is started with: a module, where it is found, its environment."""

    module: str
    folders: tuple[Path, ...]
    environment: dict[str, str]


class Surroundings:
    """Handlers as they are started, and events for them, on a running stack."""

    def __init__(self, stack: RunningStack, folder: Path, plivo: str) -> None:
        self._stack = stack
        self._built = artifact.build()
        self._folder = folder
        self._plivo = plivo
        self._names = artifact.functions()
        self._deployed = stack.function_names()
        self._key = services_of(stack).callback_key
        self._pairs = itertools.count()
        self._session_uuid = self._create()
        authority = (stack.run_dir / "ca.pem").read_text()
        # All that are trusted otherwise as well: reading them is part of a start.
        self._trusted = folder / "trusted.pem"
        self._trusted.write_text(Path(certifi.where()).read_text() + authority)
        for name in ("floor.py", "tutorial.py"):
            shutil.copy(HERE / name, folder)
        layer = self._built / "Dependencies" / "python"
        shutil.copytree(layer / "certifi", folder / "trusting" / "certifi")
        shutil.copy(self._trusted, folder / "trusting" / "certifi" / "cacert.pem")
        artifact.compile_all(folder)

    def ours(self, function: str) -> Handler:
        """Return a function of ours, as it is deployed."""
        layers = (self._built / layer / "python" for layer in artifact.LAYERS)
        folders = (self._built / self._names[function], *layers)
        return Handler("app", self._trusting(*folders), self._environment(function))

    def floor(self) -> Handler:
        """Return the floor of a create."""
        layer = self._built / "Dependencies" / "python"
        environment = self._environment("create_session")
        return Handler("floor", self._trusting(self._folder, layer), environment)

    def tutorial(self) -> Handler:
        """Return the tutorial's handler of a callback."""
        environment = self._environment("create_session")
        folders = self._trusting(self._folder, artifact.tutorial())
        return Handler("tutorial", folders, environment)

    def create(self) -> dict[str, Any]:
        """Return a create of a pair of its own."""
        event = sample("create_session")
        body = json.loads(event["body"])
        # In areas that no virtual number is in, those that are kept for fiction.
        area, place = divmod(next(self._pairs), 50)
        body["first_party"] = f"+1{300 + area}55501{2 * place:02}"
        body["second_party"] = f"+1{300 + area}55501{2 * place + 1:02}"
        event["body"] = json.dumps(body)
        event["headers"]["idempotency-key"] = str(uuid.uuid4())
        return event

    def callback(self) -> dict[str, Any]:
        """Return a callback that was not there before, signed as by Plivo."""
        token = callback_urls.token_for(self._key, self._session_uuid, 1)
        path = callback_urls.path_for(self._session_uuid, 1, token, "events")
        now = datetime.now(UTC)
        pairs = [
            ("EventName", "SessionSecondPartyAnswer"),
            ("EventTimestamp", f"{now:%Y-%m-%d %H:%M:%S}"),
            ("SessionUUID", str(uuid.uuid4())),
            ("From", "12025550120"),
            ("To", "12025550121"),
            ("VirtualNumber", "12025550180"),
            ("SequenceNumber", "3"),
        ]
        nonce = str(uuid.uuid4().int)[:20]
        url = self._stack.addresses.api_url + path
        signed = v3_signature(account.AUTH_TOKEN, "POST", url, pairs, nonce)
        event = sample("on_session_event")
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["headers"] |= {
            "x-plivo-signature-v3": signed,
            "x-plivo-signature-v3-nonce": nonce,
        }
        del event["headers"]["x-plivo-signature-ma-v3"]
        event["pathParameters"] |= {"session_uuid": self._session_uuid, "token": token}
        event["body"] = base64.b64encode(urlencode(pairs).encode()).decode()
        return event

    def event(self, function: str) -> dict[str, Any]:
        """Return an event for a function: one that is dealt with, if we can make it."""
        made = {"create_session": self.create, "on_session_event": self.callback}
        if function in made:
            return made[function]()
        event = sample(function)
        given = event.get("pathParameters") or {}
        if "session_uuid" in given:
            given["session_uuid"] = self._session_uuid
        return event

    def _create(self) -> str:
        with api_client(self._stack) as api:
            created = api.post("/v1/sessions", json=SESSION).raise_for_status()
            return str(created.json()["session"]["session_uuid"])

    def _trusting(self, *folders: Path) -> tuple[Path, ...]:
        return (self._folder / "trusting", *folders)

    def _environment(self, function: str) -> dict[str, str]:
        found = self._stack.aws.client("lambda").get_function_configuration(
            FunctionName=self._deployed[function]
        )
        return {
            **found["Environment"]["Variables"],
            "CARRIER_BASE_URL": self._plivo,
            "AWS_ENDPOINT_URL": self._stack.addresses.aws_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "LAMBDA_TASK_ROOT": "/var/task",
            "_X_AMZN_TRACE_ID": (
                "Root=1-5759e988-bd862e3fe1be46a994272793;"
                "Parent=53995c3f42cd8ad8;Sampled=1"
            ),
            "BENCH_CA": str(self._trusted),
            "BENCH_ORIGIN": self._stack.addresses.api_url,
        }


def sample(function: str) -> dict[str, Any]:
    """Return the sample event of a function."""
    event: dict[str, Any] = json.loads((ROOT / f"events/{function}.json").read_text())
    return event


@contextmanager
def tls_before(url: str, certificates: Path) -> Iterator[str]:
    """Let *url* be reached over TLS while the block runs; yield where."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    behind = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                threading.Thread(target=relay, args=(accepted,), daemon=True).start()

    def relay(accepted: socket.socket) -> None:
        to = (behind.hostname or "", behind.port or 80)
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(accepted, server_side=True) as near,
            socket.create_connection(to) as far,
        ):
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join(5)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass bytes on until there are no more."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
