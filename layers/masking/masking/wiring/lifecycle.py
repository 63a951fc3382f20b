"""Build the use cases of a session's life, each named as its function.

A use case is made anew for each invocation, because it holds the credentials that hold
now; what is behind it is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from masking.wiring.connections import Connections

if TYPE_CHECKING:
    from masking.callbacks.on_recording_event import OnRecordingEvent
    from masking.callbacks.on_session_event import OnSessionEvent
    from masking.core.get_health import Health
    from masking.core.times import Clock
    from masking.lifecycle.answer_call import AnswerCall
    from masking.lifecycle.check_sessions import CheckSessions
    from masking.lifecycle.create_session import CreateSession
    from masking.lifecycle.expire_session import ExpireSession
    from masking.lifecycle.expire_sessions import ExpireSessions
    from masking.lifecycle.get_session import GetSession
    from masking.lifecycle.list_events import ListEvents
    from masking.lifecycle.list_sessions import ListSessions
    from masking.lifecycle.reconcile import Reconciler
    from masking.lifecycle.reconcile_sessions import ReconcileSessions
    from masking.lifecycle.search_sessions import SearchSessions
    from masking.lifecycle.settlement import Settlement
    from masking.lifecycle.update_session import UpdateSession
    from masking.plivo.client import Carrier
    from masking.recording.announce import Announcer
    from masking.tenants.tenant_settings import TenantSettings

T = TypeVar("T")

HasTime = Callable[[], bool]

TENANT_SECONDS = 60


class LifecycleServices(Connections):
    """Use cases of sessions: their life, and Plivo's callbacks about them."""

    # Whether anything answers

    @property
    def get_health(self) -> Callable[[], Health]:
        """Return what says which version answers."""
        from masking.core.get_health import get_health

        return get_health

    # The life of a session

    @property
    def create_session(self) -> CreateSession:
        """Return what creates sessions."""
        from masking.lifecycle.create_session import CreateSession

        return CreateSession(
            stores=self.stores,
            carrier=self.carrier,
            callback_key=self.callback_key,
            now=self.now,
            settings_of=self.tenant_settings_of,
            public_base_url=self.settings.public_base_url,
        )

    @property
    def update_session(self) -> UpdateSession:
        """Return what updates sessions."""
        from masking.lifecycle.update_session import UpdateSession

        return UpdateSession(stores=self.stores, carrier=self.carrier, now=self.now)

    @property
    def expire_session(self) -> ExpireSession:
        """Return what expires a session now."""
        return self.expire_session_through(self.carrier)

    @property
    def get_session(self) -> GetSession:
        """Return what reads sessions."""
        from masking.lifecycle.get_session import GetSession

        return GetSession(stores=self.stores, now=self.now)

    @property
    def list_events(self) -> ListEvents:
        """Return what lists callbacks."""
        from masking.lifecycle.list_events import ListEvents

        return ListEvents(stores=self.stores, now=self.now)

    @property
    def list_sessions(self) -> ListSessions:
        """Return what lists sessions."""
        from masking.lifecycle.list_sessions import ListSessions

        return ListSessions(search=self.search_sessions, now=self.now)

    @property
    def search_sessions(self) -> SearchSessions:
        """Return what finds sessions."""
        from masking.lifecycle.search_sessions import SearchSessions

        return SearchSessions(
            stores=self.stores, number_key=self.number_key, now=self.now
        )

    def expire_sessions(self, has_time: HasTime) -> ExpireSessions:
        """Return the sweep; it begins with a session only while it *has_time*."""
        from masking.lifecycle.expire_sessions import ExpireSessions

        return ExpireSessions(
            stores=self.stores,
            check_queue=self.check_queue,
            now=self.now,
            has_time=has_time,
        )

    def reconcile_sessions(
        self, has_time: HasTime, seconds_left: Callable[[], float] = lambda: math.inf
    ) -> ReconcileSessions:
        """Return a reconciliation run; it asks Plivo no faster than it may.

        *seconds_left* is what the function has left.
        """
        from masking.lifecycle.number_pool import NumberPool
        from masking.lifecycle.reconcile_sessions import WORKERS, ReconcileSessions
        from masking.plivo.account import Account

        limit = self.rate_limit(seconds_left=seconds_left)
        carrier = self.limited_carrier(limit, WORKERS)
        return ReconcileSessions(
            stores=self.stores,
            reconciler=self.reconciler_through(carrier),
            number_pool=NumberPool(
                account=Account(carrier),
                now=self.now,
                keep=lambda rented: self.stores.virtual_numbers.keep(
                    rented, self.now()
                ),
            ),
            rate_limit=limit,
            now=self.now,
            has_time=has_time,
            seconds_left=seconds_left,
        )

    @property
    def check_sessions(self) -> CheckSessions:
        """Return what checks sessions that a killed function may have left."""
        from masking.callbacks.call_news import CallNews
        from masking.lifecycle.call_ended import CallEnded
        from masking.lifecycle.check_sessions import CheckSessions

        return CheckSessions(
            reconciler=lambda: self.reconciler,
            call_ended=CallEnded(
                stores=self.stores, bus=self.bus, call_news=CallNews(self.stores)
            ),
        )

    @property
    def reconciler(self) -> Reconciler:
        """Return the reconciler of one session."""
        return self.reconciler_through(self.carrier)

    @property
    def answer_call(self) -> AnswerCall:
        """Return what answers callers whose session is over."""
        from masking.lifecycle.answer_call import AnswerCall

        return AnswerCall(
            public_base_url=self.settings.public_base_url,
            auth_tokens=lambda: self.auth_tokens,
            stores=lambda: self.best_effort_stores,
            now=self.now,
        )

    # Callbacks of Plivo

    @property
    def on_session_event(self) -> OnSessionEvent:
        """Return what takes callbacks of sessions."""
        from masking.callbacks.on_session_event import OnSessionEvent

        return OnSessionEvent(
            stores=self.stores,
            callback_key=self.callback_key,
            auth_tokens=self.auth_tokens,
            now=self.now,
            auth=self.settings.webhook_auth,
        )

    @property
    def on_recording_event(self) -> OnRecordingEvent:
        """Return what takes callbacks of recordings."""
        from masking.callbacks.on_recording_event import OnRecordingEvent

        return OnRecordingEvent(
            stores=self.stores,
            callback_key=self.callback_key,
            auth_tokens=self.auth_tokens,
            now=self.now,
            auth=self.settings.webhook_auth,
        )

    # Parts of more than one use case

    @property
    def announcer(self) -> Announcer:
        """Return what begins the recordings that Plivo announces."""
        from masking.recording.announce import Announcer

        return Announcer(
            stores=self.stores,
            now=self.now,
            retention_days=self.settings.recording_retention_days,
        )

    @cached_property
    def tenant_settings_of(self) -> Callable[[str], TenantSettings]:
        """Return a function that returns a tenant's settings, read once a minute."""
        from masking.tenants import tenant_settings

        return remembered(
            lambda tenant_id: tenant_settings.load(self.stores.tenants, tenant_id),
            self.now,
        )

    def reconciler_through(self, carrier: Carrier) -> Reconciler:
        """Return the reconciler of one session that asks *carrier*."""
        from masking.lifecycle.reconcile import Reconciler

        return Reconciler(
            stores=self.stores,
            carrier=carrier,
            settlement=lambda: self._settlement_through(carrier),
            callback_key=self.callback_key,
            now=self.now,
        )

    def _settlement_through(self, carrier: Carrier) -> Settlement:
        """Return what settles sessions, which needs settings that only runs have."""
        from masking.lifecycle.settlement import Settlement
        from masking.plivo.account import Account
        from masking.recording.fetch_recordings import FetchRecordings

        return Settlement(
            stores=self.stores,
            carrier=carrier,
            account=Account(carrier),
            recordings=FetchRecordings(
                stores=self.stores, carrier=carrier, announcer=self.announcer
            ),
            now=self.now,
        )

    def expire_session_through(self, carrier: Carrier) -> ExpireSession:
        """Return what expires a session now, by *carrier*."""
        from masking.lifecycle.expire_session import ExpireSession

        return ExpireSession(stores=self.stores, carrier=carrier, now=self.now)


def remembered(ask: Callable[[str], T], now: Clock) -> Callable[[str], T]:
    """Return a function that returns what *ask* does, asked once a minute at most."""
    known: dict[str, tuple[datetime, T]] = {}

    def recall(tenant_id: str) -> T:
        at = now()
        found = known.get(tenant_id)
        if found is None or at - found[0] > timedelta(seconds=TENANT_SECONDS):
            found = (at, ask(tenant_id))
            known[tenant_id] = found
        return found[1]

    return recall
