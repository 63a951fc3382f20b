"""Plan who asks for what: pairs of fictional numbers, bodies, what follows a create."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# +1 NPA 555 0100 to 0199 are kept free for fiction in every area code; those with a
# zero or a one in front don't exist, and 555 is the country's own.
AREA_CODES = [code for code in range(201, 990) if code % 100 != 11 and code != 555]
NUMBERS_PER_AREA = 100
MOST_PAIRS = len(AREA_CODES) * NUMBERS_PER_AREA // 2

# Shares of the creates.
RINGING = 0.5
SAME_PAIR = 0.03
UPDATED = 0.75
UPDATED_AT_ONCE = 0.25
DELETED = 0.6

LIFETIME = 7_200


@dataclass(frozen=True)
class Plan:
    """One create and what follows it: bodies of updates, and whether it is deleted.

    *same_pair_as* is the number of an earlier plan for the same pair. Updates that
    stand in one tuple are sent at the same time.
    """

    number: int
    key: str
    body: dict[str, Any]
    updates: tuple[tuple[dict[str, Any], ...], ...]
    is_deleted: bool
    same_pair_as: int | None = None


def plans(count: int, seed: int) -> Iterator[Plan]:
    """Yield *count* plans, the same for the same *seed*.

    Each update sets a `ring_timeout` that no other sets, by which it is recognized in
    the simulator's ledger. Raise ValueError for more than there are pairs.
    """
    if count > MOST_PAIRS:
        message = f"there are fictional numbers for {MOST_PAIRS} pairs, not {count}"
        raise ValueError(message)
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    ring_timeouts = iter(range(1_000, 100_000_000))
    for number in range(count):
        same_pair_as = None
        if number > 10 and dice.random() < SAME_PAIR:
            same_pair_as = number - dice.randint(1, 10)
        first, second = pair(number if same_pair_as is None else same_pair_as)
        body = {
            "first_party": first,
            "second_party": second,
            "session_expiry": LIFETIME + number,
            "initiate_call_to_first_party": dice.random() < RINGING,
            "record": dice.random() < 0.5,
            "labels": {"order_id": f"order-{number}"},
        }
        updates: list[tuple[dict[str, Any], ...]] = []
        if dice.random() < UPDATED:
            at_once = 2 if dice.random() < UPDATED_AT_ONCE else 1
            updates.append(
                tuple(_update(dice, next(ring_timeouts)) for _ in range(at_once))
            )
        if dice.random() < UPDATED / 2:
            updates.append((_update(dice, next(ring_timeouts)),))
        deleted = dice.random() < DELETED
        key = f"chaos-{seed}-{number}"
        yield Plan(number, key, body, tuple(updates), deleted, same_pair_as)


def pair(number: int) -> tuple[str, str]:
    """Return two numbers that no other *number* gets."""
    return _fictional(2 * number), _fictional(2 * number + 1)


def _fictional(index: int) -> str:
    area = AREA_CODES[index // NUMBERS_PER_AREA]
    return f"+1{area}555{100 + index % NUMBERS_PER_AREA:04d}"


def _update(dice: random.Random, ring_timeout: int) -> dict[str, Any]:
    body: dict[str, Any] = {"ring_timeout": ring_timeout}
    if dice.random() < 0.3:
        body["session_expiry"] = LIFETIME
    if dice.random() < 0.3:
        body["record"] = dice.random() < 0.5
    return body
