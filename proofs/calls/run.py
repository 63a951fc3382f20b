"""Spoil many histories, and list the rules that their calls break."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Sequence

from proofs.calls import channel, known, model, mutants, rules

# Histories between two lines of progress.
EVERY = 10_000


def broken(histories: int, seed: int = 1, *, progress: bool = False) -> Counter[str]:
    """Count the rules that are broken in so many histories, by their names.

    With *progress* each history that breaks one is named at once.
    """
    found: Counter[str] = Counter()
    for number in range(histories):
        rules_broken = set(broken_in(seed, number))
        found.update(rules_broken)
        if rules_broken and progress:
            names = "; ".join(sorted(rules_broken))
            print(f"seed {seed}, history {number}: {names}", file=sys.stderr)
        if progress and (number + 1) % EVERY == 0:
            print(f"{number + 1:,} of {histories:,}", file=sys.stderr)
    return found


def broken_in(seed: int, number: int) -> Sequence[str]:
    """Return the rules that are broken in one history, known by seed and number."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
    history = model.make(chance)
    spoilt = channel.spoil(history, chance)
    return rules.broken_by(history, spoilt, chance)


def first_broken(histories: int, seed: int) -> int:
    """Return `mutants.BROKEN` as soon as a history breaks a rule, 0 if none does.

    Those that broke one before come first.
    """
    made = ((seed, number) for number in range(histories))
    for known_seed, number in (*known.all_known(), *made):
        if broken_in(known_seed, number):
            return mutants.BROKEN
    return 0


def report(histories: int, seed: int, *, without_rules: bool = False) -> int:
    """Run and report; return 0 only if no rule is broken.

    With *without_rules* each of the rules of calls is taken out in turn, and 0 is
    returned only if each is missed.
    """
    if without_rules:
        return mutants.report(histories, seed)
    found = broken(histories, seed, progress=True)
    for rule, count in found.most_common():
        print(f"broken {count:,} times: {rule}")
    print(f"{histories:,} spoilt histories, {sum(found.values()):,} breaches")
    return 1 if found else 0
