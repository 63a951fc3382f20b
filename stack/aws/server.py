"""Run the embedded AWS: ministack over TLS, and the deployed HTTP API on its own port.

Runs in the environment ``.local/aws-venv`` and nowhere else. One process and one event
loop serve both ports; functions run as processes of their own below it.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stack.addresses import HOST
from stack.aws.admission import Admission
from stack.aws.api_port import ENDPOINT, ApiPort, Application, Receive, Scope, Send
from stack.aws.certificates import make_certificates
from stack.aws.files import files_of
from stack.aws.framed_port import FramedPort
from stack.aws.kept_state import CHECKPOINT_SECONDS, KeptState, prepare
from stack.aws.measured import PATH
from stack.aws.passing_time import PassingTime
from stack.aws.patches import (
    UnknownEmulatorError,
    keep_state,
    measure,
    patch_emulator,
)
from stack.aws.prefork import Prefork

REGION = "us-east-1"
# Made in the run's folder once the deployed stack is in a snapshot, if state is kept.
SNAPSHOT = "snapshot"
# Files there hold the id of the API that a port serves; of the other ports, with the
# port in their name.
API_ID = "api-id"


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; return an exit status."""
    parser = argparse.ArgumentParser(prog="stack.aws.server")
    parser.add_argument("--aws-port", type=int, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--more-api-ports", type=int, nargs="*", default=[])
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--keep-dir", type=Path)
    parser.add_argument("--function-python", type=Path, required=True)
    parser.add_argument("--layer", type=Path)
    parser.add_argument("--test-socket", type=Path)
    options = parser.parse_args(arguments)
    make_certificates(options.run_dir, datetime.datetime.now(datetime.UTC))
    if options.keep_dir:
        prepare(options.keep_dir)
    os.environ.update(
        emulator_settings(options.aws_port, options.run_dir, options.keep_dir)
    )
    tempfile.tempdir = None
    prefork = Prefork(options.function_python, options.layer)
    # Beside everything else that starts; its imports take as long as a function's.
    prefork.start()
    try:
        time = measure()
        patch_emulator(options.function_python, prefork.popen)
        kept = keep_state(options.keep_dir) if options.keep_dir else None
    except UnknownEmulatorError as error:
        print(error, file=sys.stderr)
        return 1
    asyncio.run(
        _serve(
            *(options.aws_port, options.api_port, options.run_dir, options.test_socket),
            more_api_ports=options.more_api_ports,
            time=time,
            kept=kept,
            at_end=prefork.stop,
        )
    )
    return 0


def emulator_settings(
    port: int, run_dir: Path, keep_dir: Path | None
) -> dict[str, str]:
    """Return the environment that ministack reads and that functions inherit."""
    temporary = run_dir / "tmp"
    temporary.mkdir(exist_ok=True)
    authority = str(run_dir / "ca.pem")
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_REGION": REGION,
        # Roles are enforced, as on AWS: a function may do what its policy says.
        "AUTH": "true",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(run_dir / "server.pem"),
        "MINISTACK_SSL_KEY": str(run_dir / "server.key"),
        # It would open an MQTT port to the world.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{run_dir}/no-docker.sock",
        "TMPDIR": str(temporary),
        "S3_DATA_DIR": str(temporary / "s3"),
        "STATE_DIR": str(temporary / "state"),
        # For the functions: an endpoint instead of AWS, Lambda's clock, and no
        # configuration of the person whose machine this is.
        "AWS_ENDPOINT_URL": f"https://{HOST}:{port}",
        "AWS_CA_BUNDLE": authority,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "TZ": "UTC",
    }
    if keep_dir:
        settings |= {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(keep_dir / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(keep_dir / "s3"),
        }
    return settings


async def _serve(
    aws_port: int,
    api_port: int,
    run_dir: Path,
    test_socket: Path | None,
    *,
    more_api_ports: Sequence[int],
    time: PassingTime,
    kept: KeptState | None,
    at_end: Callable[[], None],
) -> None:
    # Only now: ministack reads its settings when it is imported.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app as emulator
    from ministack.core import lambda_runtime

    gateway = emulator._get_module("apigateway")
    pages = {
        ENDPOINT: _below(f"/{ENDPOINT}", emulator.app),
        "docs": files_of(run_dir / "docs"),
        PATH: time.page,
    }
    id_files = {api_port: run_dir / API_ID}
    id_files |= {port: run_dir / f"{API_ID}-{port}" for port in more_api_ports}
    admission = Admission()
    apis: dict[int, Application] = {
        port: ApiPort(
            gateway.handle_execute,
            gateway.decode_http_api_path,
            id_file,
            pages,
            answered=time.measured.answered,
            admission=admission,
        )
        for port, id_file in id_files.items()
    }
    config = Config()
    config.bind = [f"{HOST}:{aws_port}"]
    config.insecure_bind = [f"{HOST}:{port}" for port in apis]
    config.certfile = str(run_dir / "server.pem")
    config.keyfile = str(run_dir / "server.key")
    config.graceful_timeout = 1.0
    # Clients keep connections open; at the end, don't wait 30 s for their goodbyes.
    asyncio.constants.SSL_SHUTDOWN_TIMEOUT = 0.5  # type: ignore[attr-defined]
    config.keep_alive_timeout = 75

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    framed = FramedPort(emulator.app, aws_port)
    if test_socket:
        await framed.listen(test_socket)
    keeping = loop.create_task(_keep(kept, run_dir, emulator)) if kept else None
    await serve(
        _by_port(apis, emulator.app),
        config,
        shutdown_trigger=stop.wait,
    )
    if keeping:
        keeping.cancel()
    await framed.close()
    lambda_runtime.reset()
    at_end()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the emulator may still wait for functions that have just been ended.
    os._exit(0)


async def _keep(kept: KeptState, run_dir: Path, emulator: Any) -> None:
    """Take a snapshot once the template is deployed, and checkpoints from then on."""
    while not (run_dir / API_ID).exists():
        await asyncio.sleep(CHECKPOINT_SECONDS / 4)
    emulator.save_all(emulator._build_persistence_save_dict())
    (run_dir / SNAPSHOT).touch()
    while True:
        await asyncio.sleep(CHECKPOINT_SECONDS)
        kept.checkpoint()


def _below(prefix: str, application: Application) -> Application:
    """Serve *application* under a path as if it were the root."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        inner = {
            **scope,
            "path": scope["path"].removeprefix(prefix) or "/",
            "raw_path": scope["raw_path"].removeprefix(prefix.encode()) or b"/",
        }
        await application(inner, receive, send)

    return page


def _by_port(apis: Mapping[int, Application], emulator: Application) -> Application:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        port = 0 if scope["type"] == "lifespan" else scope["server"][1]
        await apis.get(port, emulator)(scope, receive, send)

    return application


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
