"""What `sam build` makes for AWS: the right processor, the right Python, importable.

Needs the interpreter of the template's runtime; where there is none, these tests skip.
"""

from __future__ import annotations

import os
import platform
import struct
import subprocess
from pathlib import Path

import pytest

from stack.aws.package import read_template
from stack.environments import ROOT, SAM

RUNTIME: str = read_template(ROOT / "template.yaml")["Globals"]["Function"]["Runtime"]

# e_machine of the ELF specification.
MACHINES = {"x86_64": 62, "arm64": 183}

WHERE = "import sys; print(sys.executable)"

IMPORT = """
import sys
sys.path[:0] = sys.argv[1:]
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


@pytest.fixture(name="built_for_arm64", scope="session")
def _built_for_arm64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("arm64", tmp_path_factory.mktemp("arm64"))


@pytest.fixture(name="built_for_x86_64", scope="session")
def _built_for_x86_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("x86_64", tmp_path_factory.mktemp("x86_64"))


def _machine(library: Path) -> int:
    with library.open("rb") as opened:
        header = opened.read(20)
    assert header[:4] == b"\x7fELF", library
    return int(struct.unpack_from("<H", header, 18)[0])


def _assert_extensions(built: Path, architecture: str) -> None:
    libraries = [path for path in built.rglob("*.so*") if path.is_file()]
    assert any("pydantic_core" in str(path) for path in libraries)
    assert any("lxml" in str(path) for path in libraries)
    tag = f"cpython-{RUNTIME.removeprefix('python').replace('.', '')}-"
    for library in libraries:
        assert _machine(library) == MACHINES[architecture], library
        assert tag in library.name or ".abi3." in library.name, library


def test_every_extension_built_for_arm64_is_for_arm64_and_the_runtimes_python(
    built_for_arm64: Path,
) -> None:
    _assert_extensions(built_for_arm64, "arm64")


def test_every_extension_built_for_x86_64_is_for_x86_64_and_the_runtimes_python(
    built_for_x86_64: Path,
) -> None:
    _assert_extensions(built_for_x86_64, "x86_64")


def test_every_function_is_built_and_can_be_imported_with_the_layers_alone(
    built_for_x86_64: Path,
) -> None:
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        pytest.skip("NOT TESTED: importing what was built for x86_64 Linux.")
    python = _interpreter()
    functions = sorted(
        logical_id
        for logical_id, resource in read_template(ROOT / "template.yaml")[
            "Resources"
        ].items()
        if resource["Type"] == "AWS::Serverless::Function"
    )
    layers = [
        str(built_for_x86_64 / layer / "python")
        for layer in ("Masking", "Dependencies")
    ]

    failures = {}
    for function in functions:
        # Isolated and without its own packages, in an empty environment.
        done = subprocess.run(
            [
                *(str(python), "-I", "-S", "-B", "-W", "error", "-c", IMPORT),
                *(str(built_for_x86_64 / function), *layers),
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
