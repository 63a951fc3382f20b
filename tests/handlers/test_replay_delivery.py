"""A replay sends an event again, under its id."""

from __future__ import annotations

import pytest

from masking.core.problems import DeliveryNotFoundError
from masking.wiring import Services
from proofs.http_listener import HttpListener
from tests.support.clock import Clock, at
from tests.support.deliverer import Deliverer, event_for
from tests.support.embedded_aws import Deployment


def test_a_replay_sends_the_event_again_under_its_id(
    services: Services,
    wire: HttpListener,
    deployment: Deployment,
    clock: Clock,
) -> None:
    deliverer = Deliverer(services, clock)
    detail = event_for(services, wire.url)
    deliverer.deliver(detail)
    name = deliverer.stands(detail).delivery_id
    replaying = at(services, clock).replay_delivery

    replaying.replay(name, tenant_id="acme")

    [message] = deployment.taken(deployment.environment["WEBHOOK_QUEUE_URL"])
    again = message["detail"]
    assert {**again, "carrier_event": detail["carrier_event"]} == detail
    deliverer.deliver(again)
    assert [each.headers["webhook-id"] for each in wire.requests] == [detail["id"]] * 2
    for other in ("nonsense", name[:-1], name, ""):
        with pytest.raises(DeliveryNotFoundError):
            replaying.replay(other, tenant_id="another")
