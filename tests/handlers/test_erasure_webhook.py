"""A completed erasure is told to the URL that asked for it: sent, listed, replayed."""

from __future__ import annotations

from typing import Any

import pytest

from functions.create_erasure import app as create_erasure
from functions.list_deliveries import app as list_deliveries
from functions.publish_changes import app as publish_changes
from masking.core.problems import DeliveryNotFoundError
from masking.domain import erasures
from masking.domain.deliveries import Status
from masking.wiring import Services
from proofs.http_listener import HttpListener
from tests.support.clock import Clock, at
from tests.support.deliverer import Deliverer
from tests.support.embedded_aws import Deployment, EmbeddedAws
from tests.support.payloads import http, problem, read
from tests.support.table_stream import TableStream

NUMBER = "+12025550177"


def asked_for(**body: Any) -> dict[str, Any]:
    """Ask for the erasure of a number through the handler; return its answer."""
    event = http("create_erasure", body={"phone_number": NUMBER, **body})
    answer = create_erasure.lambda_handler(event, None)
    assert answer["statusCode"] == 202, answer["body"]
    erasure: dict[str, Any] = read(answer)["erasure"]
    return erasure


def completed(
    services: Services,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
    erasure_id: str,
) -> dict[str, Any]:
    """Complete an erasure and publish it; return the detail of its event."""
    known = services.stores.erasures.get(erasure_id)
    assert known
    services.stores.erasures.put(erasures.close(known, [], clock()))
    records = TableStream(aws, deployment).new()
    publish_changes.lambda_handler({"Records": records}, None)
    [event] = deployment.bus.events(1)
    detail: dict[str, Any] = event["detail"]
    return detail


def listed(query: str, tenant: str = "acme") -> dict[str, Any]:
    """List deliveries through the handler."""
    event = http("list_deliveries", query=query, tenant=tenant)
    answer: dict[str, Any] = list_deliveries.lambda_handler(event, None)
    return answer


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_who_asked_for_an_erasure_is_told_that_it_is_complete(
    services: Services,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
    wire: HttpListener,
    method: str,
) -> None:
    asked = asked_for(callback_url=wire.url, callback_method=method)
    deliverer = Deliverer(services, clock)

    detail = completed(services, clock, aws, deployment, asked["erasure_id"])
    assert deliverer.deliver(detail) == []

    [taken] = wire.requests
    assert (asked["callback_url"], asked["callback_method"]) == (wire.url, method)
    assert detail["webhook"] == "callback_url"
    assert taken.method == method
    assert taken.headers["webhook-id"] == detail["id"]
    sent = taken.body.decode() + taken.path
    assert asked["erasure_id"] in sent
    assert "erasure.completed" in sent
    assert "2025550177" not in sent
    assert deliverer.stands(detail).status is Status.DELIVERED


def test_without_a_url_an_erasure_is_told_on_the_bus_alone(
    services: Services, clock: Clock, aws: EmbeddedAws, deployment: Deployment
) -> None:
    asked = asked_for()

    detail = completed(services, clock, aws, deployment, asked["erasure_id"])

    assert "webhook" not in detail
    assert asked["callback_url"] is None


def test_its_delivery_is_listed_and_replayed_for_its_tenant_alone(
    services: Services,
    clock: Clock,
    aws: EmbeddedAws,
    deployment: Deployment,
    wire: HttpListener,
) -> None:
    asked = asked_for(callback_url=wire.url)
    detail = completed(services, clock, aws, deployment, asked["erasure_id"])
    deliverer = Deliverer(services, clock)
    deliverer.deliver(detail)
    query = f"erasure_id={asked['erasure_id']}"

    [shown] = read(listed(query))["objects"]

    assert shown["erasure_id"] == asked["erasure_id"]
    assert shown["session_uuid"] is None
    assert shown["type"] == "erasure.completed"
    assert problem(listed(query, tenant="other"))[1] == "erasure_not_found"
    both = f"{query}&session_uuid={asked['erasure_id']}"
    assert problem(listed(both))[1] == "invalid_request"
    replaying = at(services, clock).replay_delivery
    with pytest.raises(DeliveryNotFoundError):
        replaying.replay(shown["id"], tenant_id="other")
    replaying.replay(shown["id"], tenant_id="acme")
    [message] = deployment.taken(deployment.environment["WEBHOOK_QUEUE_URL"])
    assert message["detail"] == detail
    deliverer.deliver(message["detail"])
    assert [each.headers["webhook-id"] for each in wire.requests] == [detail["id"]] * 2
