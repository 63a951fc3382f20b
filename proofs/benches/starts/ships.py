"""Measure what ships: the size of the archives, and whether byte code is in them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from proofs.benches.starts import artifact
from proofs.report import Report

MEGABYTE = 1_000_000
MOST_MEGABYTES = 20


def run() -> Report:
    """Build and measure."""
    report = Report("bench ships")
    built = artifact.build()
    parts = {layer: [built / layer] for layer in artifact.LAYERS}
    parts["functions"] = [built / name for name in artifact.functions().values()]
    for part, folders in parts.items():
        modules = [path for folder in folders for path in folder.rglob("*.py")]
        compiled = [path for folder in folders for path in folder.rglob("*.pyc")]
        archives = sum(map(_archived, folders)) / MEGABYTE
        row = report.row("what ships", part)
        row |= {"zip, MB": archives, "modules": len(modules)}
        row["with byte code"] = len(compiled)
        name = "every module has byte code"
        told = f"{part}: {len(compiled)} of {len(modules)}"
        report.check(len(modules) == len(compiled), name, told)
        if part == "Dependencies":
            small = f"the dependencies' zip has at most {MOST_MEGABYTES} MB"
            report.check(archives <= MOST_MEGABYTES, small, f"{archives:.1f} MB")
    return report


def _archived(folder: Path) -> int:
    """Return the bytes of a folder's archive."""
    with tempfile.TemporaryDirectory() as scratch:
        made = shutil.make_archive(str(Path(scratch, "archive")), "zip", folder)
        return Path(made).stat().st_size
