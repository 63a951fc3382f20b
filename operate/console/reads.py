"""Read what the console shows, as rows; personal numbers are masked.

It reads with the operator's own credentials what the API's use cases read, whoever the
tenant is. Numbers are searched for, and shown only by their last digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from masking.api import delivery_views, recording_views, session_views, timeline_views
from masking.api.fields import PhoneNumber
from masking.api.gateway import UUID
from masking.api.search_requests import Search
from masking.core import key_space, numbers
from masking.domain import sessions
from masking.domain.sessions import Session
from masking.storage.deliveries import delivery_from
from masking.storage.timelines import timeline_of
from operate import numbers as pool
from operate import plivo, redrive
from operate.deployment import Deployment
from operate.failures import RefusedError
from operate.numbers import Line

# As many as fit on a screen.
MOST_SESSIONS = 50
MOST_REASONS = 10

HELP = "a session's UUID (ours or Plivo's), a tenant, or a tenant and a number"

# What of a session is shown above its timeline.
SHOWN = (
    "tenant_id",
    "status",
    "first_party",
    "second_party",
    "virtual_number",
    "created_time",
    "expiry_time",
    "ended_time",
    "ended_by",
    "carrier_session_uuid",
    "total_call_count",
    "total_session_amount",
    "labels",
    "version",
)


@dataclass(frozen=True)
class Found:
    """One session as the list shows it."""

    session_uuid: str
    tenant_id: str
    status: str
    first_party: str
    second_party: str
    virtual_number: str
    created_time: str


@dataclass(frozen=True)
class Moment:
    """One line of a timeline: when, what kind of thing, what happened."""

    at: str
    kind: str
    what: str


@dataclass(frozen=True)
class Detail:
    """A session: what it is, and what happened in it, oldest first."""

    session_uuid: str
    attributes: Mapping[str, str]
    moments: tuple[Moment, ...]


@dataclass(frozen=True)
class Pool:
    """The number pool, and what an operator should see to."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Letters:
    """A queue of dead letters: how many, and why those are dead that were looked at."""

    queue: str
    count: int
    reasons: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Alarm:
    """An alarm: its state, since when, and what it tells."""

    name: str
    state: str
    since: str
    tells: str


@dataclass(frozen=True)
class Reads:
    """Reads of one deployment."""

    deployment: Deployment

    def find(self, text: str) -> list[Found]:
        """Find sessions by what was typed, newest first.

        Raises RefusedError for what is none of `HELP`.
        """
        services = self.deployment.services
        now = services.now()
        return [self._found(each, now) for each in self._sessions(text.split())]

    def _found(self, session: Session, now: Any) -> Found:
        view = session_views.session_view(session, now)
        return Found(
            session_uuid=session.session_uuid,
            tenant_id=session.tenant_id,
            status=view["status"],
            first_party=_masked(view["first_party"]),
            second_party=_masked(view["second_party"]),
            virtual_number=str(session.virtual_number or ""),
            created_time=_text(view["created_time"]),
        )

    def _sessions(self, words: list[str]) -> list[Session]:
        stores = self.deployment.services.stores
        match words:
            case [word] if UUID.fullmatch(word.lower()):
                found = stores.sessions.load_state(word.lower())
                if found is None:
                    key = key_space.carrier_key(word.lower())
                    link = stores.links.get(key, key_space.LINK)
                    ours = str(link["session_uuid"]) if link else ""
                    found = stores.sessions.load_state(ours) if ours else None
                return [found] if found else []
            case [tenant]:
                return self._of_tenant(tenant, Search(limit=MOST_SESSIONS))
            case [tenant, number]:
                try:
                    asked = TypeAdapter(PhoneNumber).validate_python(number)
                except ValidationError:
                    raise RefusedError(
                        "the second word must be a number in E.164, such as "
                        "+12025550100"
                    ) from None
                return self._of_tenant(
                    tenant, Search(either_party=asked, limit=MOST_SESSIONS)
                ) or self._of_tenant(
                    tenant, Search(virtual_number=asked, limit=MOST_SESSIONS)
                )
        raise RefusedError(f"type {HELP}")

    def _of_tenant(self, tenant: str, search: Search) -> list[Session]:
        services = self.deployment.services
        if not services.stores.tenants.is_known(tenant):
            raise RefusedError(f"there is no tenant {tenant}; type {HELP}")
        return [*services.search_sessions.find(search, tenant_id=tenant).sessions]

    def session(self, session_uuid: str) -> Detail:
        """Return a session with its timeline. Raises RefusedError."""
        services = self.deployment.services
        stores, now = services.stores, services.now()
        whole = stores.sessions.load_whole(session_uuid)
        if whole is None:
            raise RefusedError(f"there is no session {session_uuid} any more")
        session = whole.session
        view = {
            **session_views.session_view(session, now),
            "tenant_id": session.tenant_id,
        }
        for name in ("first_party", "second_party"):
            view[name] = _masked(view[name])
        timeline = timeline_of(whole.callbacks, session)
        kept = {key_space.name_of(item): item for item in whole.callbacks}
        parties = sessions.parties_of(session)
        callbacks = [
            timeline_views.event_view(each, kept[each.digest], timeline, parties)
            for each in timeline.history
        ]
        calls = [timeline_views.call_view(each) for each in timeline.calls]
        recordings = recording_views.list_view(
            stores.recordings.of_session(session_uuid), now
        )["objects"]
        deliveries = [
            delivery_views.delivery_view(delivery_from(each))
            for each in stores.deliveries.of_session(session_uuid)
        ]
        moments = [
            *_of_session(view),
            *_of_calls(calls),
            *_of_callbacks(callbacks),
            *_of_recordings(recordings),
            *_of_deliveries(deliveries),
        ]
        return Detail(
            session_uuid,
            {name: _text(view.get(name)) for name in SHOWN},
            # Plivo's times are of whole seconds, ours are not.
            tuple(sorted(moments, key=lambda each: datetime.fromisoformat(each.at))),
        )

    def pool(self) -> Pool:
        """Return the number pool, as `maskline numbers list` has it."""
        tools = plivo.tools(self.deployment)
        lines = pool.pool(tools)
        return Pool(tuple(lines), tuple(pool.warnings(lines, pool.reach(tools, lines))))

    def letters(self) -> list[Letters]:
        """Return each queue of dead letters; they stay where they are."""
        return [self._letters(queue) for queue in redrive.QUEUES]

    def _letters(self, queue: str) -> Letters:
        sqs = self.deployment.client("sqs")
        url = self.deployment.outputs[redrive.dead_letters_of(queue)]
        name = "ApproximateNumberOfMessages"
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        count = int(found["Attributes"][name])
        if not count:
            return Letters(queue, 0)
        looked_at = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=MOST_REASONS,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        return Letters(queue, count, tuple(sorted({*map(redrive.why, looked_at)})))

    def alarms(self) -> list[Alarm]:
        """Return the deployment's alarms, those that ring first."""
        topic = self.deployment.outputs["AlarmsTopicArn"]
        pages = self.deployment.client("cloudwatch").get_paginator("describe_alarms")
        found = [
            Alarm(
                name=self._logical(each["AlarmName"]),
                state=each["StateValue"],
                since=_text(each["StateUpdatedTimestamp"])[:19],
                tells=each.get("AlarmDescription", ""),
            )
            for page in pages.paginate()
            for each in page["MetricAlarms"]
            if topic in each["AlarmActions"]
        ]
        return sorted(found, key=lambda each: (each.state != "ALARM", each.name))

    def _logical(self, name: str) -> str:
        """Return an alarm's name as the template and the runbook have it."""
        bare = name.removeprefix(f"{self.deployment.name}-")
        return bare.rpartition("-")[0] or bare


def _of_session(view: Mapping[str, Any]) -> Iterator[Moment]:
    told = {
        "created_time": "created at Plivo",
        "modified_time": f"changed, version {view['version']}",
        "ended_time": f"ended by {view['ended_by']}",
        "settled_time": "settled: the totals are Plivo's",
        "erased_at": "erased",
    }
    for name, what in told.items():
        # Plivo says of a session that nothing changed that it was modified when made.
        is_change = name != "modified_time" or view[name] != view["created_time"]
        if view.get(name) and is_change:
            yield Moment(str(view[name]), "session", what)


def _of_calls(calls: list[dict[str, Any]]) -> Iterator[Moment]:
    for call in calls:
        who = f"{call['caller']} to {call['callee']}"
        number = f"call {call['ordinal'] or ''}".rstrip()
        steps = {
            "started_at": f"{number} began, {who}",
            "answered_at": f"{number} answered",
            "ended_at": f"{number} ended: {call['outcome']}, "
            f"{call['talk_seconds']} s of talk, {call['certainty']}",
        }
        for name, what in steps.items():
            if call[name]:
                yield Moment(call[name], "call", what)


def _of_callbacks(callbacks: list[dict[str, Any]]) -> Iterator[Moment]:
    for each in callbacks:
        proof = each["came"].get("proof", "unknown")
        yield Moment(
            str(each["received_at"]), "callback", f"{each['name']}, proven by {proof}"
        )


def _of_recordings(recordings: list[dict[str, Any]]) -> Iterator[Moment]:
    for each in recordings:
        steps = {
            "announced_at": "announced",
            "stored_at": f"stored, {each['bytes']} bytes",
            "failed_at": f"failed: {each['failure']}",
            "deleted_at": "deleted",
        }
        for name, what in steps.items():
            if each[name]:
                what = f"{each['recording_uuid'][:8]} {what}"
                yield Moment(each[name], "recording", what)


def _of_deliveries(deliveries: list[dict[str, Any]]) -> Iterator[Moment]:
    for each in deliveries:
        answer = each["last_status"] or each["last_error"]
        said = f", last answer {answer}" if answer else ""
        tries = f"{each['attempts']} attempt{'s' if each['attempts'] != 1 else ''}"
        yield Moment(
            each["last_at"] or each["first_at"],
            "delivery",
            f"{each['type']} {each['status']} after {tries}{said}",
        )


def _masked(number: object) -> str:
    return str(numbers.masked(number)) if number else ""


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    return "" if value is None else str(value)
