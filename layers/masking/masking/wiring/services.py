"""Build the other use cases: recordings, the stream, webhooks, erasure, tenants."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from masking.wiring.lifecycle import HasTime, LifecycleServices, remembered

if TYPE_CHECKING:
    from masking.core.deadlines import Lookups
    from masking.erasure.create_erasure import CreateErasure
    from masking.erasure.erase_number import EraseNumber
    from masking.erasure.get_erasure import GetErasure
    from masking.recording.delete_recording import DeleteRecording
    from masking.recording.get_recording import GetRecording
    from masking.recording.list_recordings import ListRecordings
    from masking.recording.store_recording import StoreRecording
    from masking.stream.change_publisher import ChangePublisher
    from masking.stream.publish_changes import PublishChanges
    from masking.stream.republish_changes import RepublishChanges
    from masking.tenants.authorize import Authorize
    from masking.webhooks.deliver_webhook import DeliverWebhook
    from masking.webhooks.endpoints import Endpoints
    from masking.webhooks.list_deliveries import ListDeliveries
    from masking.webhooks.replay_delivery import ReplayDelivery
    from masking.webhooks.shares import Shares

# So many numbers are erased at once (template.yaml).
ERASERS = 2


class Services(LifecycleServices):
    """What a function can work with; each part is made when it is first asked for."""

    # Recordings

    @property
    def get_recording(self) -> GetRecording:
        """Return what gives access to recordings."""
        from masking.recording.get_recording import GetRecording

        return GetRecording(
            stores=self.stores, bucket=self.bucket, bus=self.bus, now=self.now
        )

    @property
    def list_recordings(self) -> ListRecordings:
        """Return what lists recordings."""
        from masking.recording.list_recordings import ListRecordings

        return ListRecordings(stores=self.stores, now=self.now)

    @property
    def delete_recording(self) -> DeleteRecording:
        """Return what deletes recordings."""
        return self.delete_recording_by(self.delete_at_carrier)

    @property
    def store_recording(self) -> StoreRecording:
        """Return what stores recordings."""
        from masking.recording.copy_recording import CopyRecording
        from masking.recording.store_recording import StoreRecording

        deletes = self.settings.deletes_at_carrier
        return StoreRecording(
            copy=CopyRecording(
                stores=self.stores,
                bucket=self.streaming_bucket,
                media=self.media,
                now=self.now,
                delete_at_carrier=self.delete_at_carrier if deletes else None,
            ),
            delete=self.delete_recording,
            queue=self.recording_queue,
            dead_letters=self.recording_dead_letters,
            patience=self.settings.recording_patience,
        )

    # The table's stream

    @property
    def publish_changes(self) -> PublishChanges:
        """Return what publishes a batch of the stream."""
        from masking.stream.publish_changes import PublishChanges

        return PublishChanges(
            publisher=self.change_publisher,
            parked=lambda: self.change_dead_letters,
            number_key=self.number_key,
            now=self.now,
        )

    @property
    def republish_changes(self) -> RepublishChanges:
        """Return what publishes changes that were parked."""
        from masking.stream.killed_batches import KilledBatches
        from masking.stream.republish_changes import RepublishChanges

        return RepublishChanges(
            stores=self.stores,
            publisher=self.change_publisher,
            killed_batches=KilledBatches(
                stream=self.change_stream,
                publish_changes=self.publish_changes,
                dead_letters=lambda: self.change_dead_letters,
            ),
            queue=lambda: self.change_queue,
            number_key=self.number_key,
        )

    @property
    def change_publisher(self) -> ChangePublisher:
        """Return what publishes the changes of one batch."""
        from masking.callbacks.call_news import CallNews
        from masking.stream.callback_kept import CallbackKept
        from masking.stream.change_publisher import ChangePublisher
        from masking.stream.count_calls import CountCalls
        from masking.stream.erasure_changed import ErasureChanged
        from masking.stream.recording_changed import RecordingChanged
        from masking.stream.session_changed import SessionChanged
        from masking.stream.session_links import SessionLinks
        from masking.stream.session_reads import SessionReads

        reads = SessionReads(self.stores)
        call_news = CallNews(self.stores)
        links = SessionLinks(
            stores=self.stores,
            erasure_queue=self.erasure_queue,
            number_key=self.number_key,
        )
        return ChangePublisher(
            stores=self.stores,
            bus=self.bus,
            session_changed=SessionChanged(
                stores=self.stores,
                reads=reads,
                links=links,
                call_news=call_news,
                check_queue=self.check_queue,
                callback_key=self.callback_key,
                now=self.now,
            ),
            callback_kept=CallbackKept(
                stores=self.stores,
                reads=reads,
                links=links,
                announcer=self.announcer,
                call_news=call_news,
                count_calls=CountCalls(self.stores, self.now),
                check_queue=self.check_queue,
                erasure_queue=self.erasure_queue,
                number_key=self.number_key,
                most_guesses=self.settings.most_pin_guesses,
                now=self.now,
            ),
            recording_changed=RecordingChanged(
                reads=reads, erasure_queue=self.erasure_queue, now=self.now
            ),
            erasure_changed=ErasureChanged(erasure_queue=self.erasure_queue),
            settings_of=self.tenant_settings_of,
            wanted=self.settings.bus_events,
        )

    # Webhooks to apps

    @property
    def deliver_webhook(self) -> DeliverWebhook:
        """Return what delivers events to apps."""
        from masking.webhooks.deliver_webhook import DeliverWebhook

        return DeliverWebhook(
            stores=self.stores,
            queue=self.webhook_queue,
            dead_letters=self.webhook_dead_letters,
            endpoints=self.endpoints,
            shares=self.shares,
            lookups=self.lookups,
            secrets_of=self.webhook_secrets_of,
            allowed=self.settings.webhook_targets,
            now=self.now,
        )

    @property
    def list_deliveries(self) -> ListDeliveries:
        """Return what lists deliveries."""
        from masking.webhooks.list_deliveries import ListDeliveries

        return ListDeliveries(stores=self.stores, now=self.now)

    @property
    def replay_delivery(self) -> ReplayDelivery:
        """Return what replays deliveries."""
        from masking.webhooks.replay_delivery import ReplayDelivery

        return ReplayDelivery(
            stores=self.stores, queue=self.webhook_queue, now=self.now
        )

    @cached_property
    def endpoints(self) -> Endpoints:
        """Return what this process knows of the servers of apps."""
        from masking.webhooks.endpoints import Endpoints

        return Endpoints(stores=self.stores, now=self.now)

    @cached_property
    def shares(self) -> Shares:
        """Return what this process knows of how long tenants' deliveries take."""
        from masking.webhooks.shares import Shares

        return Shares(stores=self.stores, now=self.now)

    @cached_property
    def lookups(self) -> Lookups:
        """Return what looks up the servers of apps."""
        from masking.core.deadlines import Lookups

        return Lookups()

    # Erasure

    @property
    def create_erasure(self) -> CreateErasure:
        """Return what begins erasures."""
        from masking.erasure.create_erasure import CreateErasure

        return CreateErasure(
            stores=self.stores, number_key=self.number_key, now=self.now
        )

    @property
    def get_erasure(self) -> GetErasure:
        """Return what reads erasures."""
        from masking.erasure.get_erasure import GetErasure

        return GetErasure(stores=self.stores)

    def erase_number(self, has_time: HasTime) -> EraseNumber:
        """Return what erases; it begins with a session only while it *has_time*."""
        from masking.erasure.erase_number import EraseNumber
        from masking.erasure.erase_session import EraseSession

        carrier = self.limited_carrier(self.rate_limit(sharers=ERASERS))
        return EraseNumber(
            stores=self.stores,
            erase_session=EraseSession(
                stores=self.stores,
                carrier=carrier,
                reconciler=self.reconciler_through(carrier),
                expire_session=self.expire_session_through(carrier),
                delete_recording=self.delete_recording_by(carrier.delete_recording),
                callback_key=self.callback_key,
                now=self.now,
            ),
            queue=self.erasure_queue,
            number_key=self.number_key,
            now=self.now,
            has_time=has_time,
        )

    # Tenants

    @property
    def authorize(self) -> Authorize:
        """Return what finds out whose key a request carries."""
        from masking.tenants.authorize import Authorize

        return Authorize(
            stores=self.stores,
            best_effort=lambda: self.best_effort_stores,
            now=self.now,
        )

    @cached_property
    def webhook_secrets_of(self) -> Callable[[str], list[str]]:
        """Return a function that returns the secrets that sign a tenant's webhooks."""
        from masking.tenants.webhook_secrets import webhook_secrets

        return remembered(
            lambda tenant_id: webhook_secrets(self.stores, self.webhook_key, tenant_id),
            self.now,
        )

    def delete_recording_by(
        self, delete_at_carrier: Callable[[str], object]
    ) -> DeleteRecording:
        """Return what deletes recordings, at Plivo by *delete_at_carrier*."""
        from masking.recording.delete_recording import DeleteRecording

        return DeleteRecording(
            stores=self.stores,
            bucket=self.bucket,
            delete_at_carrier=delete_at_carrier,
            now=self.now,
        )
