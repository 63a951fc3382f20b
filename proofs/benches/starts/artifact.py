"""Build what `sam build` makes, and what the tutorial's handler runs with."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from proofs.runner import ProofError
from stack.aws.package import read_template
from stack.environments import HOME, ROOT, SAM
from stack.running import folder_of

BUILT = HOME / "bench" / "build"
TUTORIAL = HOME / "bench" / "tutorial"

LAYERS = ("Masking", "Dependencies")
REQUIREMENTS = ROOT / "requirements" / "bench.txt"


@lru_cache(maxsize=1)
def runtime() -> str:
    """Return the name of the functions' Python, such as python3.13."""
    name: str = read_template(ROOT / "template.yaml")["Globals"]["Function"]["Runtime"]
    return name


@lru_cache(maxsize=1)
def python() -> Path:
    """Return the functions' Python. Raise ProofError if there is none on PATH."""
    for folder in os.get_exec_path():
        candidate = Path(folder) / runtime()
        if candidate.is_file():
            where = [str(candidate), "-c", "import sys; print(sys.executable)"]
            done = subprocess.run(where, capture_output=True, text=True)
            if done.returncode == 0:
                return Path(done.stdout.strip())
    raise ProofError(f"no {runtime()} is on PATH; what is measured runs on it")


def build() -> Path:
    """Build functions and layers as they are deployed; return where they are."""
    sam = SAM / "bin" / "sam"
    if not sam.exists():
        raise ProofError("SAM's command line is not installed here: make sam")
    path = f"{python().parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [
            *(str(sam), "build", "--build-dir", str(BUILT)),
            *("--cache-dir", str(HOME / "bench" / "cache")),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ProofError(f"sam build failed:\n{done.stdout}{done.stderr}")
    return BUILT


def functions() -> dict[str, str]:
    """Return the functions' folders with the names that they have in the template."""
    resources = read_template(ROOT / "template.yaml")["Resources"]
    return {
        folder_of(name): name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def tutorial() -> Path:
    """Install what tutorials' handlers import, whole and with byte code."""
    digest = hashlib.sha256(str(python()).encode())
    digest.update(REQUIREMENTS.read_bytes())
    stamp = TUTORIAL / ".made-from"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return TUTORIAL
    shutil.rmtree(TUTORIAL, ignore_errors=True)
    done = subprocess.run(
        [
            *(str(python()), "-m", "pip", "install", "--quiet", "--no-input"),
            *("--disable-pip-version-check", "--target", str(TUTORIAL)),
            *("--requirement", str(REQUIREMENTS)),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ProofError(f"pip failed:\n{done.stdout}{done.stderr}")
    compile_all(TUTORIAL)
    stamp.write_text(digest.hexdigest())
    return TUTORIAL


def compile_all(folder: Path) -> None:
    """Add byte code of the runtime's Python, as the deployed layers have it."""
    subprocess.run(
        [
            *(str(python()), "-m", "compileall", "-q", "-f"),
            *("--invalidation-mode", "unchecked-hash", str(folder)),
        ],
        check=False,
        capture_output=True,
    )
