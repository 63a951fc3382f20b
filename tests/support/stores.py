"""Stores over the table of a test, with another client or with one store replaced."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from masking.storage.stores import Stores
from masking.storage.table import Table

if TYPE_CHECKING:
    from masking.wiring import Services

RETENTION = timedelta(days=400)


def stores_over(client: Any, name: str, retention: timedelta = RETENTION) -> Stores:
    """Return stores over the table *name*."""
    return Stores(Table(client, name, retention))


def stores_with_client(stores: Stores, client: Any) -> Stores:
    """Return stores over the same table through another client."""
    return stores_over(client, stores.table.name)


def own_stores(services: Services) -> Stores:
    """Return fresh stores over the services' table, of which a test may replace one.

    `stores.sessions = Stale(stores.table)` puts a store of the test's in its place.
    """
    return Stores(services.stores.table)
