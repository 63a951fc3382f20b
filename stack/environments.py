"""Make the environments that the stack runs in, once.

Runs on a bare interpreter (nothing but the standard library) before anything is
installed: ``python -m stack.environments tools aws layer``.

=============  ==========================  ===========================================
name           place                       what for
=============  ==========================  ===========================================
``tools``      ``.venv``                   this package, the simulator, `maskline`
``dev``        ``.venv``                   the same and the tests and linters
``aws``        ``.local/aws-venv``         the embedded AWS, which pins botocore
``functions``  ``.local/function-python``  bare: handlers see their layers, no more
``layer``      ``.local/layer``            the dependency layer for this interpreter
``sam``        ``.local/sam-venv``         AWS SAM's command line, for lint and build
``scan``       ``.local/scan-venv``        checkov, for lint
``mutants``    ``.local/mutants-venv``     cosmic-ray, for `make mutants`
``page``       ``.local/page``             Scalar, which shows the API at `/docs`
``clients``    ``.local/clients-venv``     what builds the Python client
=============  ==========================  ===========================================

A stamp beside each says what it was made from, so that a second run skips it.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".local"
TOOLS = ROOT / ".venv"
AWS = HOME / "aws-venv"
FUNCTIONS = HOME / "function-python"
LAYER = HOME / "layer"
SAM = HOME / "sam-venv"
SCAN = HOME / "scan-venv"
MUTANTS = HOME / "mutants-venv"
PAGE = HOME / "page"
CLIENTS = HOME / "clients-venv"

# `sam build` makes the dependency layer by it; here it trims what pip installed.
BUNDLE = ROOT / "layers" / "dependencies" / "bundle.py"

OLDEST_PYTHON = (3, 11)

# The operator's command. It alone knows both what it operates and the stack that runs
# on this machine.
COMMAND = """#!{python}
from operate.cli import maskline
from stack.running import find_running

maskline(obj=find_running)
"""


class EnvironmentFailedError(Exception):
    """An environment could not be made; the message is for the user."""


@dataclass(frozen=True)
class Environment:
    """One place, what is installed there and whether it is an interpreter.

    *needs_nothing* says that what the requirements name is taken alone: of a package
    that carries files for the browser, no Python is run.
    """

    place: Path
    requirements: Path | None
    is_interpreter: bool = True
    needs_nothing: bool = False

    def recipe(self) -> str:
        """Return a digest of all that the environment depends on."""
        digest = hashlib.sha256(f"{sys.version}\n{sys.base_prefix}\n".encode())
        digest.update(str(self.place).encode())
        if self.place == TOOLS:
            digest.update(COMMAND.encode())
        if self.place == LAYER:
            digest.update(BUNDLE.read_bytes())
        if self.requirements:
            digest.update(self.requirements.read_bytes())
        return digest.hexdigest()

    def stamp(self) -> Path:
        """Return the file that holds the recipe of what is there."""
        what = self.requirements.stem if self.requirements else "bare"
        return self.place / f".made-from-{what}"

    def is_made(self) -> bool:
        """Return whether the place holds what the recipe asks for."""
        stamp = self.stamp()
        return stamp.is_file() and stamp.read_text() == self.recipe()


ENVIRONMENTS = {
    # The interpreter's own pip may be too old for hashes together with extras.
    "pip": Environment(TOOLS, ROOT / "requirements" / "pip.txt"),
    "tools": Environment(TOOLS, ROOT / "requirements" / "local.txt"),
    "dev": Environment(TOOLS, ROOT / "requirements" / "dev.txt"),
    "aws": Environment(AWS, ROOT / "requirements" / "aws.txt"),
    "functions": Environment(FUNCTIONS, None),
    "layer": Environment(
        LAYER,
        ROOT / "layers" / "dependencies" / "requirements.txt",
        is_interpreter=False,
    ),
    "sam": Environment(SAM, ROOT / "requirements" / "sam.txt"),
    "scan": Environment(SCAN, ROOT / "requirements" / "scan.txt"),
    "mutants": Environment(MUTANTS, ROOT / "requirements" / "mutants.txt"),
    "page": Environment(
        PAGE,
        ROOT / "requirements" / "page.txt",
        is_interpreter=False,
        needs_nothing=True,
    ),
    "clients": Environment(CLIENTS, ROOT / "requirements" / "clients.txt"),
}


def interpreter(place: Path) -> Path:
    """Return the Python of the virtual environment at *place*."""
    return place / "bin" / "python"


def make(names: list[str]) -> None:
    """Make the environments called *names* unless they are made already.

    Raises:
        EnvironmentFailedError: An installation failed or Python is too old.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise EnvironmentFailedError(
            f"Maskline needs Python 3.11 or later; {sys.executable} is "
            f"{sys.version.split()[0]}. Name another: make PYTHON=python3.13 ..."
        )
    HOME.mkdir(exist_ok=True)
    with (HOME / "environments.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in names if not ENVIRONMENTS[name].is_made()]
        if not missing:
            return
        _make_interpreters(missing)
        if not ENVIRONMENTS["pip"].is_made():
            _install("pip")
        # Two at a time: pip is one process, and the network is rarely the limit.
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in [pool.submit(_install, name) for name in missing]:
                done.result()


def _make_interpreters(names: list[str]) -> None:
    # The tools' pip installs into all the others, so that only one needs a pip.
    if not interpreter(TOOLS).exists() or _made_by_another_python():
        print("  making .venv", flush=True)
        shutil.rmtree(TOOLS, ignore_errors=True)
        _run(
            [sys.executable, "-m", "venv", str(TOOLS)],
            "Python's venv module failed (Debian and Ubuntu keep it in a package: "
            "apt install python3-venv)",
        )
    for name in names:
        environment = ENVIRONMENTS[name]
        if not environment.is_interpreter or environment.place == TOOLS:
            continue
        shutil.rmtree(environment.place, ignore_errors=True)
        _run(
            [sys.executable, "-m", "venv", "--without-pip", str(environment.place)],
            f"{environment.place} could not be made",
        )


def _made_by_another_python() -> bool:
    home = (TOOLS / "pyvenv.cfg").read_text()
    return f"version = {sys.version.split()[0]}" not in home


def _install(name: str) -> None:
    environment = ENVIRONMENTS[name]
    started = time.monotonic()
    if environment.requirements:
        target = environment.place
        pip = [str(interpreter(TOOLS)), "-m", "pip"]
        if environment.is_interpreter:
            pip += ["--python", str(interpreter(target)), "install"]
        else:
            target = environment.place.with_suffix(".new")
            shutil.rmtree(target, ignore_errors=True)
            pip += ["install", "--target", str(target)]
        if environment.needs_nothing:
            pip.append("--no-deps")
        shown = environment.requirements.relative_to(ROOT)
        pip += ["--quiet", "--no-input", "--disable-pip-version-check"]
        _run(
            [*pip, "--requirement", str(environment.requirements)],
            f"{shown} could not be installed",
        )
        if environment.place == LAYER:
            _trim_layer(target)
        if target != environment.place:
            shutil.rmtree(environment.place, ignore_errors=True)
            target.rename(environment.place)
        elapsed = time.monotonic() - started
        print(f"  installed {shown} ({elapsed:.0f} s)", flush=True)
    if environment.place == TOOLS:
        _show_sources()
    environment.stamp().write_text(environment.recipe())


def _trim_layer(folder: Path) -> None:
    """Take away what the deployed layer lacks, so that functions see the same here."""
    spec = importlib.util.spec_from_file_location("bundle", BUNDLE)
    if spec is None or spec.loader is None:
        raise EnvironmentFailedError(f"{BUNDLE} can't be imported.")
    bundle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bundle)
    bundle.trim(folder)
    bundle.compile_all(folder)


def _show_sources() -> None:
    # As an editable install would: `import masking` finds the layer's source, and
    # the command is there.
    sources = (ROOT / "layers" / "masking", ROOT / "simulator" / "src", ROOT)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pointer = TOOLS / "lib" / version / "site-packages" / "maskline.pth"
    pointer.write_text("".join(f"{source}\n" for source in sources))
    command = TOOLS / "bin" / "maskline"
    command.write_text(COMMAND.format(python=interpreter(TOOLS)))
    command.chmod(0o755)


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise EnvironmentFailedError(f"{said}\n{failure} (status {done.returncode}).")


def main(names: list[str]) -> int:
    """Make the environments called *names*; return an exit status."""
    unknown = [name for name in names if name not in ENVIRONMENTS]
    if unknown or not names:
        print(f"usage: stack.environments {' '.join(ENVIRONMENTS)}", file=sys.stderr)
        return 2
    try:
        make(names)
    except EnvironmentFailedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
