"""Scan everything that is kept or emitted for traces of a person."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

from masking.core import telemetry
from masking.storage.table import read_item
from tests.support.harness import Harness
from tests.support.person import MARKS, PERSON, PIN


def table_items(harness: Harness) -> list[dict[str, Any]]:
    """Read the whole table."""
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        answer = harness.dynamodb.scan(
            TableName=harness.table_name, ConsistentRead=True, **more
        )
        found += [read_item(item) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return found
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def object_versions(harness: Harness) -> list[dict[str, Any]]:
    """Read every version of every object: its key, its metadata, its bytes."""
    listed = harness.s3.list_object_versions(Bucket=harness.bucket.name)
    found = []
    for each in listed.get("Versions", []):
        place = {"Key": each["Key"], "VersionId": each["VersionId"]}
        answer = harness.s3.get_object(Bucket=harness.bucket.name, **place)
        body = answer["Body"].read().decode("latin-1")
        found.append({**place, "metadata": answer["Metadata"], "body": body})
    return found


def all_places(harness: Harness, logs: str = "") -> dict[str, str]:
    """Write out all places in which something of a person could be."""
    return {
        "table": _text(table_items(harness)),
        "bucket": _text(object_versions(harness)),
        "checks": _text(harness.check_queue.messages),
        "erasures": _text(harness.erasure_queue.messages),
        "bus": _text(harness.bus.events),
        "logs": logs,
    }


def forms_of(number: str) -> set[str]:
    """Return what shows a number in a text, in whatever form it stands there.

    With and without `+`, escaped for URLs or JSON, it has its digits; base64 has not.
    """
    national = number.removeprefix("+1")
    forms = {national}
    for text in (number, number.removeprefix("+")):
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + text.encode()).decode()
            # Only whole groups of three bytes look the same wherever they stand.
            whole = encoded[4 : (shift + len(text)) // 3 * 4]
            forms |= {whole, whole.replace("+", "-").replace("/", "_")}
    return forms


def traces(places: dict[str, str], needles: set[str]) -> list[tuple[str, str]]:
    """List where which needle is found."""
    return [
        (place, needle)
        for place, text in places.items()
        for needle in sorted(needles)
        if needle in text
    ]


# What the bus and the logs never had is looked for in the table alone.
EVERYWHERE = forms_of(PERSON) | {PIN}


def assert_nothing_is_left(harness: Harness, logs: str = "") -> None:
    """Fail if anything of the person is found."""
    places = all_places(harness, logs)
    assert traces(places, EVERYWHERE) == []
    assert traces({"table": places["table"]}, set(MARKS)) == []


@contextlib.contextmanager
def all_logs() -> Iterator[io.StringIO]:
    """Catch everything that is logged or printed."""
    caught = io.StringIO()
    _new_logger()
    with contextlib.redirect_stdout(caught), contextlib.redirect_stderr(caught):
        yield caught
    _new_logger()


def _new_logger() -> None:
    telemetry.logger.cache_clear()
    logging.Logger.manager.loggerDict.pop("maskline", None)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)
