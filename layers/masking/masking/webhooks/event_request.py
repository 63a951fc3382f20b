"""Send an event to an app, signed, all within one deadline."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from masking.core.deadlines import Deadline, Lookups
from masking.core.errors import TargetRefusedError
from masking.domain import deliveries, webhook_signing
from masking.domain.deliveries import Delivery
from masking.webhooks import ssrf_guard
from masking.webhooks.ssrf_guard import Target

USER_AGENT = "Maskline"

Send = Callable[[Target, str, Mapping[str, str], bytes | None, float], int]


def send_event(
    delivery: Delivery,
    detail: Mapping[str, Any],
    url: str,
    method: str,
    *,
    keys: Sequence[str],
    now: datetime,
    allowed: str,
    lookups: Lookups,
    send: Send,
    seconds: float,
) -> tuple[int | None, str | None]:
    """Send an event; return the status that was answered, or what went wrong.

    *keys* sign it, newest first. Whatever the app does, this ends after *seconds*.
    """
    headers = {"user-agent": USER_AGENT}
    body: bytes | None = None
    if method == "GET":
        parts = urlsplit(url)
        query = "&".join(filter(None, (parts.query, deliveries.query_of(detail))))
        url = parts._replace(query=query, fragment="").geturl()
        payload = query.encode()
    else:
        body = payload = deliveries.payload_of(detail)
        headers["content-type"] = "application/json"
    headers |= webhook_signing.headers_for(delivery.event_id, payload, keys, now)
    deadline = Deadline(seconds)
    try:
        target = ssrf_guard.vet(
            url, allowed, lambda host, port: lookups.find(host, port, deadline)
        )
        return send(target, method, headers, body, deadline.left()), None
    except TargetRefusedError:
        return None, "target_refused"
    except TimeoutError:
        return None, "timeout"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return None, type(error).__name__
