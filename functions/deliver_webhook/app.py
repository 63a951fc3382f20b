"""A queue of events: deliver each to the URL that the session's app gave."""

from __future__ import annotations

from typing import Any

from masking import wiring
from masking.core import telemetry
from masking.webhooks import deliver_webhook


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Deliver a batch; report those that must come again, each in its own time."""
    services = wiring.services()
    deliverer = deliver_webhook.DeliverWebhook(
        services.table,
        services.webhook_queue,
        services.webhook_dead_letters,
        services.endpoints,
        services.webhook_secrets_of,
        services.settings.webhook_targets,
        services.now,
    )
    failed = deliverer.deliver_batch(event["Records"])
    telemetry.flush()
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
