"""Make the dependency layer: what is installed, without what no function reads.

``sam build`` runs this by the Makefile beside it, with the Python of the runtime:
``python3.13 bundle.py FOLDER``. One layer serves both processors, because the name of a
library says which one it is for. The stack on one machine installs the packages for its
own interpreter and calls `trim` on them, so that functions see the same there.

Runs on a bare interpreter, wherever it was copied to.
"""

from __future__ import annotations

import ast
import compileall
import filecmp
import gzip
import json
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# The runtime's Python, as `sys.hexversion` begins.
RUNTIME = 0x030D

# Where Lambda unpacks the layer: what tracebacks name.
DEPLOYED = "/opt/python"

MACHINES = ("x86_64", "aarch64")

# The C library of Lambda's python3.13 (Amazon Linux 2023) is 2.34.
GLIBC = (34, 31, 28, 27, 26, 24, 17, 12, 5)

# Services that functions make clients of, and the one that credentials may come from.
SERVICES = frozenset(
    {"dynamodb", "events", "s3", "secretsmanager", "sqs", "streams.dynamodb", "sts"}
)

# The folders that botocore keeps their descriptions in.
DESCRIBED = {name: name for name in SERVICES} | {"streams.dynamodb": "dynamodbstreams"}

# What stays of the information about a package: its name and version, which scanners of
# vulnerabilities read, and its license.
INFORMATION = ("METADATA", "LICEN", "NOTICE", "COPYING", "AUTHORS")

# Left out: 12 MB for each processor, which only the SDK's builder of XML uses.
UNUSED = ("lxml",)

# Packages whose modules are imported when something of them is first asked for: much of
# a start for the sake of functions that nobody calls.
LAZY = ("charset_normalizer", "phonenumbers", "plivo", "plivo/resources")

LATER = '''
_LATER = {later!r}


def __getattr__(name):
    """Import what is asked for (bundle.py of the layer made this)."""
    import importlib

    if name not in _LATER:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    module, attribute = _LATER[name]
    found = importlib.import_module(module, __name__)
    globals()[name] = getattr(found, attribute) if attribute else found
    return globals()[name]
'''


class BundleError(Exception):
    """The layer could not be made; the message says why."""


def bundle(requirements: Path, folder: Path) -> None:
    """Install for both processors into *folder*, trim it and add byte code."""
    if sys.hexversion >> 16 != RUNTIME:
        raise BundleError(f"This layer is made by python3.13, not by {sys.executable}.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for machine in MACHINES:
            place = Path(scratch, machine)
            _install(requirements, machine, place)
            trim(place)
            _merge(place, folder)
    compile_all(folder, deployed=DEPLOYED)


def _install(requirements: Path, machine: str, place: Path) -> None:
    tags = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC]
    platforms = [f"--platform={tag}" for tag in (*tags, f"manylinux2014_{machine}")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input"),
            *("--disable-pip-version-check", "--no-compile", "--no-deps"),
            *("--only-binary=:all:", "--implementation=cp", "--python-version=3.13"),
            *platforms,
            *("--target", str(place), "--requirement", str(requirements)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise BundleError(f"{done.stdout}\npip failed for {machine}.")


def _merge(place: Path, folder: Path) -> None:
    """Move files into *folder*; one that is there already must be the same."""
    for path in sorted(place.rglob("*")):
        there = folder / path.relative_to(place)
        if path.is_dir():
            there.mkdir(exist_ok=True)
        elif not there.exists():
            shutil.move(path, there)
        elif not filecmp.cmp(path, there, shallow=False):
            raise BundleError(f"{there} is not the same for every processor.")


def trim(folder: Path) -> None:
    """Take away what no function reads from the packages installed in *folder*."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name == "__pycache__" or not any(path.iterdir()):
                shutil.rmtree(path)
        elif path.suffix == ".pyi" or _informs_pip(path):
            path.unlink()
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for package in UNUSED:
        for path in (folder / package, *folder.glob(f"{package}-*.dist-info")):
            shutil.rmtree(path, ignore_errors=True)
    for package in LAZY:
        make_lazy(folder / package / "__init__.py")
    _trim_botocore(folder / "botocore" / "data")
    # Resources, which boto3 describes for itself, are made nowhere.
    shutil.rmtree(folder / "boto3" / "data", ignore_errors=True)
    shutil.rmtree(folder / "boto3" / "examples", ignore_errors=True)


def _informs_pip(path: Path) -> bool:
    """Return whether a file is information about a package that nobody needs here."""
    of_a_package = any(parent.suffix == ".dist-info" for parent in path.parents)
    return of_a_package and not path.name.upper().startswith(INFORMATION)


def make_lazy(path: Path) -> None:
    """Let a package import its modules when something of them is first asked for.

    Every name that it has can be had as before (PEP 562).
    """
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    later: dict[str, tuple[str, str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            for alias in node.names:
                module = node.module or alias.name
                attribute = alias.name if node.module else ""
                later[alias.asname or alias.name] = (f".{module}", attribute)
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                lines[number - 1] = ""
    path.write_text("\n".join(lines) + LATER.format(later=later), encoding="utf-8")


def _trim_botocore(data: Path) -> None:
    for service in data.iterdir():
        if service.is_dir() and service.name not in DESCRIBED.values():
            shutil.rmtree(service)
        elif service.is_dir():
            # botocore takes the newest version if none is named.
            for older in sorted(service.iterdir())[:-1]:
                shutil.rmtree(older)
            for path in service.rglob("*"):
                _trim_description(path)
    endpoints = data / "endpoints.json"
    known = json.loads(endpoints.read_bytes())
    for partition in known["partitions"]:
        partition["services"] = {
            name: value
            for name, value in partition["services"].items()
            if name in SERVICES
        }
    _write(endpoints, known)


def _trim_description(path: Path) -> None:
    """Unpack a description of a service, without its documentation."""
    if path.name.startswith("examples-"):
        path.unlink()
    elif path.suffix == ".gz":
        described = json.loads(gzip.decompress(path.read_bytes()))
        is_service = path.name.startswith("service-")
        _write(
            path.with_suffix(""), _undocumented(described) if is_service else described
        )
        path.unlink()


def _undocumented(value: Any, *, is_named_freely: bool = False) -> Any:
    """Return a description without texts; a member may have that name.

    botocore reads the texts of parameters that a client has.
    """
    if isinstance(value, list):
        return [_undocumented(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: each
        if name == "clientContextParams"
        else _undocumented(
            each, is_named_freely=name in ("members", "shapes", "operations")
        )
        for name, each in value.items()
        if is_named_freely or name not in ("documentation", "documentationUrl")
    }


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")


def compile_all(folder: Path, deployed: str | None = None) -> None:
    """Add byte code that is never checked against its source: neither ever changes."""
    compiled = compileall.compile_dir(
        folder,
        quiet=1,
        force=True,
        stripdir=str(folder) if deployed else None,
        prependdir=deployed,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise BundleError(f"Some modules of {folder} can't be compiled.")


def main(arguments: list[str]) -> int:
    """Make the layer in the folder that is named; return an exit status."""
    try:
        bundle(Path(__file__).with_name("requirements.txt"), Path(arguments[0]))
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
