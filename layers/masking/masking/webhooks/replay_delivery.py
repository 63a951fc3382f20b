"""Send an event to its app once more, whatever became of it before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from masking.core.problems import DeliveryNotFoundError
from masking.domain import deliveries
from masking.domain.deliveries import Delivery
from masking.storage.deliveries import delivery_from, delivery_item
from masking.webhooks.event_detail import detail_of

if TYPE_CHECKING:
    from masking.storage.queues import Queue
    from masking.storage.table import Table


def replay(
    delivery_id: str, *, tenant_id: str, table: Table, queue: Queue, now: datetime
) -> Delivery:
    """Begin a delivery anew. Raises DeliveryNotFoundError if it is not the tenant's."""
    keys = deliveries.keys_in(delivery_id)
    item = table.delivery(*keys) if keys else None
    if keys is None or item is None or item["tenant_id"] != tenant_id:
        raise DeliveryNotFoundError
    whole = table.load_whole(keys[0])
    if whole is None:
        raise DeliveryNotFoundError
    renewed = deliveries.renew(delivery_from(item), now)
    table.put_delivery(*keys, delivery_item(renewed), now)
    queue.send({"detail": detail_of(renewed, whole)})
    return renewed
