"""Work out what a hundred million sessions a year need, and ten times that.

By arithmetic from what one session takes, with a peak of four times the average; hot
keys by a simulation: sessions and tenants are drawn and spread over keys as the table
spreads them.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass
from functools import cache

from masking.domain import due_work
from masking.domain.due_work import Action
from proofs.benches.cost.model import SETTLEMENT_REQUESTS
from proofs.benches.cost.workload import Counts
from stack.aws.package import read_template
from stack.environments import ROOT

YEAR_SECONDS = 365 * 86_400
PEAK = 4.0

# A partition of DynamoDB, and so a key, takes so many units a second.
KEY_WRITES, KEY_READS = 1_000, 3_000

# What one shard of a stream reads, with batches worked on at a time (template.yaml).
PARALLEL = 4

# Plivo's limit for an account: 300 requests in 5 seconds.
PLIVO_PER_SECOND = 60.0

# The throttle of the API in template.yaml, and an account's concurrency to begin with.
API_PER_SECOND, CONCURRENCY = 250.0, 1_000.0

# Seconds that a function works for a session, all together, waits included.
WORK_SECONDS = 3.0

# A session asks Plivo so often: create, update, settlement.
PLIVO_REQUESTS = 4.0

# Of all sessions, the share of the largest tenant in the simulation (a Zipf tail).
TENANTS, SAMPLE = 200, 200_000


@dataclass(frozen=True)
class Need:
    """What is needed of something at the peak, what there is, and the cure."""

    what: str
    needed: float
    there: float
    cure: str

    @property
    def used(self) -> float:
        """Return the share that is used; above 1 it breaks."""
        return self.needed / self.there


def needs(counts: Counts, sessions_a_year: float) -> list[Need]:
    """Return all that may break first, the nearest to its limit first."""
    peak = sessions_a_year / YEAR_SECONDS * PEAK
    writes = sum(counts.writes.values())
    duties = counts.writes.get("index duties", 0)
    shards, tenants = hot_keys()
    found = [
        Need(
            "Plivo's requests a second, of one account",
            peak * PLIVO_REQUESTS,
            PLIVO_PER_SECOND,
            "ask Plivo for a higher limit, or a subaccount and a stack for each part",
        ),
        Need(
            "settlements a second, on the average of a day",
            sessions_a_year / YEAR_SECONDS,
            _settlements_a_second(),
            "a higher CarrierRequestsPerSecond, as Plivo's limit allows",
        ),
        Need(
            "requests of the API a second",
            peak * counts.api_requests,
            API_PER_SECOND,
            "raise ThrottlingRateLimit in template.yaml; an account has 10,000",
        ),
        Need(
            "functions at work at a time",
            peak * WORK_SECONDS,
            CONCURRENCY,
            "a higher quota of concurrent executions, by a request to AWS",
        ),
        Need(
            "writes a second to the fullest shard of the index of due work",
            peak * duties * shards,
            KEY_WRITES,
            "more shards in due_work (a reader of old and new ones for a while)",
        ),
        Need(
            "writes a second to the listing of the largest tenant",
            peak * tenants,
            KEY_WRITES,
            "a shard in the index's key for that tenant, or a tenant for each region",
        ),
        Need(
            "changes a second of the stream, by its partitions' readers",
            peak * writes,
            # A batch of one takes a tenth of a second with its events.
            max(1.0, peak * writes / KEY_WRITES) * PARALLEL * 100 / 0.1,
            "ParallelizationFactor up to 10; partitions split by themselves",
        ),
    ]
    return sorted(found, key=lambda need: -need.used)


def _settlements_a_second() -> float:
    """Return how many the reconciler's share of Plivo's limit allows."""
    parameters = read_template(ROOT / "template.yaml")["Parameters"]
    requests = float(parameters["CarrierRequestsPerSecond"]["Default"])
    return requests / SETTLEMENT_REQUESTS


@cache
def hot_keys(sample: int = SAMPLE, seed: int = 1) -> tuple[float, float]:
    """Simulate; return the share of the fullest shard and of the largest tenant."""
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    weights = [1 / (place + 1) for place in range(TENANTS)]
    tenants = Counter(dice.choices(range(TENANTS), weights, k=sample))
    shards = Counter(
        due_work.shard_of(str(uuid.UUID(int=dice.getrandbits(128))), Action.EXPIRE)
        for _ in range(sample)
    )
    return max(shards.values()) / sample, max(tenants.values()) / sample
