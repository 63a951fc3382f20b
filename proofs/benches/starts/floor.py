"""The floor of a create: pydantic, and requests that are written and signed by hand.

It reads what ours reads and writes what ours writes, in the same order and over
connections that are kept, with no SDK and no rule of ours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import ssl
import time
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

Number = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]


class Create(BaseModel):
    """The body of a create."""

    first_party: Number
    second_party: Number
    session_expiry: Annotated[int, Field(ge=1)] | None = None
    call_time_limit: Annotated[int, Field(ge=1)] | None = None
    ring_timeout: Annotated[int, Field(ge=15)] | None = None
    record: bool = False
    record_file_format: str | None = None
    callback_url: str | None = None
    labels: dict[str, str] = {}


class Service:
    """One host, one connection; *context* is the one of all."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.connection = http.client.HTTPSConnection(parts.netloc, context=context)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        self.connection.request("POST", path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status}: {text[:300]!r}")
        return json.loads(text)


def _signed(service: str, host: str, target: str, body: bytes) -> dict[str, str]:
    """Return headers with Signature Version 4."""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    region = os.environ["AWS_REGION"]
    kind = "application/x-amz-json-1.0"
    names = "content-type;host;x-amz-date;x-amz-target"
    canonical = (
        f"POST\n/\n\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{at}\n"
        f"x-amz-target:{target}\n\n{names}\n{hashlib.sha256(body).hexdigest()}"
    )
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}".encode()
    signature = hmac.new(key, text, "sha256").hexdigest()
    return {
        "content-type": kind,
        "x-amz-date": at,
        "x-amz-target": target,
        "authorization": (
            f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope},"
            f"SignedHeaders={names},Signature={signature}"
        ),
    }


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Create a session: two secrets, what is known, reserve, ask Plivo, confirm."""
    asked = Create.model_validate_json(event["body"])
    context = ssl.create_default_context(cafile=os.environ["BENCH_CA"])
    aws = os.environ["AWS_ENDPOINT_URL"]
    secrets, table = Service(aws, context), Service(aws, context)

    def ask(service: str, target: str, **request: Any) -> Any:
        body = json.dumps(request).encode()
        to = table if service == "dynamodb" else secrets
        return to.post("/", body, _signed(service, to.host, target, body))

    def secret(name: str) -> str:
        asked_for = ask(
            "secretsmanager",
            "secretsmanager.GetSecretValue",
            SecretId=os.environ[name],
        )
        return str(asked_for["SecretString"])

    carrier = json.loads(secret("CARRIER_SECRET_ARN"))
    signing = secret("SIGNING_SECRET_ARN")
    name = os.environ["TABLE_NAME"]
    uuid = event["headers"]["idempotency-key"]
    key = {"pk": {"S": f"BENCH#{uuid}"}, "sk": {"S": "S"}}
    for part in ("TENANT", "NUMBER", "NUMBER2"):
        wanted = {"pk": {"S": part}, "sk": {"S": "x"}}
        ask("dynamodb", "DynamoDB_20120810.GetItem", TableName=name, Key=wanted)
    state = {**key, "state": {"S": "creating"}, "version": {"N": "1"}}
    for sort_key in ("R", "S"):
        ask(
            "dynamodb",
            "DynamoDB_20120810.PutItem",
            TableName=name,
            Item={**state, "sk": {"S": sort_key}},
            ConditionExpression="attribute_not_exists(pk)",
        )
    token = hmac.new(signing.encode(), uuid.encode(), "sha256").hexdigest()[:24]
    plivo = Service(os.environ["CARRIER_BASE_URL"], context)
    credentials = f"{carrier['auth_id']}:{carrier['auth_token']}".encode()
    body = asked.model_dump(exclude_none=True, exclude={"labels"})
    body["callback_url"] = f"https://masks.example.com/{uuid}/1/{token}/events"
    created = plivo.post(
        f"/v1/Account/{carrier['auth_id']}/Masking/Session/",
        json.dumps(body).encode(),
        {
            "content-type": "application/json",
            "authorization": "Basic " + base64.b64encode(credentials).decode(),
        },
    )
    ask(
        "dynamodb",
        "DynamoDB_20120810.PutItem",
        TableName=name,
        Item={**state, "state": {"S": "active"}, "version": {"N": "2"}},
        ConditionExpression="version = :seen",
        ExpressionAttributeValues={":seen": {"N": "1"}},
    )
    return {"statusCode": 201, "body": json.dumps(created)}
