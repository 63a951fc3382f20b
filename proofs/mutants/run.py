"""Run the tests that cover each mutant; list those that none of them notices.

What covers a line is found out once: the unit tests and some of the handlers' run with
coverage that knows which test it was. A mutant in a line that none of them covers is
listed as not covered, and counts as no survivor.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coverage import CoverageData

from proofs.defenses.run import copied, failed_without
from proofs.mutants.named import NAMED
from proofs.report import Report
from proofs.runner import Progress, ProofError
from stack.environments import MUTANTS, ROOT, interpreter

LAYER = "layers/masking/masking"

# The rules: what is decided, erased, kept on a condition, and shared.
RULES = (
    *("domain/*.py", "core/callers.py", "core/numbers.py", "core/amounts.py"),
    *("erasure/*.py", "storage/table.py", "storage/sessions.py"),
    *("storage/recordings.py", "storage/deliveries.py", "storage/endpoints.py"),
    *("webhooks/*.py", "stream/parked_changes.py", "stream/publish_changes.py"),
    *("recording/delete_recording.py", "tenants/tenant_settings.py"),
)

# What may notice a mutant: the unit tests, and what is quick of the others.
PURE_TESTS = (
    "tests/unit",
    "tests/proofs/test_spoilt_histories.py",
    "tests/proofs/test_timeline_properties.py",
    "tests/proofs/test_timeline_truth.py",
)
TESTS = (
    *PURE_TESTS,
    "tests/proofs/erasure_races",
    *(
        f"tests/handlers/{name}"
        for name in (
            *("test_erase_number.py", "test_delete_recording.py", "publish_changes"),
            *("test_deliver_webhook.py", "test_slow_receivers.py", "test_table.py"),
            *("test_fair_shares.py", "test_republish_changes.py"),
            *("test_recording_access.py", "create_session/test_quotas.py"),
            *("test_past_retention.py", "test_list_recordings.py"),
        )
    ),
)

# Of the tests that cover a line, so many are run first.
FIRST_TESTS = 20

PURE = frozenset({"core", "domain"})

COVERAGE_SECONDS = 1_800
SECONDS = 120

# pytest's exit codes of all passed, some failed, and a module that can't be imported.
RESULTS = (0, 1, 2)

SURVIVORS = "survivors"
SURVIVED_ONCE = "what survived once is noticed by each test that was written for it"
COVERED = "a change is noticed by a test"

Mutant = dict[str, Any]
Cover = dict[tuple[str, int], set[str]]


def prove(
    progress: Progress = print,
    *,
    mutants: int = 100,
    minutes: float = 20,
    seed: int = 1,
    rooms: Sequence[str] = (),
) -> Report:
    """Try so many mutants, in at most so many minutes after coverage is known.

    *rooms* are those whose rules are changed, all by default. For rules that need no
    table the tests without one are enough.
    """
    report = Report("mutants")
    is_pure = bool(rooms) and PURE.issuperset(rooms)
    with copied() as copy:
        for named in NAMED:
            failed, _ = failed_without(named, list(named.tests), copy)
            for test in named.tests:
                report.check(test in failed, SURVIVED_ONCE, f"{named.name}: {test}")
        progress(f"{len(NAMED)} that survived once were tried")
        progress("finding out which test covers what")
        cover = cover_of(copy, PURE_TESTS if is_pure else TESTS)
        ends = time.monotonic() + minutes * 60
        for mutant in made(copy, mutants, seed, rooms):
            if time.monotonic() > ends:
                progress("time is up")
                break
            source = (copy / mutant["file"]).read_text()
            tests = covering(cover, mutant, source)
            outcome = tried(copy, mutant, tests) if tests else "not covered"
            report.count("mutants", outcome, "number")
            if outcome != "killed":
                progress(f"{outcome}: {shown(mutant)}")
            if outcome == "survived":
                report.row(SURVIVORS, f"{mutant['file']}:{mutant['line']}").update(
                    operator=mutant["operator"]
                )
            if tests:
                report.check(outcome != "survived", COVERED, shown(mutant))
    covered = report.checks.get(COVERED)
    report.check(covered, "some of the mutants were tried", f"{mutants} were wanted")
    return report


def shown(mutant: Mutant) -> str:
    """Return a mutant as a line of a list."""
    place = f"{mutant['file'].removeprefix(LAYER + '/')}:{mutant['line']}"
    return f"{place}: {' '.join(mutant['was'])} -> {' '.join(mutant['is'])}"


def made(copy: Path, most: int, seed: int, rooms: Sequence[str]) -> Iterator[Mutant]:
    """Yield mutants of the rules."""
    files = [
        str(each.relative_to(copy))
        for pattern in RULES
        if not rooms or pattern.partition("/")[0] in rooms
        for each in sorted((copy / LAYER).glob(pattern))
        if each.name != "__init__.py"
    ]
    generator = ROOT / "proofs" / "mutants" / "generate.py"
    wrote = subprocess.run(
        [interpreter(MUTANTS), generator, str(seed), str(most), *files],
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
    )
    yield from map(json.loads, wrote.stdout.splitlines())


def cover_of(copy: Path, tests: Sequence[str]) -> Cover:
    """Return which tests cover each line, by file and line; only those that pass."""
    arguments = [
        *("-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile"),
        *("--cov", f"--cov-config={copy}/pyproject.toml", "--cov-context=test"),
        "--cov-report=",
    ]
    ran = pytest(copy, [*arguments, "-rfE", *tests], seconds=COVERAGE_SECONDS)
    failed = {
        line.split()[1].partition("[")[0]
        for line in ran.stdout.splitlines()
        if line.startswith(("FAILED ", "ERROR "))
    }
    cover: Cover = defaultdict(set)
    found = CoverageData(str(copy / ".coverage"))
    found.read()
    for path in found.measured_files():
        file = str(Path(path).relative_to(copy))
        for line, contexts in found.contexts_by_lineno(path).items():
            # The whole test, not one of its cases.
            of_line = {re.split(r"[|\[]", each)[0] for each in contexts if each}
            cover[file, line] |= of_line - failed
    return cover


def covering(cover: Cover, mutant: Mutant, source: str) -> list[str]:
    """Return the tests that run the statement that a mutant changes."""
    found: set[str] = set()
    for line in statement_at(source, mutant["line"]):
        found |= cover.get((mutant["file"], line), set())
    return sorted(found)


def statement_at(source: str, line: int) -> range:
    """Return the lines of the smallest statement at a line; of a compound its head."""
    spans = [range(line, line + 1)]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            span = range(node.lineno, max(last, node.lineno) + 1)
            if line in span:
                spans.append(span)
    return spans[-1]


def tried(copy: Path, mutant: Mutant, tests: Sequence[str]) -> str:
    """Run tests on a mutant: it is `killed`, or it `survived`."""
    place = copy / mutant["file"]
    whole = place.read_text()
    place.write_text(mutant["code"])
    try:
        # Some of them first, evenly of all: neighbors often test the same.
        step = -(-len(tests) // FIRST_TESTS)
        some = tests[::step]
        for chosen in (some, sorted(set(tests) - set(some))):
            if chosen and has_failed(copy, chosen):
                return "killed"
    except subprocess.TimeoutExpired:
        return "killed"
    finally:
        place.write_text(whole)
    return "survived"


def has_failed(copy: Path, tests: Sequence[str]) -> bool:
    """Return whether a test fails, or can't even be imported."""
    ran = pytest(copy, ["-x", "-p", "no:cacheprovider", *tests])
    if ran.returncode not in RESULTS:
        raise ProofError(f"pytest ended with {ran.returncode}: {ran.stdout[-500:]}")
    return ran.returncode != 0


def pytest(
    copy: Path, arguments: Sequence[str], seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run pytest in the copy."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-header", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
