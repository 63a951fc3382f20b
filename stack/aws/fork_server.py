"""Fork processes of functions that have imported the dependency layer already.

Runs on the bare interpreter of functions, by its path, and imports nothing of ours:
``python fork_server.py SOCKET LAYER PADDING``. SOCKET is a Unix socket that keeps
messages apart; the server of the embedded AWS holds its other end. The first message
says what was imported; then each request is answered with the process forked for it.
`stack.aws.prefork` is the other side.

A forked process runs a script as the interpreter would have been started with it: its
own environment, folder, arguments, standard streams and signals, and no other open
file. What can't be its own is the seed of hashes, which all share.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import socket
import sys
import time
import types
from collections.abc import Iterator
from typing import Any

# What takes a function's process longest, by `python -X importtime`. Each comes from
# the dependency layer and makes nothing that lasts (clients, threads, contexts of TLS).
MODULES = (
    "aws_lambda_powertools",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.parameters",
    "boto3",
    "boto3.dynamodb.types",
    "botocore.config",
    "phonenumbers",
    "plivo",
    # `import pydantic` alone imports the rest when it is first used.
    "pydantic.fields",
    "pydantic.json_schema",
    "pydantic.main",
    "pydantic.plugin._loader",
    "pydantic.plugin._schema_validator",
    "pydantic.types",
    "requests",
    # Not of the layer, but used by most and by nothing above.
    "zoneinfo",
)

# What clients of AWS are made from: descriptions, which botocore reads from the layer.
SERVICES = ("dynamodb", "events", "s3", "secretsmanager", "sqs")

# As many as a message may bring: standard input, output and error, and the status.
DESCRIPTORS = 4
MESSAGE_BYTES = 1 << 20


class _Noting(os._Environ):  # type: ignore[type-arg]
    """An environment that keeps which of its names were asked for."""

    asked: dict[str, str | None]

    def __getitem__(self, name: str) -> str:
        try:
            value: str = super().__getitem__(name)
        except KeyError:
            self.asked[name] = None
            raise
        self.asked[name] = value
        return value

    def __iter__(self) -> Iterator[str]:
        # Who goes through all of them depends on all, and on those not there as well.
        self.asked["*"] = ""
        return super().__iter__()


def preload(layer: str) -> dict[str, Any]:
    """Import `MODULES` from *layer*; return what that depends on.

    Returns:
        ``asked``: names of the environment that were asked for, with their values or
        None; ``*`` among them stands for all. ``imported``: names of modules without
        a dot, whose other versions a forked process could not import any more.
    """
    found_in = list(sys.path)
    sys.path.append(layer)
    asked: dict[str, str | None] = {}
    _Noting.asked = asked
    os.environ.__class__ = _Noting
    try:
        for name in MODULES:
            try:
                importlib.import_module(name)
            except ImportError as error:
                print(f"functions import it themselves: {error}", file=sys.stderr)
        _read_descriptions()
    finally:
        os.environ.__class__ = os._Environ
        sys.path[:] = found_in
    imported = sorted({name.partition(".")[0] for name in sys.modules})
    return {"asked": asked, "imported": imported}


def _read_descriptions() -> None:
    """Read the descriptions of `SERVICES`, for the first session that is made.

    Only for one session, as botocore itself keeps what it has read for one; and only
    where no folder for further descriptions is set.
    """
    import botocore.session

    create = botocore.session.create_loader
    loader = create()
    loader.load_data_with_path("endpoints")
    for name in ("partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in SERVICES:
        for kind in ("service-2", "endpoint-rule-set-1"):
            loader.load_service_model(service, kind, api_version=None)
    prepared = [loader]

    def create_loader(search_path_string: str | None = None) -> Any:
        if search_path_string is None and prepared:
            return prepared.pop()
        return create(search_path_string)

    botocore.session.create_loader = create_loader


def serve(control: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; return it in the forked process.

    Returns:
        In the server itself None, once the other end of *control* is closed.
    """
    poll = select.poll()
    poll.register(control, select.POLLIN)
    # Of each forked process: its id, and where its exit status goes.
    forked: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready in forked:
                poll.unregister(ready)
                _report(ready, *forked.pop(ready))
                continue
            try:
                message, given, *_ = socket.recv_fds(
                    control, MESSAGE_BYTES, DESCRIPTORS
                )
            except ConnectionError:
                return None
            if not message:
                return None
            pid = os.fork()
            if pid == 0:
                control.detach()
                _take(given)
                request: dict[str, Any] = json.loads(message)
                return request
            process = os.pidfd_open(pid)
            *streams, status = given
            for stream in streams:
                os.close(stream)
            forked[process] = (pid, status)
            poll.register(process, select.POLLIN)
            socket.send_fds(control, [b"%d" % pid], [process])


def _report(process: int, pid: int, status: int) -> None:
    _, ended = os.waitpid(pid, 0)
    os.close(process)
    # Perhaps nobody waits for it any more.
    with contextlib.suppress(BrokenPipeError):
        os.write(status, b"%d" % os.waitstatus_to_exitcode(ended))
    os.close(status)


def _take(given: list[int]) -> None:
    """Make the first three of *given* the standard streams, and close all others."""
    # They may have the numbers that the streams are to have.
    for number, stream in enumerate([os.dup(each) for each in given[:3]]):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def become(request: dict[str, Any]) -> None:
    """Run the script ``argv[1]`` of *request* as ``__main__`` of this process.

    Returns:
        At the script's end; that the caller ends then ends the process as usual.
    """
    python, *arguments = request["argv"]
    script = arguments[0]
    _show_arguments([python, *arguments])
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = arguments
    sys.orig_argv = [python, *arguments]
    if not sys.flags.safe_path:
        sys.path.insert(0, os.path.dirname(os.path.realpath(script)))  # noqa: PTH120
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=script, __builtins__=__builtins__)
    # `multiprocessing` knows it by a second name.
    for name in {"__main__", "__mp_main__"} & sys.modules.keys():
        sys.modules[name] = main
    try:
        with open(script, "rb") as source:  # noqa: PTH123 - pathlib isn't imported
            code = compile(source.read(), script, "exec")
        exec(code, main.__dict__)  # noqa: S102 - it is what the interpreter would run
    except Exception as error:
        # As the interpreter would show it, without the frame that is ours.
        trace = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)


def _show_arguments(arguments: list[str]) -> None:
    """Have `ps` show *arguments*, as far as PADDING left room for them."""
    try:
        with open("/proc/self/stat") as stat:  # noqa: PTH123
            fields = stat.read().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        shown = b"".join(os.fsencode(each) + b"\0" for each in arguments)
        with open("/proc/self/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
            memory.seek(start)
            memory.write(shown[: end - start - 1].ljust(end - start, b"\0"))
    except OSError:
        pass  # It is for people who look; nothing depends on it.


def main() -> None:
    """Import, then fork until the server is gone."""
    if not sys.flags.safe_path:
        # Where this file is; functions have nothing to do with it.
        del sys.path[0]
    control = socket.socket(fileno=int(sys.argv[1]))
    loaded = preload(sys.argv[2])
    gc.collect()
    gc.freeze()
    control.send(json.dumps(loaded).encode())
    request = serve(control)
    if request:
        become(request)


if __name__ == "__main__":
    main()
