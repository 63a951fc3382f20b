"""All stores over one table, each made when it is first asked for.

A function imports what it asks for and nothing else.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from masking.storage.table import Table

if TYPE_CHECKING:
    from masking.storage.answered_calls import AnsweredCallStore
    from masking.storage.callback_windows import CallbackWindows
    from masking.storage.callbacks import CallbackStore
    from masking.storage.checkpoints import CheckpointStore
    from masking.storage.deliveries import DeliveryStore
    from masking.storage.due_work import DueWorkStore
    from masking.storage.endpoints import EndpointStore
    from masking.storage.erasures import ErasureStore
    from masking.storage.histories import Histories
    from masking.storage.links import LinkStore
    from masking.storage.pins import PinStore
    from masking.storage.recordings import RecordingStore
    from masking.storage.sessions import SessionStore
    from masking.storage.snapshots import SnapshotStore
    from masking.storage.tenants import TenantStore
    from masking.storage.told_calls import ToldCallStore
    from masking.storage.virtual_numbers import VirtualNumberStore


class Stores:
    """The stores over *table*."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @cached_property
    def sessions(self) -> SessionStore:
        """Return the store of sessions."""
        from masking.storage.sessions import SessionStore

        return SessionStore(self.table)

    @cached_property
    def snapshots(self) -> SnapshotStore:
        """Return the store of snapshots."""
        from masking.storage.snapshots import SnapshotStore

        return SnapshotStore(self.table)

    @cached_property
    def callbacks(self) -> CallbackStore:
        """Return the store of callbacks."""
        from masking.storage.callbacks import CallbackStore

        return CallbackStore(self.table)

    @cached_property
    def callback_windows(self) -> CallbackWindows:
        """Return what reads the callbacks around one."""
        from masking.storage.callback_windows import CallbackWindows

        return CallbackWindows(self.table, self.sessions)

    @cached_property
    def checkpoints(self) -> CheckpointStore:
        """Return the store of checkpoints of long sessions."""
        from masking.storage.checkpoints import CheckpointStore

        return CheckpointStore(self.table)

    @cached_property
    def histories(self) -> Histories:
        """Return what reads a part of a session's history."""
        from masking.storage.histories import Histories

        return Histories(self.table, self.sessions, self.checkpoints)

    @cached_property
    def told_calls(self) -> ToldCallStore:
        """Return the store of what was told of calls."""
        from masking.storage.told_calls import ToldCallStore

        return ToldCallStore(self.table)

    @cached_property
    def recordings(self) -> RecordingStore:
        """Return the store of recordings."""
        from masking.storage.recordings import RecordingStore

        return RecordingStore(self.table)

    @cached_property
    def deliveries(self) -> DeliveryStore:
        """Return the store of deliveries."""
        from masking.storage.deliveries import DeliveryStore

        return DeliveryStore(self.table)

    @cached_property
    def endpoints(self) -> EndpointStore:
        """Return the store of apps' servers."""
        from masking.storage.endpoints import EndpointStore

        return EndpointStore(self.table)

    @cached_property
    def pins(self) -> PinStore:
        """Return the store of PINs that are in use."""
        from masking.storage.pins import PinStore

        return PinStore(self.table, self.sessions)

    @cached_property
    def links(self) -> LinkStore:
        """Return the store of links."""
        from masking.storage.links import LinkStore

        return LinkStore(self.table)

    @cached_property
    def due_work(self) -> DueWorkStore:
        """Return the store of due work."""
        from masking.storage.due_work import DueWorkStore

        return DueWorkStore(self.table)

    @cached_property
    def erasures(self) -> ErasureStore:
        """Return the store of erasures."""
        from masking.storage.erasures import ErasureStore

        return ErasureStore(self.table)

    @cached_property
    def tenants(self) -> TenantStore:
        """Return the store of tenants."""
        from masking.storage.tenants import TenantStore

        return TenantStore(self.table)

    @cached_property
    def virtual_numbers(self) -> VirtualNumberStore:
        """Return the store of virtual numbers."""
        from masking.storage.virtual_numbers import VirtualNumberStore

        return VirtualNumberStore(self.table)

    @cached_property
    def answered_calls(self) -> AnsweredCallStore:
        """Return the store of calls that came once their session was over."""
        from masking.storage.answered_calls import AnsweredCallStore

        return AnsweredCallStore(self.table)
