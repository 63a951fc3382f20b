"""What `sam build` makes for AWS: the right processor, the right Python, importable.

Needs the interpreter of the template's runtime; where there is none, these tests skip.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from proofs.benches.starts import artifact
from stack.aws.fork_server import MODULES
from stack.aws.package import read_template
from stack.environments import ROOT, SAM

RUNTIME: str = read_template(ROOT / "template.yaml")["Globals"]["Function"]["Runtime"]

TAG = f"cpython-{RUNTIME.removeprefix('python').replace('.', '')}"

# e_machine of the ELF specification, and what Python calls it in names of files.
NAMES_OF_MACHINES = {62: "x86_64-linux-gnu", 183: "aarch64-linux-gnu"}

WHERE = "import sys; print(sys.executable)"

# Prints how many modules are below a folder, and those whose byte code is missing,
# of another source or checked before it is used (PEP 552).
CHECK = """
import importlib.util, pathlib, sys
modules = sorted(pathlib.Path(sys.argv[1]).rglob("*.py"))
print(len(modules))
for module in modules:
    cached = pathlib.Path(importlib.util.cache_from_source(module))
    header = cached.read_bytes()[:16] if cached.exists() else b""
    wanted = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
    if header != wanted + importlib.util.source_hash(module.read_bytes()):
        print(module)
"""

# Imports each function in a process of its own, forked when the packages are imported
# that most of them need, and prints what failed. Nothing is compiled, as it would be
# each time where /opt can't be written to.
IMPORT = """
import importlib, json, os, sys, traceback
packages, layers, functions = map(json.loads, sys.argv[1:])
def watch(event, arguments):
    if event == "compile" and str(arguments[1]).startswith((*layers, *functions)):
        raise RuntimeError(f"{arguments[1]} is compiled at the start")
sys.addaudithook(watch)
sys.path[:0] = layers
for package in packages:
    importlib.import_module(package)
assert not [name for name in sys.modules if name.split(".")[0] in ("app", "masking")]
for folder in functions:
    if os.fork():
        os.wait()
        continue
    failure = ""
    try:
        sys.path.insert(0, folder)
        import app
        assert callable(app.lambda_handler)
    except BaseException:
        failure = traceback.format_exc()
    print(json.dumps([folder, failure]), flush=True)
    os._exit(0)
"""


def _interpreter() -> Path:
    """Find the runtime's Python on PATH, behind a pyenv shim if that runs at all."""
    for folder in os.get_exec_path():
        candidate = Path(folder) / RUNTIME
        if candidate.is_file():
            done = subprocess.run([candidate, "-c", WHERE], capture_output=True)
            if done.returncode == 0:
                return Path(done.stdout.decode().strip())
    pytest.skip(
        f"NOT TESTED: sam build. It needs {RUNTIME} on PATH, and there is none."
    )


@pytest.fixture(name="built", scope="session")
def _built() -> Path:
    """Build for the template's processor; the tests of cold starts use it, too."""
    _interpreter()
    if not (SAM / "bin" / "sam").exists():
        pytest.skip("NOT TESTED: sam build. `make sam` installs SAM's command line.")
    built = artifact.build()
    # SAM builds a layer without BuildArchitecture for the wrong processor, and warns.
    assert "WARNING: Layer" not in artifact.SAID.read_text()
    return built


def _machine(library: Path) -> int:
    with library.open("rb") as opened:
        header = opened.read(20)
    assert header[:4] == b"\x7fELF", library
    return int(struct.unpack_from("<H", header, 18)[0])


def test_every_extension_is_there_for_either_processor_and_the_runtimes_python(
    built: Path,
) -> None:
    libraries = [path for path in built.rglob("*.so*") if path.is_file()]
    machines: dict[str, set[int]] = {}
    for library in libraries:
        machine = _machine(library)
        assert TAG in library.name, library
        # Python takes the file whose name has its own processor.
        assert NAMES_OF_MACHINES[machine] in library.name, library
        module = str(library.relative_to(built)).partition(".")[0]
        machines.setdefault(module, set()).add(machine)

    assert any("pydantic_core" in module for module in machines)
    assert all(found == set(NAMES_OF_MACHINES) for found in machines.values())


def test_every_module_has_byte_code_that_is_right_and_never_checked(
    built: Path,
) -> None:
    done = subprocess.run(
        [_interpreter(), "-I", "-c", CHECK, built],
        capture_output=True,
        check=True,
        text=True,
    )
    count, *without = done.stdout.splitlines()

    assert without == []
    assert int(count) > 900
    assert len(list(built.rglob("*.pyc"))) == int(count)


def test_the_dependency_layer_is_less_than_20_mb(built: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(
        str(tmp_path / "layer"), "zip", built / "Dependencies"
    )

    assert Path(archive).stat().st_size <= 20_000_000


def test_every_function_is_built_and_can_be_imported_with_the_layers_alone(
    built: Path,
) -> None:
    if platform.system() != "Linux":
        pytest.skip("NOT TESTED: importing what was built for Linux.")
    python = _interpreter()
    functions = sorted(
        logical_id
        for logical_id, resource in read_template(ROOT / "template.yaml")[
            "Resources"
        ].items()
        if resource["Type"] == "AWS::Serverless::Function"
    )
    layers = [str(built / layer / "python") for layer in ("Masking", "Dependencies")]

    folders = [str(built / function) for function in functions]
    # Isolated and without its own packages, in an empty environment.
    done = subprocess.run(
        [
            *(str(python), "-I", "-S", "-B", "-W", "error", "-c", IMPORT),
            *(json.dumps(each) for each in (MODULES, layers, folders)),
        ],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    failures = dict(json.loads(line) for line in done.stdout.splitlines())

    assert len(functions) == len(list(ROOT.glob("functions/*/app.py")))
    assert failures == dict.fromkeys(folders, "")
