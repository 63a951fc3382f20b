"""A callback's handler as tutorials write it, of everything that Powertools offers.

Tracer, Logger and Metrics, the resolver with validation, a boto3 resource, the
idempotency store, secrets by the parameters utility, the SDK's check of a signature.
"""

import json
import os
from typing import Annotated, Any
from urllib.parse import parse_qs

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from plivo.utils import validate_v3_signature
from pydantic import BaseModel

logger, tracer, metrics = Logger(), Tracer(), Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
store = DynamoDBPersistenceLayer(
    table_name=os.environ["TABLE_NAME"], key_attr="pk", sort_key_attr="sk"
)
config = IdempotencyConfig(event_key_jmespath="key")


class Kept(BaseModel):
    """What the callback is answered."""

    kept: bool


@tracer.capture_method
@idempotent_function(  # type: ignore[untyped-decorator]  # Powertools' has no types
    data_keyword_argument="callback", persistence_store=store, config=config
)
def keep(callback: dict[str, Any]) -> dict[str, Any]:
    """Keep a callback."""
    table.put_item(Item={"pk": callback["session"], "sk": callback["key"], **callback})
    return {"kept": True}


@app.post("/v1/plivo/sessions/<session_uuid>/<attempt>/<token>/events")
@tracer.capture_method
def on_event(
    session_uuid: Annotated[str, Path()],
    attempt: Annotated[int, Path()],
    token: Annotated[str, Path()],
) -> Kept:
    """Check the signature and keep the callback."""
    secret = json.loads(parameters.get_secret(os.environ["CARRIER_SECRET_ARN"]))
    event, headers = app.current_event, app.current_event.headers
    pairs = parse_qs(str(event.decoded_body), keep_blank_values=True)
    nonce = headers["x-plivo-signature-v3-nonce"]
    if not validate_v3_signature(
        "POST",
        os.environ["BENCH_ORIGIN"] + event.path,
        nonce,
        secret["auth_token"],
        headers["x-plivo-signature-v3"],
        pairs,
    ):
        raise PermissionError
    metrics.add_metric(name="Callback", unit=MetricUnit.Count, value=1)
    keep(callback={"session": session_uuid, "key": nonce, "attempt": attempt})
    logger.info("callback kept", extra={"token": len(token)})
    return Kept(kept=True)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer API Gateway."""
    return app.resolve(event, context)
