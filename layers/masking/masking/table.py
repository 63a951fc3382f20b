"""The one module that reads and writes the table; `items` knows what is in it.

| access                               | request units (items up to 1 KB)         |
|--------------------------------------|------------------------------------------|
| reserve                              | 3 write (state, its duty, request)       |
| confirm                              | 3 write (state, the duty moves)          |
| begin and finish an update           | 3 + 3 write; the duty moves to the check |
|                                      | and back, see docs/decisions.md          |
| expire                               | 3 write (state, the duty moves)          |
| settle, two fetches that agree       | 1 write for each KB of calls, 2 write    |
|                                      | (state, the duty goes)                   |
| a round of the reconciler            | 2 write                                  |
| callback                             | 1 write, 1 read                          |
| recording: announced, claimed, closed| 1 write each, 1 read before each         |
| get a session                        | 1 read for each 4 KB of state, request   |
| a wrong PIN, beside its callback     | 1 write                                  |
| due duties, none due                 | 0.5 read for each of 16 shards           |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from masking import sessions
from masking.errors import SessionTakenError, StaleStateError
from masking.items import (
    HOLD,
    LINK,
    MARKER,
    PAUSE,
    RECORDINGS,
    REQUEST,
    ROUND,
    SNAPSHOT,
    STATE,
    Item,
    Place,
    marker_key,
    read,
    recording_key,
    session_from,
    session_key,
    stamp,
    state_item,
    tenant_key,
    written,
)
from masking.recording_items import recording_from, recording_item
from masking.recordings import Recording
from masking.sessions import Session
from masking.tenant_table import TenantTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The limit of one BatchGetItem.
MOST_KEYS = 100

# For how long it is remembered that an app's server failed.
ENDPOINT_SECONDS = 7 * 86_400

# For how long it is remembered who got PINs wrong on a day.
GUESS_SECONDS = 2 * 86_400

IS_NEW = "attribute_not_exists(pk)"
IS_UNCHANGED = "version = :seen"
IS_AS_FETCHED = "fetched_at = :seen"
WAS_NEVER_FETCHED = "attribute_not_exists(fetched_at)"
IS_NOT_ERASED = "attribute_not_exists(erased)"


@dataclass(frozen=True)
class Due:
    """A session whose duty is due, as the index says (which may be stale)."""

    session_uuid: str
    due_at: str


@dataclass(frozen=True)
class Whole:
    """A session with what was asked for, and all that Plivo told of it."""

    session: Session
    callbacks: tuple[Item, ...]
    recordings: tuple[Item, ...]


class Table:
    """The table *name*; *retention* is how long a session is kept after its end.

    A session's own retention, which it has from its tenant, comes before that.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        retention: timedelta = timedelta(days=400),
    ) -> None:
        self._client = client
        self._name = name
        self._retention = retention
        self.tenants = TenantTable(client, name)

    # Sessions

    def reserve(self, session: Session) -> None:
        """Write a new session. Raises SessionTakenError if it is there already."""
        try:
            self._put(state_item(session, self._ends(session)), IS_NEW)
        except ConditionFailedError:
            raise SessionTakenError from None
        self.put_request(session)

    def put_request(self, session: Session) -> None:
        """Write what was asked for; writing it twice changes nothing."""
        lifetime = timedelta(seconds=session.asked.get("session_expiry", 0))
        ends = session.reserved_at + lifetime + sessions.REQUEST_SLACK
        self._put(
            {
                "pk": session_key(session.session_uuid),
                "sk": REQUEST,
                "asked": dict(session.asked),
                "purge_at": self._purge_at(ends, session.retention_days),
            }
        )

    def replace(self, before: Session, after: Session) -> None:
        """Write the next state. Raises StaleStateError if *before* has gone by."""
        try:
            self._put(
                state_item(after, self._ends(after)),
                IS_UNCHANGED,
                {":seen": before.version},
            )
        except ConditionFailedError:
            raise StaleStateError from None
        self._keep_request(after)

    def load(self, session_uuid: str) -> Session | None:
        """Read a session with what was asked for, consistently."""
        items = {
            item["sk"]: item
            for item in self._query(
                KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
                ExpressionAttributeValues=written(
                    {":pk": session_key(session_uuid), ":part": "A#"}
                ),
                ConsistentRead=True,
            )
        }
        if STATE not in items:
            return None
        return session_from(items[STATE], items.get(REQUEST), items.get(SNAPSHOT))

    def load_whole(self, session_uuid: str) -> Whole | None:
        """Read a session with its callbacks and recordings, consistently."""
        items = list(
            self._query(
                KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                ExpressionAttributeValues=written(
                    {":pk": session_key(session_uuid), ":first": "A#", ":last": "R#~"}
                ),
                ConsistentRead=True,
            )
        )
        parts = {item["sk"]: item for item in items}
        if STATE not in parts:
            return None
        return Whole(
            session_from(parts[STATE], parts.get(REQUEST), parts.get(SNAPSHOT)),
            tuple(item for item in items if item["sk"].startswith("E#")),
            tuple(item for item in items if item["sk"].startswith("R#")),
        )

    def load_state(self, session_uuid: str) -> Session | None:
        """Read a session without what was asked for, consistently."""
        item = self._get(session_key(session_uuid), STATE)
        return session_from(item) if item else None

    def load_states(self, session_uuids: Sequence[str]) -> list[Session]:
        """Read up to 100 sessions without what was asked for, in the order given.

        Half a request unit each: what was written in the last second may be missing.
        """
        wanted: list[Any] = [
            written({"pk": session_key(session_uuid), "sk": STATE})
            for session_uuid in session_uuids
        ]
        found: dict[str, Session] = {}
        while wanted:
            answer = self._client.batch_get_item(
                RequestItems={self._name: {"Keys": wanted}}
            )
            for item in answer["Responses"].get(self._name, []):
                session = session_from(read(item))
                found[session.session_uuid] = session
            left = answer["UnprocessedKeys"].get(self._name)
            wanted = list(left["Keys"]) if left else []
        return [found[uuid] for uuid in session_uuids if uuid in found]

    def listed(
        self, place: Place, *, at_most: str, at_least: str, most: int
    ) -> list[str]:
        """List up to *most* keys of a listing, newest first, between two keys."""
        names = {"#place": place.attribute, "#at": place.sort_attribute}
        index: Any = {"IndexName": place.index} if place.index else {}
        answer = self._client.query(
            TableName=self._name,
            **index,
            KeyConditionExpression="#place = :place AND #at BETWEEN :least AND :most",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=written(
                {":place": place.value, ":least": at_least, ":most": at_most}
            ),
            ScanIndexForward=False,
            Limit=most,
        )
        return [read(item)[place.sort_attribute] for item in answer["Items"]]

    def due(self, shard: str, now: datetime, after: Due | None = None) -> Iterator[Due]:
        """List the sessions of a shard whose duty is due, the oldest first.

        Begins behind the place of *after*, whether or not it is still there.
        """
        for item in self._query(
            IndexName="duties",
            KeyConditionExpression="duty_shard = :shard AND duty_at <= :now",
            ExpressionAttributeValues=written({":shard": shard, ":now": stamp(now)}),
            **_behind(shard, after),
        ):
            yield Due(item["pk"].removeprefix("S#"), item["duty_at"])

    # Settlement

    def snapshot(self, session_uuid: str) -> Item | None:
        """Read what Plivo last said about an expired session."""
        return self._get(session_key(session_uuid), SNAPSHOT)

    def put_snapshot(self, session: Session, item: Item, seen: str | None) -> None:
        """Keep what Plivo said; *seen* is the time of the snapshot that was read.

        Raises StaleStateError if another has been written since, or if the session
        has been erased without *session* knowing.
        """
        condition = IS_AS_FETCHED if seen else WAS_NEVER_FETCHED
        erased = {"erased": True} if session.erased_at else {}
        try:
            self._put(
                {
                    **item,
                    **erased,
                    "pk": session_key(session.session_uuid),
                    "sk": SNAPSHOT,
                    "purge_at": self._ends(session),
                },
                condition if erased else f"{condition} AND {IS_NOT_ERASED}",
                {":seen": seen} if seen else None,
            )
        except ConditionFailedError:
            raise StaleStateError from None

    # Rounds

    def begin_round(self, name: str, now: datetime, until: datetime) -> Item | None:
        """Take the lease of a round; gives where the last one stopped.

        None if somebody has it.
        """
        try:
            answer = self._client.update_item(
                TableName=self._name,
                Key=written({"pk": f"ROUND#{name}", "sk": ROUND}),
                UpdateExpression="SET lease_until = :until",
                ConditionExpression=(
                    "attribute_not_exists(lease_until) OR lease_until <= :now"
                ),
                ExpressionAttributeValues=written(
                    {":until": stamp(until), ":now": stamp(now)}
                ),
                ReturnValues="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return read(answer.get("Attributes", {}))

    def end_round(self, name: str, until: datetime, stopped: Item) -> None:
        """Give the lease back and keep where the round *stopped*."""
        with suppress(ConditionFailedError):
            self._put(
                {**stopped, "pk": f"ROUND#{name}", "sk": ROUND},
                "lease_until = :until",
                {":until": stamp(until)},
            )

    # Callbacks

    def put_callback(
        self,
        session_uuid: str,
        digest: str,
        *,
        kind: str,
        tenant_id: str,
        attempt: int,
        attributes: Mapping[str, str],
        received_at: datetime,
        came: Mapping[str, str] | None = None,
        erased: bool = False,
        retention_days: int | None = None,
    ) -> bool:
        """Keep a callback. Returns False if it is there already; changes nothing.

        *came* says how: as a form, JSON or GET, and what proved it. With *erased* it
        is of a session in which a person was forgotten, and blanked. *retention_days*
        is the session's own.
        """
        item = {
            "pk": session_key(session_uuid),
            "sk": f"E#{digest}",
            "kind": kind,
            "tenant_id": tenant_id,
            "attempt": attempt,
            "attributes": dict(attributes),
            **({"came": dict(came)} if came else {}),
            **({"erased": True} if erased else {}),
            "received_at": stamp(received_at),
            "purge_at": self._purge_at(received_at, retention_days),
        }
        try:
            self._put(item, IS_NEW)
        except ConditionFailedError:
            return False
        return True

    def callback(self, session_uuid: str, digest: str) -> Item | None:
        """Read a callback."""
        return self._get(session_key(session_uuid), f"E#{digest}")

    def callbacks(self, session_uuid: str) -> list[Item]:
        """Read all callbacks of a session, in no order that means anything."""
        return list(
            self._query(
                KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
                ExpressionAttributeValues=written(
                    {":pk": session_key(session_uuid), ":part": "E#"}
                ),
                ConsistentRead=True,
            )
        )

    # Recordings

    def recording(self, session_uuid: str, recording_uuid: str) -> Recording | None:
        """Read what is known of a recording, consistently."""
        item = self._get(session_key(session_uuid), f"R#{recording_uuid}")
        return recording_from(item) if item else None

    def recordings(self, session_uuid: str) -> list[Recording]:
        """Read all recordings of a session, in no order that means anything."""
        return [
            recording_from(item)
            for item in self._query(
                KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
                ExpressionAttributeValues=written(
                    {":pk": session_key(session_uuid), ":part": "R#"}
                ),
            )
        ]

    def add_recording(self, recording: Recording) -> bool:
        """Write a new recording; False if it is there already, and changes nothing."""
        try:
            self._put(recording_item(recording), IS_NEW)
        except ConditionFailedError:
            return False
        return True

    def replace_recording(self, before: Recording, after: Recording) -> None:
        """Write the next state. Raises StaleStateError if *before* has gone by."""
        try:
            self._put(recording_item(after), IS_UNCHANGED, {":seen": before.version})
        except ConditionFailedError:
            raise StaleStateError from None

    def link_recording(self, recording: Recording) -> None:
        """Make a recording findable by its name, for as long as it is kept."""
        link: Item = {
            "pk": recording_key(recording.recording_uuid),
            "sk": LINK,
            "session_uuid": recording.session_uuid,
        }
        if recording.expires_at:
            link["purge_at"] = int(recording.expires_at.timestamp())
        self._put(link)

    def session_of(self, recording_uuid: str) -> str | None:
        """Say whose recording it is, as its link does."""
        item = self._get(recording_key(recording_uuid), LINK, consistent=False)
        return str(item["session_uuid"]) if item else None

    def is_held(self, session_uuid: str) -> bool:
        """Say whether recordings of a session are under a legal hold."""
        return self._get(session_key(session_uuid), HOLD) is not None

    def put_hold(self, session_uuid: str, *, held: bool) -> None:
        """Put the recordings of a session under a legal hold, or let them go."""
        key = {"pk": session_key(session_uuid), "sk": HOLD}
        if held:
            self._put(key)
        else:
            self._client.delete_item(TableName=self._name, Key=written(key))

    def retention_of(self, tenant_id: str) -> int | None:
        """Give the days that a tenant's recordings are kept; None if it has no rule."""
        item = self._get(tenant_key(tenant_id), RECORDINGS, consistent=False)
        return int(item["retention_days"]) if item else None

    def put_retention(self, tenant_id: str, days: int) -> None:
        """Set the days that recordings of a tenant are kept, from now on."""
        self._put(
            {"pk": tenant_key(tenant_id), "sk": RECORDINGS, "retention_days": days}
        )

    # Deliveries to apps

    def put_delivery(
        self, session_uuid: str, event_id: str, item: Item, now: datetime
    ) -> None:
        """Write how a delivery stands."""
        self._put(
            {
                **item,
                "pk": session_key(session_uuid),
                "sk": f"W#{event_id}",
                "purge_at": self._purge_at(now, item.get("retention_days")),
            }
        )

    def load_items(
        self, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], Item]:
        """Read items by their keys, consistently, 100 in one request."""
        found: dict[tuple[str, str], Item] = {}
        left: list[Any] = [written({"pk": pk, "sk": sk}) for pk, sk in keys]
        while left:
            answer = self._client.batch_get_item(
                RequestItems={
                    self._name: {"Keys": left[:MOST_KEYS], "ConsistentRead": True}
                }
            )
            for item in map(read, answer["Responses"].get(self._name, [])):
                found[item["pk"], item["sk"]] = item
            again = answer["UnprocessedKeys"].get(self._name)
            left = left[MOST_KEYS:] + (list(again["Keys"]) if again else [])
        return found

    def delivery(self, session_uuid: str, event_id: str) -> Item | None:
        """Read a delivery."""
        return self._get(session_key(session_uuid), f"W#{event_id}")

    def deliveries(self, session_uuid: str) -> list[Item]:
        """Read all deliveries of a session."""
        return list(
            self._query(
                KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
                ExpressionAttributeValues=written(
                    {":pk": session_key(session_uuid), ":part": "W#"}
                ),
            )
        )

    def endpoint(self, endpoint: str) -> Item | None:
        """Read how an app's server fares; None if it has not failed lately."""
        return self._get(endpoint, PAUSE, consistent=False)

    def count_failure(self, endpoint: str, now: datetime) -> Item:
        """Count one more failure in a row; give how the server fares now."""
        answer = self._client.update_item(
            TableName=self._name,
            Key=written({"pk": endpoint, "sk": PAUSE}),
            UpdateExpression="ADD failures :one SET purge_at = :purge_at",
            ExpressionAttributeValues=written(
                {":one": 1, ":purge_at": int(now.timestamp()) + ENDPOINT_SECONDS}
            ),
            ReturnValues="ALL_NEW",
        )
        return read(answer["Attributes"])

    def put_pause(self, endpoint: str, until: datetime, pauses: int) -> None:
        """Leave an endpoint alone, for the time *pauses*, unless somebody just did."""
        try:
            self._client.update_item(
                TableName=self._name,
                Key=written({"pk": endpoint, "sk": PAUSE}),
                UpdateExpression="SET #until = :until, pauses = :pauses",
                ConditionExpression="attribute_not_exists(pauses) OR pauses < :pauses",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues=written(
                    {":until": stamp(until), ":pauses": pauses}
                ),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def forget_failures(self, endpoint: str) -> None:
        """Forget that an app's server failed."""
        self._client.update_item(
            TableName=self._name,
            Key=written({"pk": endpoint, "sk": PAUSE}),
            UpdateExpression="SET failures = :none REMOVE #until, pauses",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues=written({":none": 0}),
        )

    # Items of the stream that are looked at once more

    def change(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Read an item as the stream would give it."""
        answer = self._client.get_item(
            TableName=self._name, Key=written({"pk": pk, "sk": sk}), ConsistentRead=True
        )
        return dict(answer["Item"]) if "Item" in answer else None

    # PINs that were wrong

    def count_guess(self, key: str, at: datetime, digest: str, *, most: int) -> int:
        """Count a wrong PIN once; give how many there were that day, up to *most*.

        0 means that there had been as many already.
        """
        is_counted = "contains(digests, :digest)"
        is_first = "attribute_not_exists(digests)"
        try:
            answer = self._client.update_item(
                TableName=self._name,
                Key=written({"pk": key, "sk": str(at.date())}),
                UpdateExpression="ADD digests :digests SET purge_at = :purge_at",
                ConditionExpression=(
                    f"{is_first} OR size(digests) < :most OR {is_counted}"
                ),
                ExpressionAttributeValues=written(
                    {
                        ":digests": {digest},
                        ":digest": digest,
                        ":most": most,
                        ":purge_at": int(at.timestamp()) + GUESS_SECONDS,
                    }
                ),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return 0
            raise
        return len(read(answer["Attributes"])["digests"])

    # Links

    def link(self, pk: str, sk: str, **attributes: Any) -> None:
        """Write a link item; writing it twice changes nothing."""
        self._put({"pk": pk, "sk": sk, **attributes})

    def marker(self, tenant_id: str, number_hash: str) -> Item | None:
        """Read since when a number is to be forgotten, consistently."""
        return self._get(marker_key(tenant_id, number_hash), MARKER)

    def has_link(self, pk: str, sk: str) -> bool:
        """Say whether a link is there."""
        return self._get(pk, sk, consistent=False) is not None

    # Items

    def _keep_request(self, session: Session) -> None:
        """Let the request outlive a session that was extended beyond its slack."""
        if session.expiry_time is None or not session.asked:
            return
        lifetime = timedelta(seconds=session.asked.get("session_expiry", 0))
        ends = session.reserved_at + lifetime + sessions.REQUEST_SLACK
        if session.expiry_time > ends:
            self._client.update_item(
                TableName=self._name,
                Key=written({"pk": session_key(session.session_uuid), "sk": REQUEST}),
                UpdateExpression="SET purge_at = :at",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=written({":at": self._ends(session)}),
            )

    def _ends(self, session: Session) -> int:
        ends = session.expiry_time or session.reserved_at
        return self._purge_at(ends, session.retention_days)

    def _purge_at(self, ends: datetime, days: int | None = None) -> int:
        kept = self._retention if days is None else timedelta(days=days)
        return int((ends + kept).timestamp())

    # Requests to DynamoDB

    def _get(self, pk: str, sk: str, *, consistent: bool = True) -> Item | None:
        answer = self._client.get_item(
            TableName=self._name,
            Key=written({"pk": pk, "sk": sk}),
            ConsistentRead=consistent,
        )
        item = answer.get("Item")
        return read(item) if item else None

    def _query(self, **request: Any) -> Iterator[Item]:
        while True:
            answer = self._client.query(TableName=self._name, **request)
            for item in answer["Items"]:
                yield read(item)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _put(
        self,
        item: Item,
        condition: str | None = None,
        values: Item | None = None,
        names: dict[str, str] | None = None,
    ) -> None:
        request: dict[str, Any] = {}
        if condition:
            request["ConditionExpression"] = condition
        if values:
            request["ExpressionAttributeValues"] = written(values)
        if names:
            request["ExpressionAttributeNames"] = names
        try:
            self._client.put_item(TableName=self._name, Item=written(item), **request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ConditionFailedError from None
            raise


def _behind(shard: str, due: Due | None) -> dict[str, Any]:
    if due is None:
        return {}
    place = {
        "pk": session_key(due.session_uuid),
        "sk": STATE,
        "duty_shard": shard,
        "duty_at": due.due_at,
    }
    return {"ExclusiveStartKey": written(place)}


class ConditionFailedError(Exception):
    """The item is not in the state that the write asked for."""
