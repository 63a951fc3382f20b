"""The embedded AWS retries batches of a stream, and gives them up, as Lambda does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from stack.aws.stream_mapping import EXHAUSTED, retried

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/x"
FUNCTION = {"config": {"FunctionName": "publish"}}


def event(*places: int, source: str = "aws:dynamodb", arn: str = ARN) -> dict[str, Any]:
    """Return the event of a batch."""
    return {
        "Records": [
            {
                "eventSource": source,
                "eventSourceARN": arn,
                "dynamodb": {"SequenceNumber": str(place)},
            }
            for place in places
        ]
    }


def reporting(*places: int) -> dict[str, Any]:
    """Return the result of a function that reports records."""
    failures = [{"itemIdentifier": str(place)} for place in places]
    return {"body": {"batchItemFailures": failures}}


@dataclass
class Emulator:
    """One mapping, and a function with these results, of which the last stays."""

    results: list[dict[str, Any]]
    most: int | None = 2
    more: dict[str, Any] = field(default_factory=dict)
    advanced: int = 0
    reports: list[tuple[list[str], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the function that is retried."""
        self.mapping = {
            "UUID": "u",
            "FunctionName": "publish",
            "EventSourceArn": ARN,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            **({} if self.most is None else {"MaximumRetryAttempts": self.most}),
            **self.more,
        }
        self.run = retried(
            lambda *_: (
                self.results.pop(0) if len(self.results) > 1 else self.results[0]
            ),
            lambda: [self.mapping],
            self._advance,
            self._report,
        )

    def _advance(self, mapping: dict[str, Any], records: int) -> None:
        assert mapping is self.mapping
        self.advanced += records

    def _report(
        self,
        _mapping: object,
        _function: object,
        batch: list[dict[str, Any]],
        arn: str,
        _result: object,
        condition: str,
    ) -> None:
        assert arn == ARN
        places = [each["dynamodb"]["SequenceNumber"] for each in batch]
        self.reports.append((places, condition))


def test_a_batch_that_is_done_is_done() -> None:
    emulator = Emulator([reporting()])

    assert emulator.run(FUNCTION, event(1, 2)) == reporting()
    assert (emulator.advanced, emulator.reports) == (0, [])


@pytest.mark.parametrize("as_text", [False, True])
def test_from_the_first_record_that_is_reported_on_all_come_again(
    *, as_text: bool
) -> None:
    result = reporting(4, 3)
    if as_text:
        result = {"body": json.dumps(result["body"])}
    emulator = Emulator([result])

    answer = emulator.run(FUNCTION, event(1, 2, 3, 4))

    assert (answer["error"], emulator.advanced) == (True, 2)


def test_a_report_of_no_record_of_the_batch_has_all_come_again() -> None:
    emulator = Emulator([reporting(9)])

    assert emulator.run(FUNCTION, event(1, 2))["error"] is True
    assert emulator.advanced == 0


def test_a_batch_that_fails_too_often_is_given_up_and_told_of() -> None:
    emulator = Emulator([{"error": True, "body": "killed"}])

    answers = [emulator.run(FUNCTION, event(1, 2))["error"] for _ in range(3)]

    assert answers == [True, True, False]
    assert emulator.reports == [(["1", "2"], EXHAUSTED)]


def test_what_has_come_on_is_counted_anew() -> None:
    emulator = Emulator([reporting(1), reporting(2), reporting(2), reporting(2)])

    for places in [(1, 2), (1, 2), (2,), (2,)]:
        emulator.run(FUNCTION, event(*places))

    assert emulator.advanced == 1
    assert emulator.reports == [(["2"], EXHAUSTED)]


@pytest.mark.parametrize("most", [None, -1])
def test_without_a_limit_a_batch_comes_again_for_ever(most: int | None) -> None:
    emulator = Emulator([{"error": True}], most=most)

    assert all(emulator.run(FUNCTION, event(1))["error"] for _ in range(200))
    assert emulator.reports == []


def test_a_function_that_may_not_report_has_done_its_batch() -> None:
    emulator = Emulator([reporting(1)], more={"FunctionResponseTypes": []})

    assert emulator.run(FUNCTION, event(1)) == reporting(1)


def test_of_a_filtered_batch_no_record_is_passed_over() -> None:
    emulator = Emulator([reporting(2)], more={"FilterCriteria": {"Filters": []}})

    assert emulator.run(FUNCTION, event(1, 2))["error"] is True
    assert emulator.advanced == 0


@pytest.mark.parametrize(
    "other",
    [
        event(1, source="aws:sqs"),
        event(1, arn="arn:of:another"),
        {"Records": []},
        {"Records": 7},
        {"Records": ["aws:dynamodb"]},
        {"rawPath": "/v1/health"},
        ["Records"],
        None,
    ],
)
def test_other_events_are_left_alone(other: Any) -> None:
    emulator = Emulator([{"error": True, "body": ""}], most=0)

    assert emulator.run(FUNCTION, other) == {"error": True, "body": ""}
    assert emulator.run({"FunctionName": "other"}, event(1))["error"] is True
    assert emulator.reports == []
