"""Links by which sessions are found, and listings of them.

| access            | request units                       |
|-------------------|-------------------------------------|
| look for a link   | 0.5 read                            |
| write a link      | 1 write                             |
| list              | 0.5 read for each 4 KB of keys      |
"""

from __future__ import annotations

from typing import Any

from masking.core.key_space import Item
from masking.storage.session_items import Listing
from masking.storage.table import Table, read_item, written_item


class LinkStore:
    """Links from numbers, labels and Plivo's sessions to sessions."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, pk: str, sk: str, **attributes: Any) -> None:
        """Write a link item; writing it twice changes nothing."""
        self._table.put({"pk": pk, "sk": sk, **attributes})

    def get(self, pk: str, sk: str) -> Item | None:
        """Read a link; None if it is not there."""
        return self._table.get(pk, sk, consistent=False)

    def has(self, pk: str, sk: str) -> bool:
        """Return whether a link is there."""
        return self.get(pk, sk) is not None

    def list_keys(
        self, listing: Listing, *, at_most: str, at_least: str, most: int
    ) -> list[str]:
        """List up to *most* keys of a listing, newest first, between two keys."""
        names = {"#place": listing.attribute, "#at": listing.sort_attribute}
        index: Any = {"IndexName": listing.index} if listing.index else {}
        answer = self._table.client.query(
            TableName=self._table.name,
            **index,
            KeyConditionExpression="#place = :place AND #at BETWEEN :least AND :most",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=written_item(
                {":place": listing.value, ":least": at_least, ":most": at_most}
            ),
            ScanIndexForward=False,
            Limit=most,
        )
        return [read_item(item)[listing.sort_attribute] for item in answer["Items"]]
