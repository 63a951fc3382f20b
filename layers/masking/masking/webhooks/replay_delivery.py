"""Send an event to its app again, whatever became of it before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from masking.core.problems import DeliveryNotFoundError
from masking.domain import deliveries, sessions
from masking.domain.deliveries import Delivery
from masking.storage.deliveries import delivery_from, delivery_item
from masking.webhooks.event_detail import detail_of

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores


@dataclass(frozen=True)
class ReplayDelivery:
    """Replays deliveries into the queue of webhooks."""

    stores: Stores
    queue: Queue
    now: Clock

    def replay(self, delivery_id: str, *, tenant_id: str) -> Delivery:
        """Begin a tenant's delivery anew. Raises DeliveryNotFoundError."""
        keys = deliveries.keys_in(delivery_id)
        item = self.stores.deliveries.get(*keys) if keys else None
        if keys is None or item is None or item["tenant_id"] != tenant_id:
            raise DeliveryNotFoundError
        now = self.now()
        renewed = deliveries.renew(delivery_from(item), now)
        whole = None
        if not renewed.is_of_erasure:
            whole = self.stores.sessions.load_whole(keys[0])
            if whole is None or sessions.is_hidden(whole.session, now):
                raise DeliveryNotFoundError
        self.stores.deliveries.put(*keys, delivery_item(renewed), now)
        self.queue.send({"detail": detail_of(renewed, whole)})
        return renewed
