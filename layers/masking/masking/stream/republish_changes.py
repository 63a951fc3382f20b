"""Publish changes that were parked, as the table has them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from masking.core import telemetry

if TYPE_CHECKING:
    from masking.storage.stores import Stores
    from masking.stream.change_publisher import ChangePublisher


@dataclass(frozen=True)
class RepublishChanges:
    """Publishes what a redrive sends back."""

    stores: Stores
    publisher: ChangePublisher

    def work(self, parked: Mapping[str, Any]) -> None:
        """Publish one change again. Raises what publishing raises."""
        image = self.stores.table.stream_image(parked["pk"], parked["sk"])
        if image:
            self.publisher.publish(record_of(parked, image))
        telemetry.logger().info(
            "change published again", extra={"reason": parked["reason"]}
        )


def record_of(parked: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    """Rebuild the stream record of a parked change, with the item as it is now."""
    old = {**image, "status": {"S": parked["was"]}} if parked["was"] else None
    return {
        "dynamodb": {
            "Keys": {"pk": image["pk"], "sk": image["sk"]},
            "NewImage": image,
            "SequenceNumber": parked.get("place"),
            **({"OldImage": old} if old else {}),
        }
    }
