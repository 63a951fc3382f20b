"""Write the data that an operator writes after a first deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from masking.storage.stores import Stores
from masking.storage.table import Table
from masking.tenants import authorize
from plivo_simulator import account
from stack.aws.clients import LocalAws

TENANT = "local"
API_KEY = "local-dev-key"


def write_initial_data(aws: LocalAws, outputs: Mapping[str, str]) -> None:
    """Write the simulator's credentials and one API key with every scope."""
    aws.client("secretsmanager").put_secret_value(
        SecretId=outputs["CarrierSecretArn"],
        SecretString=json.dumps(
            {"auth_id": account.AUTH_ID, "auth_token": account.AUTH_TOKEN}
        ),
    )
    retention = timedelta(days=int(outputs["RetentionDays"]))
    table = Table(aws.client("dynamodb"), outputs["TableName"], retention)
    authorize.issue(
        Stores(table),
        key=API_KEY,
        tenant_id=TENANT,
        scopes=authorize.SCOPES,
        created_at=datetime.now(UTC),
    )
