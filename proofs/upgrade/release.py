"""Get the code of the release before, out of the history of this repository."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from proofs.runner import ProofError
from stack.environments import ROOT

GIT = shutil.which("git") or "git"
VERSION = re.compile(r"^## (\d+\.\d+\.\d+)", re.MULTILINE)


def last_release(changelog: str) -> str:
    """Return the newest version that a changelog names. Raise ProofError if none is."""
    found = VERSION.search(changelog)
    if not found:
        raise ProofError("CHANGELOG.md names no release")
    return found[1]


def revision_of(version: str, root: Path = ROOT) -> str:
    """Return the commit of a release: its tag, or where the changelog first named it.

    Raises:
        ProofError: The history doesn't reach back to it.
    """
    for tag in (f"v{version}", version):
        tagged = _git(root, "rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}")
        if tagged:
            return tagged.decode().strip()
    named = _git(root, "log", "--format=%H", f"-S## {version} -", "--", "CHANGELOG.md")
    commits = named.decode().split()
    if not commits:
        raise ProofError(f"the history has no release {version}; name one with FROM=")
    return commits[-1]


def unpack(revision: str, folder: Path, root: Path = ROOT) -> Path:
    """Write the code of a revision into a folder, and return that.

    Raises:
        ProofError: There is no such revision.
    """
    archive = _git(root, "archive", "--format=tar", revision)
    if not archive:
        raise ProofError(f"there is no revision {revision}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def _git(root: Path, *arguments: str) -> bytes:
    """Return what git prints; nothing if it fails."""
    done = subprocess.run([GIT, *arguments], cwd=root, capture_output=True)
    return done.stdout if done.returncode == 0 else b""
