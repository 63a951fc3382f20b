"""What each operation may cost: the table of docs/design, as numbers.

For a session with two parties, one label and URLs of up to 100 characters. *write* and
*read* are for the operation's own path. A link that the stream writes is one unit each
(two parties, one label; the caller of a callback); the link from Plivo's session to
ours stands in the index of listings too and is two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Two parties, one label, and Plivo's session with its entry in the listing.
LINKS_OF_A_SESSION = 2 + 1 + 2

# With URLs of 1,000 characters, a create may write so much more.
MOST_FOR_LONG_URLS = 3


@dataclass(frozen=True)
class Budget:
    """The most units written on the path and by the stream, and read on the path."""

    write: float | None = None
    stream_write: float = 0
    read: float | None = None


BUDGETS: Mapping[str, Budget] = {
    # Read is what the tenant has set, once a minute in each process, and whether either
    # party is a virtual number.
    "create": Budget(write=6, stream_write=LINKS_OF_A_SESSION, read=0.5 + 1),
    "update": Budget(write=2),
    "update, expiry moves": Budget(write=4),
    "callback": Budget(write=2),
    "callback, repeated": Budget(write=1),
    "callback, new caller": Budget(write=2, stream_write=1),
    "get, 10 events": Budget(read=2),
    "list, page of 50": Budget(read=26),
    "sweep, idle": Budget(read=8),
    # One more than the sweep: the state before Plivo is asked; see docs/decisions.md.
    "expire now": Budget(write=4),
    "expire by the sweep": Budget(write=3),
}
