"""Start two stacks of the template on one embedded AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.addresses import Addresses, free_addresses
from stack.running import RunningStack
from stack.stack import Stack

NAMES = ("masks-dev", "masks-prod")


@contextmanager
def two_stages(
    folder: Path, report: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[RunningStack, RunningStack]]:
    """Run two stages in one account and region, each with a simulator of its own.

    Raises:
        DeployFailedError: The second did not deploy beside the first.
        StackError: A process was not ready in time.
    """
    one, other = free_addresses(), free_addresses()
    beside = Addresses(other.api_port, other.plivo_port, one.aws_port)
    with (
        Stack(
            one,
            folder / NAMES[0],
            name=NAMES[0],
            more_api_ports=[beside.api_port],
            report=report,
        ) as first,
        Stack(
            beside,
            folder / NAMES[1],
            name=NAMES[1],
            beside=first,
            report=report,
        ) as second,
    ):
        yield first.running, second.running
