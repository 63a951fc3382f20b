"""Forked processes of functions: as if the interpreter had been started for each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proofs.faults import function_processes
from stack.aws import prefork as prefork_module
from stack.aws.fork_server import MODULES
from stack.aws.forked_process import UNKNOWN_STATUS, ForkedProcess
from stack.aws.prefork import LAYERS, Prefork
from stack.environments import ENVIRONMENTS, FUNCTIONS, LAYER, ROOT, interpreter
from stack.invoke import invoke
from stack.running import RunningStack
from tests.support.waiting import is_running, wait_for

PYTHON = str(interpreter(FUNCTIONS))

pytestmark = [
    pytest.mark.skipif(
        not (ENVIRONMENTS["functions"].is_made() and ENVIRONMENTS["layer"].is_made()),
        reason="NOT TESTED: forked processes. `make stack` installs what they need.",
    ),
    pytest.mark.skipif(
        not hasattr(os, "pidfd_open"), reason="This system starts functions directly."
    ),
]

# What a process can know of itself; a forked one has to know the same.
FACTS = """
import gc, json, locale, os, signal, sys, threading, time, warnings
main = sys.modules["__main__"]
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "executable": sys.executable,
    "path": sys.path, "prefix": sys.prefix, "flags": str(sys.flags),
    "cwd": os.getcwd(), "environ": dict(os.environ), "zone": time.tzname,
    "shown": open("/proc/self/cmdline").read().rstrip("\\0").split("\\0"),
    "main": [main.__name__, main.__file__, repr(main.__spec__), main.__package__],
    "globals": sorted(set(globals()) - {"__loader__", "__cached__", "__annotations__"}),
    "open": sorted(os.listdir("/proc/self/fd"))[:3], "umask": status["Umask"],
    "opened": os.open("/dev/null", os.O_RDONLY), "group": os.getpgrp(),
    "ignored": status["SigIgn"], "caught": status["SigCgt"],
    "blocked": status["SigBlk"], "interrupt": str(signal.getsignal(signal.SIGINT)),
    "child": str(signal.getsignal(signal.SIGCHLD)), "threads": threading.active_count(),
    "streams": [
        [each.encoding, each.errors, each.line_buffering, each.write_through,
         each.isatty(), each.name, each.newlines, each.closed]
        for each in (sys.stdin, sys.stdout, sys.stderr)
    ],
    "locale": locale.getlocale(), "collects": [gc.isenabled(), gc.get_threshold()],
    "warns": warnings.showwarning.__qualname__, "trace": str(sys.gettrace()),
    "hooks": [repr(sys.excepthook), repr(sys.displayhook), len(sys.path_hooks)],
}))
"""

LAST_FRAME = "def fail():\n    raise ValueError('told')\n\nfail()\n"


@dataclass(frozen=True)
class Ended:
    """What a process left."""

    forked: bool
    status: int
    out: str
    err: str


class Folder:
    """A function's folder as ministack makes it: code, layers and a script to run."""

    def __init__(self, path: Path, layers: Mapping[str, Path]) -> None:
        self.path = path
        self.code = path / "code"
        self.code.mkdir(parents=True)
        self.script = path / "_worker.py"
        folders = []
        for name, target in layers.items():
            packages = path / name / "python" / "lib" / "python3" / "site-packages"
            packages.mkdir(parents=True)
            (packages / "layer.pth").write_text(f"{target}\n")
            folders.append(str(path / name))
        self.environ = {"PATH": os.environ["PATH"], LAYERS: os.pathsep.join(folders)}
        # As the fork server's own; nothing that it has asked for differs.
        if "HOME" in os.environ:
            self.environ["HOME"] = os.environ["HOME"]
        for name, value in os.environ.items():
            if name.startswith(prefork_module.READ_AT_START):
                self.environ[name] = value

    @contextmanager
    def start(
        self, start: Any, script: str, environ: Mapping[str, str | None] | None = None
    ) -> Iterator[Any]:
        """Start *script* with *start*, as ministack starts a function's process."""
        self.script.write_text(script)
        changed = {**self.environ, **(environ or {})}
        process = start(
            [PYTHON, str(self.script)],
            cwd=str(self.code),
            env={name: value for name, value in changed.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()

    def run(
        self,
        start: Any,
        script: str,
        environ: Mapping[str, str | None] | None = None,
    ) -> Ended:
        """Run *script* to its end, with nothing on its standard input."""
        with self.start(start, script, environ) as process:
            process.stdin.close()
            out, err = process.stdout.read(), process.stderr.read()
            status = process.wait(20)
            return Ended(isinstance(process, ForkedProcess), status, out, err)


@pytest.fixture(name="prefork", scope="module")
def _prefork() -> Iterator[Prefork]:
    prefork = Prefork(Path(PYTHON), LAYER)
    yield prefork
    prefork.stop()


@pytest.fixture(name="lone_prefork")
def _lone_prefork() -> Iterator[Prefork]:
    """Return one whose fork server this test may kill."""
    prefork = Prefork(Path(PYTHON), LAYER)
    yield prefork
    prefork.stop()


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, {"layer_0": LAYER, "layer_1": ROOT / "layers" / "masking"})


def _parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def test_a_forked_process_knows_of_itself_what_one_started_directly_knows(
    prefork: Prefork, folder: Folder
) -> None:
    its_own = {"TZ": "Asia/Kolkata", "AWS_REGION": "eu-west-1", "ODD": "\udcff = \n"}

    direct = folder.run(subprocess.Popen, FACTS, its_own)
    forked = folder.run(prefork.popen, FACTS, its_own)

    assert (forked.forked, forked.status, forked.err) == (True, 0, "")
    assert json.loads(forked.out) == json.loads(direct.out)
    assert json.loads(forked.out)["zone"] == ["IST", "IST"]


def test_programs_that_it_starts_see_its_environment(
    prefork: Prefork, folder: Folder
) -> None:
    script = "import os; os.execv('/bin/sh', ['sh', '-c', 'echo $ITS_OWN'])"

    forked = folder.run(prefork.popen, script, {"ITS_OWN": "mine"})

    assert (forked.forked, forked.out) == (True, "mine\n")


def test_the_layer_is_imported_already_and_nothing_of_ours(
    prefork: Prefork, folder: Folder
) -> None:
    script = (
        "import json, sys; print(json.dumps({name: getattr(module, '__file__', None) "
        "for name, module in sys.modules.items()}))"
    )

    modules = json.loads(folder.run(prefork.popen, script).out)

    assert set(MODULES) <= modules.keys()
    of_layer = {
        name
        for name, file in modules.items()
        if file and Path(file).is_relative_to(LAYER)
    }
    # `zoneinfo` alone is the standard library's.
    assert set(MODULES) - of_layer == {"zoneinfo"}
    assert not [
        name
        for name, file in modules.items()
        if file and Path(file).is_relative_to(ROOT) and name not in of_layer
    ]


def test_what_was_imported_is_not_collected_so_that_its_memory_stays_shared(
    prefork: Prefork, folder: Folder
) -> None:
    script = "import gc; print(gc.get_freeze_count() > 10_000)"

    assert folder.run(prefork.popen, script).out == "True\n"


def test_a_first_session_reads_no_description_of_aws_again(
    prefork: Prefork, folder: Folder
) -> None:
    script = """
import sys, boto3, botocore.session
read = []
sys.addaudithook(lambda event, given: read.append(str(given[0]))
                 if event == "open" and "/botocore/data/" in str(given[0]) else None)
options = {"region_name": "us-east-1", "aws_access_key_id": "x",
           "aws_secret_access_key": "y"}
first = [boto3.client(name, **options).meta.service_model
         for name in ("dynamodb", "s3", "events", "sqs", "secretsmanager")]
print(len(read))
second = [boto3.Session().client(name, **options).meta.service_model
          for name in ("dynamodb", "s3", "events", "sqs", "secretsmanager")]
print(len(read) > 5, [each.operation_names for each in first]
                     == [each.operation_names for each in second])
"""

    forked = folder.run(prefork.popen, script)

    assert (forked.forked, forked.err) == (True, "")
    assert forked.out == "0\nTrue True\n"


def test_other_descriptions_of_aws_are_read_where_a_function_names_them(
    prefork: Prefork, folder: Folder
) -> None:
    (folder.code / "greeter" / "2026-01-01").mkdir(parents=True)
    (folder.code / "greeter" / "2026-01-01" / "service-2.json").write_text("{}")
    script = (
        "import boto3; print('greeter' in boto3.Session().get_available_services())"
    )

    forked = folder.run(prefork.popen, script, {"AWS_DATA_PATH": str(folder.code)})

    assert (forked.forked, forked.out) == (True, "True\n")


def test_nothing_random_is_shared(prefork: Prefork, folder: Folder) -> None:
    script = (
        "import random, secrets, ssl, tempfile, uuid\n"
        "print(random.random()); print(secrets.token_hex()); print(uuid.uuid4())\n"
        "print(uuid.uuid1()); print(ssl.RAND_bytes(16)); print(tempfile.mktemp())\n"
    )

    runs = [folder.run(prefork.popen, script).out.splitlines() for _ in range(2)]

    assert [len(run) for run in runs] == [6, 6]
    assert not set(runs[0]) & set(runs[1])


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('no')", 1),
        ("import os; os._exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import atexit; atexit.register(print, 'end')", 0),
        ("import threading; threading.Timer(0.1, print, ['late']).start()", 0),
        ("print('unflushed', end='')", 0),
        (LAST_FRAME, 1),
        ("import no_such_module", 1),
        ("def broken(:", 1),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError('two')", 1),
        ("import sys; sys.stdin.readline(); print('end of input')", 0),
    ],
)
def test_it_ends_and_tells_what_one_started_directly_does(
    prefork: Prefork, folder: Folder, script: str, status: int
) -> None:
    direct = folder.run(subprocess.Popen, script)
    forked = folder.run(prefork.popen, script)

    assert (direct.forked, forked.forked) == (False, True)
    assert forked.status == status
    assert (forked.status, forked.out, forked.err) == (
        direct.status,
        direct.out,
        direct.err,
    )


ECHO = "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)\n"


def test_a_running_process_has_no_status_and_can_be_asked_to_end(
    prefork: Prefork, folder: Folder
) -> None:
    with folder.start(prefork.popen, ECHO) as process:
        process.stdin.write("hello\n")
        assert process.stdout.readline() == "hello\n"

        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.terminate()

        assert process.wait(20) == -signal.SIGTERM
        assert process.poll() == process.returncode == -signal.SIGTERM
        process.terminate()


def test_a_process_that_is_killed_is_noticed(prefork: Prefork, folder: Folder) -> None:
    with folder.start(prefork.popen, ECHO) as process:
        os.kill(process.pid, signal.SIGKILL)

        assert process.stdout.readline() == ""
        assert wait_for(process.poll) == -signal.SIGKILL


def test_processes_end_with_their_own_input_while_others_run(
    prefork: Prefork, folder: Folder
) -> None:
    with (
        folder.start(prefork.popen, ECHO) as first,
        folder.start(prefork.popen, ECHO) as second,
    ):
        first.stdin.close()

        assert first.wait(20) == 0
        assert second.poll() is None


def test_the_fork_server_has_one_thread(prefork: Prefork, folder: Folder) -> None:
    with folder.start(prefork.popen, ECHO) as process:
        server = _parent(process.pid)

        assert "fork_server.py" in Path(f"/proc/{server}/cmdline").read_text()
        assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1


def test_a_killed_fork_server_is_started_again_and_its_processes_go_on(
    lone_prefork: Prefork, folder: Folder
) -> None:
    with folder.start(lone_prefork.popen, ECHO) as process:
        server = _parent(process.pid)
        os.kill(server, signal.SIGKILL)

        with folder.start(lone_prefork.popen, ECHO) as another:
            assert isinstance(another, ForkedProcess)
            assert _parent(another.pid) != server
        process.stdin.write("still here\n")
        assert process.stdout.readline() == "still here\n"
        assert process.poll() is None
        process.kill()
        assert process.wait(20) == UNKNOWN_STATUS


def test_nothing_is_left_when_the_server_is_killed(folder: Folder) -> None:
    folder.script.write_text(ECHO)
    server = (
        "import json, subprocess, sys\n"
        "from pathlib import Path\n"
        "from stack.aws.prefork import Prefork\n"
        "python, layer, script, code, environ = sys.argv[1:]\n"
        "prefork = Prefork(Path(python), Path(layer))\n"
        "process = prefork.popen([python, script], cwd=code, env=json.loads(environ),\n"
        "    stdin=-1, stdout=-1, stderr=-1, text=True, bufsize=1)\n"
        "print(process.pid, type(process).__name__, flush=True)\n"
        "process.wait()\n"
    )
    with subprocess.Popen(
        [
            *(sys.executable, "-c", server, PYTHON, str(LAYER)),
            *(str(folder.script), str(folder.code), json.dumps(folder.environ)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        pid, kind = running.stdout.readline().split()
        pids = [int(pid), _parent(int(pid))]

        running.kill()

    assert kind == "ForkedProcess"
    wait_for(lambda: not any(is_running(each) for each in pids))


def test_what_was_imported_depends_on_these_variables(
    prefork: Prefork, folder: Folder
) -> None:
    folder.run(prefork.popen, "")
    assert prefork._running
    asked = prefork._running.wait_until_ready()["asked"]

    # A name that is new here was read at an import: a process with another value of it
    # is started directly, so that it costs time alone.
    assert asked.keys() == {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "HOME",
        "POWERTOOLS_DEBUG",
        "PYTHONTZPATH",
        "PYTHONUSERBASE",
        "_PYTHON_PROJECT_BASE",
        "_PYTHON_SYSCONFIGDATA_NAME",
    }


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_INITIALIZATION_TYPE", "HOME"),
        *("POWERTOOLS_DEBUG", "PYTHONTZPATH", "PYTHONDONTWRITEBYTECODE"),
        *("PYTHONWARNINGS", "LC_ALL", "LANG", "LD_LIBRARY_PATH"),
    ],
)
def test_a_function_with_a_value_of_its_own_for_what_was_read_is_started_directly(
    prefork: Prefork, folder: Folder, name: str
) -> None:
    script = f"import os; print(os.environ['{name}'])"

    ended = folder.run(prefork.popen, script, {name: "/none"})

    assert (ended.forked, ended.status, ended.out) == (False, 0, "/none\n")


def test_a_function_without_a_value_that_was_read_is_started_directly(
    lone_prefork: Prefork, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_DEBUG", "0")

    assert not folder.run(lone_prefork.popen, "").forked
    assert folder.run(lone_prefork.popen, "", {"POWERTOOLS_DEBUG": "0"}).forked


def test_a_function_without_the_known_layer_is_started_directly(
    prefork: Prefork, tmp_path: Path
) -> None:
    script = "import sys; print('boto3' in sys.modules)"
    for layers in ({}, {"layer_0": tmp_path}):
        folder = Folder(tmp_path / str(len(layers)), layers)

        ended = folder.run(prefork.popen, script)

        assert (ended.forked, ended.out) == (False, "False\n")


@pytest.mark.parametrize("name", ["requests.py", "boto3/__init__.py", "queue.py"])
def test_a_function_with_a_module_of_its_own_in_place_of_one_is_started_directly(
    prefork: Prefork, folder: Folder, name: str
) -> None:
    path = folder.code / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")

    assert not folder.run(prefork.popen, "").forked


def test_a_layer_with_a_module_in_place_of_one_is_started_directly(
    prefork: Prefork, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "urllib3.py").write_text("")
    layers = {"layer_0": LAYER, "layer_1": tmp_path / "other"}

    assert not Folder(tmp_path / "function", layers).run(prefork.popen, "").forked


def test_an_environment_that_is_too_large_to_be_sent_is_started_directly(
    prefork: Prefork, folder: Folder
) -> None:
    script = "import os; print(len(os.environ['LONG']))"

    ended = folder.run(prefork.popen, script, {"LONG": "x" * 120_000})

    assert (ended.forked, ended.out) == (False, "120000\n")
    assert folder.run(prefork.popen, "").forked


def test_what_is_no_function_is_started_directly(prefork: Prefork) -> None:
    for started in (
        prefork.popen([PYTHON, "-c", "print(1)"], stdout=subprocess.PIPE, text=True),
        prefork.popen(["/bin/echo", "1"], stdout=subprocess.PIPE, text=True),
    ):
        with started as process:
            assert not isinstance(process, ForkedProcess)
            assert process.stdout.read() == "1\n"


def test_functions_are_started_directly_when_the_layer_can_not_be_imported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    folder = Folder(tmp_path / "function", {"layer_0": tmp_path / "empty"})
    prefork = Prefork(Path(PYTHON), tmp_path / "empty")

    ended = folder.run(prefork.popen, "print('here')")

    assert (ended.forked, ended.out) == (False, "here\n")
    said = capfd.readouterr().err
    assert "No module named 'botocore'" in said
    assert "functions are started directly: the fork server failed again" in said


def test_functions_of_a_server_without_a_layer_are_started_directly(
    folder: Folder,
) -> None:
    prefork = Prefork(Path(PYTHON), None)
    prefork.start()

    assert not folder.run(prefork.popen, "").forked
    prefork.stop()


def test_an_interpreter_that_is_not_there_fails_as_before(tmp_path: Path) -> None:
    prefork = Prefork(tmp_path / "python", LAYER)
    prefork.start()

    with pytest.raises(FileNotFoundError, match="python"):
        prefork.popen(
            [str(tmp_path / "python"), "script"],
            cwd="/",
            env={},
            **prefork_module._PIPES,
        )


def test_functions_of_the_stack_are_forked(stack: RunningStack) -> None:
    assert not invoke(stack, "authorize", None).failed

    for pid in function_processes(stack, ["authorize"]):
        command = Path(f"/proc/{_parent(pid)}/cmdline").read_text()
        assert "fork_server.py" in command
        shown = Path(f"/proc/{pid}/cmdline").read_text()
        assert "ministack-lambda-maskline-local-AuthorizeFunction" in shown
