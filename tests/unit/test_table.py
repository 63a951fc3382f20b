"""Keys that a batch leaves out are asked for again, ever later, and not for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from masking.storage.sessions import SessionStore
from masking.storage.table import (
    FORMAT,
    MOST_KEYS,
    NEWEST_FORMAT,
    PAUSES,
    NewerItemError,
    Table,
    read_item,
)


class Throttled:
    """A client of DynamoDB that reads *most* keys of a request, *times* over."""

    def __init__(self, most: int, times: int) -> None:
        self.most = most
        self.times = times
        self.asked: list[int] = []

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        [(name, request)] = RequestItems.items()
        keys = request["Keys"]
        self.asked.append(len(keys))
        most = self.most if self.times else len(keys)
        self.times = max(0, self.times - 1)
        left = {name: {**request, "Keys": keys[most:]}} if keys[most:] else {}
        return {"Responses": {name: keys[:most]}, "UnprocessedKeys": left}


def table_over(client: Throttled, pauses: list[float]) -> Table:
    """Return a table whose pauses are noted."""
    fake: Any = client
    return Table(fake, "table", timedelta(days=1), sleep=pauses.append)


def test_what_a_batch_leaves_out_is_asked_for_again_after_growing_pauses() -> None:
    pauses: list[float] = []
    client = Throttled(most=0, times=3)
    keys = [("a", str(n)) for n in range(5)]

    found = table_over(client, pauses).get_all(keys)

    assert found.keys() == set(keys)
    assert pauses == sorted(set(pauses)) == list(PAUSES[:3])


def test_keys_that_are_left_out_for_ever_are_an_error_of_awss() -> None:
    pauses: list[float] = []
    client = Throttled(most=0, times=1_000)

    with pytest.raises(ClientError) as failed:
        table_over(client, pauses).get_all([("a", "1")])

    assert (
        failed.value.response["Error"]["Code"]
        == "ProvisionedThroughputExceededException"
    )
    assert pauses == list(PAUSES)
    assert len(client.asked) == len(PAUSES) + 1


def test_a_batch_that_is_done_piece_by_piece_is_read_whole() -> None:
    pauses: list[float] = []
    client = Throttled(most=30, times=4)
    keys = [("a", str(n)) for n in range(2 * MOST_KEYS)]

    found = table_over(client, pauses).get_all(keys)

    assert len(found) == len(keys)
    assert max(client.asked) == MOST_KEYS


def test_states_of_sessions_are_read_in_the_same_way() -> None:
    pauses: list[float] = []
    client = Throttled(most=0, times=1_000)

    with pytest.raises(ClientError):
        SessionStore(table_over(client, pauses)).load_states(["a", "b"])

    assert pauses == list(PAUSES)


def test_an_item_that_a_later_release_wrote_is_not_misread() -> None:
    """While two releases work side by side, or after a release was taken back."""
    item = {"pk": {"S": "S#1"}, "sk": {"S": "A#STATE"}}

    assert read_item(item) == {"pk": "S#1", "sk": "A#STATE"}
    assert read_item({**item, FORMAT: {"N": str(NEWEST_FORMAT)}})
    with pytest.raises(NewerItemError, match=f"after {NEWEST_FORMAT}"):
        read_item({**item, FORMAT: {"N": str(NEWEST_FORMAT + 1)}})
