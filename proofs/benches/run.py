"""Run benches one after another, and write what all of them measured."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from proofs.benches import document
from proofs.report import Report
from proofs.runner import Progress

Bench = Callable[[], Report]


def measure(
    benches: Mapping[str, Bench],
    only: str | None,
    *,
    kept: Path,
    docs: Path,
    progress: Progress,
) -> Iterator[Report]:
    """Yield the report of each bench, or of the one that is named.

    The reports are kept in the folder *kept*. Once every bench has one, and
    each time after that, the document in *docs* is written anew from all of them.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for part in [only] if only else benches:
        progress(f"{part}: {_title(benches[part])}")
        began = time.monotonic()
        report = benches[part]()
        (kept / f"{part}.json").write_text(report.json())
        progress(f"{part}: measured in {time.monotonic() - began:.0f} s")
        yield report
    paths = {part: kept / f"{part}.json" for part in benches}
    missing = [part for part, path in paths.items() if not path.exists()]
    if missing:
        progress(f"docs/benchmarks.md lacks {', '.join(missing)}: not written")
        return
    reports = {part: Report.from_json(p.read_text()) for part, p in paths.items()}
    texts = {part: _title(bench) for part, bench in benches.items()}
    document.write(reports, texts, docs)
    progress("docs/benchmarks.md is written")


def _title(bench: Bench) -> str:
    """Return the first paragraph of a bench's module: what it measures."""
    text = inspect.getdoc(inspect.getmodule(bench)) or ""
    return " ".join(text.partition("\n\n")[0].split())
