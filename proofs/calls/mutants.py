"""Take out the rules of calls one at a time, and show that the proof then fails.

Each rule is taken out of the source, in a copy of it. Then an example of the tables of
spoilt calls must fail, or a history break. A rule whose loss nothing
notices is one that no history needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.environments import ROOT

DOMAIN = Path("layers/masking/masking/domain")

# What a copy needs to run the proof.
COPIED = ("layers/masking/masking", "proofs", "stack", "tests/support", "tests/unit")
TABLES = (
    "tests/unit/test_rules_of_calls.py",
    "tests/unit/test_calls_of_evidence.py",
)

FIND_ONE = (
    "import sys; from proofs.calls.run import first_broken;"
    " sys.exit(first_broken(int(sys.argv[1]), int(sys.argv[2])))"
)
SECONDS = 300


@dataclass(frozen=True)
class Mutant:
    """A rule, and how it is taken out: text of a module of the domain, and another."""

    rule: str
    module: str
    old: str
    new: str

    def source(self) -> str:
        """Return the module's source without the rule.

        Raises ValueError if the text is not there once.
        """
        text = (ROOT / DOMAIN / self.module).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.module} has not once what {self.rule!r} is")
        return text.replace(self.old, self.new)


MUTANTS = (
    # Legs of settled calls
    Mutant(
        "a leg was up from its answer to its end",
        "told_legs.py",
        "if answers and _lasted(answers[0], end) != end.duration:",
        "if False:",
    ),
    # Gathering
    Mutant(
        "callers that differ are of different calls",
        "gather_calls.py",
        "return not caller or not call.caller or caller == call.caller",
        "return True",
    ),
    Mutant(
        "a call has each fact once",
        "gathered.py",
        "if self.same(event):",
        "if False:",
    ),
    Mutant(
        "what begins a call begins another where one has ended",
        "gather_calls.py",
        "    if call.is_over and event.at >= call.last:\n        return False\n",
        "",
    ),
    Mutant(
        "a start that is told again is no other call",
        "gather_calls.py",
        "return event.at - max(told) <= AGAIN",
        "return False",
    ),
    Mutant(
        "an end belongs to the call that its duration reaches",
        "ends_of_calls.py",
        "return missed if missed <= AT_ONCE else FAR",
        "return FAR",
    ),
    Mutant(
        "the legs of a call end together",
        "ends_of_calls.py",
        "if c.has_end and event.at - c.last <= AGAIN]",
        "if False]",
    ),
    Mutant(
        "a recording is of one call",
        "gather_calls.py",
        "    if event.recording and recorded:\n        return recorded[-1]\n",
        "",
    ),
    Mutant(
        "a duration belies calls that it is not of",
        "ends_of_calls.py",
        "    started = [c for c in started if not _is_belied(c, event)] or started\n",
        "",
    ),
    Mutant(
        "of two open calls the leg that ends is of one",
        "ends_of_calls.py",
        "    if event.leg and len(own) == 1:\n        return own[0]\n",
        "",
    ),
    Mutant(
        "an end that is told again is a double",
        "ends_of_calls.py",
        "    return len(altered) + (event.at != double.at) <= 1\n",
        "    return False\n",
    ),
    Mutant(
        "another time and other seconds are another end",
        "ends_of_calls.py",
        "not all(longs) or longs[0] == longs[1]",
        "True",
    ),
    Mutant(
        "an end that costs something is not lost",
        "ends_of_calls.py",
        "return event.at - call.last <= LATE and not event.is_paid",
        "return True",
    ),
    Mutant(
        "a call in which nobody talks is over after a while",
        "ends_of_calls.py",
        "return talked or event.at - call.last <= RINGING",
        "return True",
    ),
    Mutant(
        "nothing ends a call that is over",
        "ends_of_calls.py",
        "late = AGAIN if sure else LATE",
        "late = LATE",
    ),
    Mutant(
        "an answer without a time tells nothing of when",
        "ends_of_calls.py",
        "for each in call.facts if each.is_answer and each.told_at",
        "for each in call.facts if each.is_answer",
    ),
    Mutant(
        "an end is not of a caller whose own follows",
        "ends_of_calls.py",
        "own = [call for call in free if not _has_own(call, event, later)]",
        "own = free",
    ),
    Mutant(
        "an end that is told again in full is judged in full",
        "ends_of_calls.py",
        "    event = _fuller(event, later)\n",
        "",
    ),
    Mutant(
        "an answer that is told again is not of a call that rings since",
        "gather_calls.py",
        "        if again:\n            return again[-1]\n",
        "",
    ),
    Mutant(
        "the ends of a call come together, and their numbers",
        "inferred_order.py",
        "after.stage < Stage.ENDING or",
        "True or",
    ),
    Mutant(
        "of two open calls it matters which will end",
        "ends_of_calls.py",
        "        return _of_two_open(started, event, later)\n",
        "        return started[0]\n",
    ),
    Mutant(
        "a late callback begins no call, unless more follows",
        "gather_calls.py",
        "newest if near and not _begins_another(event, later) else None",
        "newest if near else None",
    ),
    Mutant(
        "the fewest calls",
        "gather_calls.py",
        "sorted(_fewest(calls), key",
        "sorted(calls, key",
    ),
    Mutant(
        "lost numbers and times are inferred",
        "inferred_order.py",
        "    timed = _timed(events)\n",
        "    return list(events)\n    timed = _timed(events)\n",
    ),
    Mutant(
        "numbers that begin anew tell no time",
        "inferred_order.py",
        " or _begin_anew(events):",
        ":",
    ),
    Mutant(
        "a number that two callbacks claim tells no time",
        "inferred_order.py",
        "if after and after.sequence == event.sequence and after.slot != event.slot:",
        "if False:",
    ),
    Mutant(
        "nothing happens after it was told",
        "inferred_order.py",
        "    if before and before.at > event.at:",
        "    if False:",
    ),
    Mutant(
        "what lost its number has a place in its second",
        "inferred_order.py",
        "return _seated(sorted(found, key=lambda each: each.order))",
        "return sorted(found, key=lambda each: each.order)",
    ),
    Mutant(
        "numbers that begin anew give an untimed callback its turn",
        "inferred_order.py",
        "while seat and each.told_at is None and _precedes(each, found[seat - 1]):",
        "while False:",
    ),
    # Division
    Mutant(
        "strict division needs each number",
        "split_calls.py",
        "if numbers != list(range(first, first + len(chain))):",
        "if False:",
    ),
    Mutant(
        "strict division needs ends",
        "split_calls.py",
        "if number < len(calls) and not is_over(chain, has_end_event=has_end_event):",
        "if False:",
    ),
    Mutant(
        "strict division needs a start",
        "split_calls.py",
        "if not (_can_begin(chain[0]) or _is_refusal(chain, before, anew=anew)):",
        "if False:",
    ),
    # Evidence
    Mutant(
        "a recording proves talk",
        "call_evidence.py",
        "if self.answer or any(each.name in RECORDED for each in self.facts):",
        "if self.answer:",
    ),
    Mutant(
        "what the called party's leg costs proves talk",
        "call_evidence.py",
        "            if callee.is_paid:\n                return True\n",
        "",
    ),
    Mutant(
        "the bill of the whole call proves talk",
        "call_evidence.py",
        "            return self._by_whole(last)\n",
        "            return None\n",
    ),
    Mutant(
        "no talk where all that is paid is the caller's leg",
        "call_evidence.py",
        "caller.has_cost and (caller.billed, caller.amount) == paid:",
        "False:",
    ),
    Mutant(
        "no talk after a wrong PIN",
        "call_evidence.py",
        'return bool(pins) and pins[-1] == "failed" and not other',
        "return False",
    ),
    Mutant(
        "a call costs what its legs cost together",
        "call_evidence.py",
        "return _larger(whole, sum(legs, Decimal(0)) if legs else None)",
        "return whole",
    ),
    Mutant(
        "a double says what the first does not",
        "gathered.py",
        "return replace(fact, attributes={**fact.attributes, **added}) if added else",
        "return fact if added else",
    ),
    Mutant(
        "nothing is certain where a number is missing",
        "timeline.py",
        "return numbers == list(range(first, first + len(numbers)))",
        "return True",
    ),
    Mutant(
        "nothing is certain that was not divided strictly",
        "timeline.py",
        "whole = strict and _is_whole(",
        "whole = _is_whole(",
    ),
    Mutant(
        "nothing is certain of which the end is missing",
        "calls.py",
        "sure = is_whole and said.last is not None and",
        "sure = is_whole and",
    ),
    # Settlement
    Mutant(
        "a record is of the call that it lies nearest to",
        "settled_calls.py",
        "            if record[1] + APART >= span[0]:",
        "            if False:",
    ),
    Mutant(
        "a callback is of the record that it fits best",
        "settled_calls.py",
        "+ BETTER < records[number].misses(event):",
        "+ 1e9 < records[number].misses(event):",
    ),
    Mutant(
        "a callback of a leg is not of a record without that leg",
        "call_records.py",
        "return missed + UNLIKELY if self._lacks(event.leg) else missed",
        "return missed",
    ),
    Mutant(
        "money without seconds is not certain",
        "callback_event.py",
        "        if self.amount and self.billed == 0:\n            return True\n",
        "",
    ),
    Mutant(
        "a start may be told again more than once",
        "gather_calls.py",
        "event.at - max(told)",
        "event.at - double.at",
    ),
    Mutant(
        "an untimed callback goes to a record that has nothing",
        "settled_calls.py",
        "if (event.told_at or each not in told_apart)",
        "if (event.told_at)",
    ),
    Mutant(
        "a wrong PIN without a second leg is pin_failed",
        "settled_calls.py",
        'elif told.pin and told.pin.outcome == "failed" and not record.is_dialed:',
        "elif False:",
    ),
    Mutant(
        "a code outweighs a general word",
        "call_records.py",
        'exact = (each for each in told if each not in (GENERAL, "unknown"))',
        "exact = (each for each in [*told[1:], *told[:1]])",
    ),
    Mutant(
        "the leg that was up is the caller's",
        "call_records.py",
        "if second.is_up and not first.is_up and first.exists:",
        "if False:",
    ),
    Mutant(
        "the leg that was up first is the caller's",
        "call_records.py",
        "if first.answered and second.answered and second.answered < first.answered:",
        "if False:",
    ),
    Mutant(
        "nobody can know why a call has no second leg",
        "call_records.py",
        " if self.is_dialed or code == hangup_causes.GAVE_UP else None",
        "",
    ),
)


def survivors(
    mutants: Iterable[Mutant],
    histories: int,
    seed: int,
    *,
    tables: Sequence[str] = TABLES,
    progress: bool = False,
) -> list[str]:
    """Return the rules that can be taken out although *tables* and histories are tried.

    The tables come first, because they take seconds.
    """
    found = []
    for mutant in mutants:
        caught = _caught_by(mutant, histories, seed, tables)
        if not caught:
            found.append(mutant.rule)
        if progress:
            print(f"{caught or 'SURVIVES':22}  {mutant.rule}", flush=True)
    return found


def report(histories: int, seed: int) -> int:
    """Take out every rule in turn, and report; return 0 only if each is missed."""
    found = survivors(MUTANTS, histories, seed, progress=True)
    print(f"{len(MUTANTS)} rules taken out, {len(found)} not missed")
    return 1 if found else 0


def _caught_by(
    mutant: Mutant, histories: int, seed: int, tables: Sequence[str]
) -> str | None:
    with tempfile.TemporaryDirectory(prefix="maskline-mutant-") as folder:
        for each in COPIED:
            shutil.copytree(
                ROOT / each,
                Path(folder) / each,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        (Path(folder) / DOMAIN / mutant.module).write_text(mutant.source())
        options = ("-q", "-x", "-p", "no:cacheprovider", "--rootdir", folder)
        if tables:
            tried = _status(folder, "-m", "pytest", *options, *tables)
            if tried not in (0, FAILED):
                raise RuntimeError(f"without {mutant.rule!r} no example can be tried")
            if tried == FAILED:
                return "caught by an example"
        found = _status(folder, "-c", FIND_ONE, str(histories), str(seed))
        if found not in (0, BROKEN):
            raise RuntimeError(f"without {mutant.rule!r} nothing can be tried")
        return "caught by a history" if found else None


def _status(folder: str, *arguments: str) -> int:
    """Run Python in a copy; return its exit status."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{folder}/layers/masking"},
        timeout=SECONDS,
        capture_output=True,
        check=False,
    ).returncode


# The exit status of a run that has found a history which breaks a rule.
BROKEN = 3

# That of pytest if a test has failed.
FAILED = 1
