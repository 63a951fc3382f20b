"""Events are put on the bus in requests that it can take, until it has taken them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from masking.core.errors import EventsNotTakenError
from masking.domain.bus_events import Event
from masking.storage import bus
from tests.support.partial_bus import RefusingClient


def an_event(number: int) -> Event:
    """Return an event."""
    return Event(
        "session.created",
        str(number),
        "2026-03-01T12:00:00Z",
        "s",
        "acme",
        {"n": number},
    )


def test_the_bus_takes_ten_events_at_once() -> None:
    client = RefusingClient()

    _bus(client).put([an_event(n) for n in range(23)])

    assert [len(batch) for batch in client.batches] == [10, 10, 3]
    entry = client.batches[0][0]
    assert entry["EventBusName"] == "maskline"
    assert entry["DetailType"] == "session.created"
    assert json.loads(entry["Detail"])["n"] == 0


def test_an_event_that_the_bus_leaves_out_is_not_forgotten() -> None:
    client = RefusingClient(frozenset({1}))

    with pytest.raises(EventsNotTakenError, match="ThrottlingException"):
        _bus(client).put([an_event(0), an_event(1)])


@dataclass
class PartialBus:
    """EventBridge that does not take some entries, as often as it is told."""

    refuse: dict[str, list[str]] = field(default_factory=dict)
    requests: list[list[dict[str, Any]]] = field(default_factory=list)

    def put_events(self, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.requests.append(list(Entries))
        answers = []
        for entry in Entries:
            codes = self.refuse.get(entry["DetailType"], [])
            answers.append({"ErrorCode": codes.pop(0)} if codes else {"EventId": "x"})
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}


def _events(count: int, size: int = 10) -> list[Event]:
    return [
        Event(f"t{n}", str(n), "now", "s", "acme", {"x": "é" * (size // 2)})
        for n in range(count)
    ]


def _bus(client: PartialBus | RefusingClient) -> bus.Bus:
    return bus.Bus(client, "maskline", sleep=lambda _: None)  # type: ignore[arg-type]


def test_requests_hold_ten_entries_and_256_kb_at_most() -> None:
    client = PartialBus()

    _bus(client).put(_events(25))
    _bus(client).put(_events(6, size=100 * 1024))

    assert [len(entries) for entries in client.requests] == [10, 10, 5, 2, 2, 2]


def test_an_event_that_is_too_large_is_left_out_and_named() -> None:
    client = PartialBus()

    refused = _bus(client).offer([*_events(1), *_events(1, size=300 * 1024)])

    assert refused == {1: bus.TOO_LARGE}
    assert len(client.requests) == 1


def test_what_a_request_left_out_is_put_again_alone() -> None:
    client = PartialBus({"t1": ["InternalFailure"], "t3": ["ThrottlingException"] * 2})

    _bus(client).put(_events(5))

    sent = [[entry["DetailType"] for entry in each] for each in client.requests]
    assert sent == [["t0", "t1", "t2", "t3", "t4"], ["t1", "t3"], ["t3"]]


def test_what_is_never_taken_is_an_error() -> None:
    client = PartialBus({"t1": ["InternalFailure"] * 9})

    with pytest.raises(EventsNotTakenError, match="InternalFailure"):
        _bus(client).put(_events(3))


# Requests that fail as a whole


@dataclass
class StrictBus:
    """EventBridge that refuses a whole request for one entry, or fails altogether."""

    bad: frozenset[str] = frozenset()
    failures: list[Exception] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    requests: int = 0

    def put_events(self, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.requests += 1
        if self.failures:
            raise self.failures.pop(0)
        types = [entry["DetailType"] for entry in Entries]
        if self.bad & set(types):
            raise failure("ValidationException")
        self.taken += types
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "x"} for _ in types]}


def failure(code: str) -> ClientError:
    """Return an error of AWS."""
    return ClientError({"Error": {"Code": code, "Message": ""}}, "PutEvents")


def strict(client: StrictBus) -> bus.Bus:
    """Return a bus over the client."""
    return bus.Bus(client, "maskline", sleep=lambda _: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [{"t0"}, {"t4"}, {"t9"}, {"t1", "t11"}])
def test_a_bad_event_does_not_take_the_others_of_its_request_with_it(
    bad: set[str],
) -> None:
    client = StrictBus(bad=frozenset(bad))

    refused = strict(client).offer(_events(12))

    assert {f"t{index}" for index in refused} == bad
    assert set(refused.values()) == {"ValidationException"}
    assert sorted(client.taken) == sorted({f"t{n}" for n in range(12)} - bad)


def test_what_is_wrong_for_ever_is_not_put_again() -> None:
    client = PartialBus({"t1": ["MalformedDetail"] * 9})

    refused = _bus(client).offer(_events(3))

    assert refused == {1: "MalformedDetail"}
    assert len(client.requests) == 1


@pytest.mark.parametrize(
    "error", [failure("ThrottlingException"), EndpointConnectionError(endpoint_url="x")]
)
def test_a_request_that_failed_as_a_whole_is_put_again_and_the_others_are_not(
    error: Exception,
) -> None:
    client = StrictBus(failures=[error])

    assert strict(client).offer(_events(12)) == {}

    assert sorted(client.taken) == sorted(f"t{n}" for n in range(12))
    assert client.requests == 3


def test_an_outage_of_the_bus_is_told_of_each_event() -> None:
    client = StrictBus(failures=[failure("InternalFailure")] * 3)

    refused = strict(client).offer(_events(2))

    assert refused == dict.fromkeys(range(2), "InternalFailure")


@pytest.mark.parametrize(
    "error", [ReadTimeoutError, ConnectTimeoutError], ids=lambda each: each.__name__
)
def test_a_bus_that_hangs_is_waited_for_once(
    error: type[ReadTimeoutError | ConnectTimeoutError],
) -> None:
    requests: list[int] = []

    class Hung:
        def put_events(self, Entries: Sequence[Any]) -> Any:  # noqa: N803
            requests.append(len(Entries))
            raise error(endpoint_url="https://events.example.com")

    refused = bus.Bus(Hung(), "maskline").offer([an_event(n) for n in range(23)])  # type: ignore[arg-type]

    assert requests == [10]
    assert refused == dict.fromkeys(range(23), error.__name__)
