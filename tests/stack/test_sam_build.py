"""What `sam build` makes for AWS: the right processor, the right Python, importable.

Needs the interpreter of the template's runtime; where there is none, these tests skip.
"""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

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

# Nothing is compiled, as it would be each time where /opt can't be written to.
IMPORT = """
import sys
folders = sys.argv[1:]
def watch(event, arguments):
    if event == "compile" and str(arguments[1]).startswith(tuple(folders)):
        raise RuntimeError(f"{arguments[1]} is compiled at the start")
sys.addaudithook(watch)
sys.path[:0] = folders
import app
assert callable(app.lambda_handler)
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


def _sam() -> Path:
    sam = SAM / "bin" / "sam"
    if not sam.exists():
        pytest.skip("NOT TESTED: sam build. `make sam` installs SAM's command line.")
    return sam


def _build(architecture: str, folder: Path) -> Path:
    """Build everything for *architecture* into *folder*; return where it is."""
    python, sam = _interpreter(), _sam()
    built = folder / "build"
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Where packages come from is the business of this machine.
        if name.startswith(("PIP_", "SSL_")) or name in {"HOME", "REQUESTS_CA_BUNDLE"}
    }
    done = subprocess.run(
        [
            *(str(sam), "build", "--build-dir", str(built)),
            *("--cache-dir", str(folder / "cache")),
            *("--parameter-overrides", f"Architecture={architecture}"),
        ],
        cwd=ROOT,
        env=inherited
        | {
            "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    # SAM builds a layer without BuildArchitecture for the wrong processor, and warns.
    assert "WARNING: Layer" not in said
    return built


@pytest.fixture(name="built", scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("arm64", tmp_path_factory.mktemp("built"))


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

    failures = {}
    for function in functions:
        # Isolated and without its own packages, in an empty environment.
        done = subprocess.run(
            [
                *(str(python), "-I", "-S", "-B", "-W", "error", "-c", IMPORT),
                *(str(built / function), *layers),
            ],
            cwd="/",
            env={},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            failures[function] = done.stderr

    assert len(functions) == len(list(ROOT.glob("functions/*/app.py")))
    assert failures == {}
