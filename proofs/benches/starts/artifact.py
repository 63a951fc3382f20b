"""Build what `sam build` makes, and what the tutorial's handler runs with."""

from __future__ import annotations

import fcntl
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
SAID = HOME / "bench" / "said.txt"
STAMP = HOME / "bench" / "built-from"
LOCK = HOME / "bench" / "build.lock"
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
    """Build functions and layers as they are deployed; return where they are.

    What was built of the same sources is taken as it is. What SAM said is in `SAID`.
    """
    sam = SAM / "bin" / "sam"
    if not sam.exists():
        raise ProofError("SAM's command line is not installed here: make sam")
    HOME.joinpath("bench").mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        # Tests in other processes may want it as well.
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = _digest_of_sources()
        if not STAMP.is_file() or STAMP.read_text() != digest:
            STAMP.unlink(missing_ok=True)
            _build_anew(sam)
            STAMP.write_text(digest)
    return BUILT


def _digest_of_sources() -> str:
    """Return a digest of all that a build is made from."""
    digest = hashlib.sha256(str(python()).encode())
    single = ("template.yaml", "samconfig.toml", "requirements/sam.txt")
    found = [ROOT / name for name in single]
    for folder in ("functions", "layers"):
        found += (path for path in ROOT.joinpath(folder).rglob("*") if path.is_file())
    for path in sorted(found):
        if path.suffix != ".pyc":
            digest.update(f"{path.relative_to(ROOT)}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build_anew(sam: Path) -> None:
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Where packages come from is the business of this machine.
        if name.startswith(("PIP_", "SSL_")) or name in {"HOME", "REQUESTS_CA_BUNDLE"}
    }
    done = subprocess.run(
        [
            *(str(sam), "build", "--build-dir", str(BUILT)),
            *("--cache-dir", str(HOME / "bench" / "cache")),
        ],
        cwd=ROOT,
        env=inherited
        | {
            "PATH": f"{python().parent}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    SAID.write_text(done.stdout)
    if done.returncode:
        raise ProofError(f"sam build failed:\n{done.stdout}")


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
