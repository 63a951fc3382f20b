"""Build what the functions work with. The one place where clients are made."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config

from masking.errors import StorageUnavailableError
from masking.settings import Settings, settings
from masking.table import Table

if TYPE_CHECKING:
    from masking.bucket import Bucket
    from masking.bus import Bus
    from masking.carrier import Carrier
    from masking.endpoints import Endpoints
    from masking.erasure_table import ErasureTable
    from masking.origin import Origin
    from masking.pace import Pace
    from masking.queue import Queue
    from masking.tenant_settings import TenantSettings

T = TypeVar("T")

Clock = Callable[[], datetime]

SECRET_SECONDS = 300
TENANT_SECONDS = 60

# A slow store must leave time to answer within API Gateway's 30 s.
QUICK = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"total_max_attempts": 3, "mode": "standard"},
    # The sweep works at as many shards at once.
    max_pool_connections=16,
)

# For what must not hold up who waits for something else.
HASTY = Config(connect_timeout=0.5, read_timeout=0.5, retries={"total_max_attempts": 1})


class Services:
    """What a function can work with; each is built when it is first asked for."""

    def __init__(
        self, settings: Settings, *, client: Callable[..., Any] = boto3.client
    ) -> None:
        self._settings = settings
        self._client = client

    @property
    def settings(self) -> Settings:
        """Give the settings of this function."""
        return self._settings

    @property
    def now(self) -> Clock:
        """Give the clock, in aware UTC."""
        return lambda: datetime.now(UTC)

    @cached_property
    def table(self) -> Table:
        """Give the table."""
        client = self._client("dynamodb", config=QUICK)
        return Table(client, self._settings.table_name, self._settings.retention)

    @cached_property
    def hasty_table(self) -> Table:
        """Give the table for a write that may fail: one try of a second at most."""
        client = self._client("dynamodb", config=HASTY)
        return Table(client, self._settings.table_name)

    @cached_property
    def erasure_table(self) -> ErasureTable:
        """Give the table with what only erasing does to it."""
        from masking.erasure_table import ErasureTable

        client = self._client("dynamodb", config=QUICK)
        return ErasureTable(client, self._settings.table_name, self._settings.retention)

    @cached_property
    def bucket(self) -> Bucket:
        """Give the bucket of recordings. Its client never sends a stream twice."""
        from masking.bucket import Bucket

        once = Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": 1},
            # Links are signed for this host, and must not lead through another region.
            s3={"us_east_1_regional_endpoint": "regional"},
        )
        return Bucket(self._client("s3", config=once), self._settings.bucket_name)

    @cached_property
    def recording_queue(self) -> Queue:
        """Give the queue of recordings to be stored."""
        return self._queue(self._settings.recording_queue_url)

    @cached_property
    def recording_dead_letters(self) -> Queue:
        """Give the queue of recordings that could not be stored."""
        return self._queue(self._settings.recording_dead_letters_url)

    @cached_property
    def check_queue(self) -> Queue:
        """Give the queue of updates and endings to be looked at once more."""
        return self._queue(self._settings.check_queue_url)

    @cached_property
    def change_dead_letters(self) -> Queue:
        """Give the queue of changes that could not be published."""
        return self._queue(self._settings.change_dead_letters_url)

    @cached_property
    def erasure_queue(self) -> Queue:
        """Give the queue of numbers and sessions to be erased."""
        return self._queue(self._settings.erasure_queue_url)

    @cached_property
    def webhook_queue(self) -> Queue:
        """Give the queue of events to be delivered to apps."""
        return self._queue(self._settings.webhook_queue_url)

    @cached_property
    def webhook_dead_letters(self) -> Queue:
        """Give the queue of events that could not be delivered."""
        return self._queue(self._settings.webhook_dead_letters_url)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Give what this process knows of the servers of apps."""
        from masking.endpoints import Endpoints

        return Endpoints(self.table, self.now)

    @cached_property
    def webhook_secrets_of(self) -> Callable[[str], list[str]]:
        """Give what gives the secrets of a tenant's webhooks, the newest first."""
        from masking import tenants

        return remembered(
            lambda tenant_id: tenants.webhook_secrets(
                self.table, self.webhook_key, tenant_id
            ),
            self.now,
        )

    @cached_property
    def tenant_settings_of(self) -> Callable[[str], TenantSettings]:
        """Give what gives a tenant's settings."""
        from masking import tenant_settings

        return remembered(
            lambda tenant_id: tenant_settings.load(self.table.tenants, tenant_id),
            self.now,
        )

    @cached_property
    def bus(self) -> Bus:
        """Give the bus."""
        from masking.bus import Bus

        return Bus(self._client("events", config=QUICK), self._settings.bus_name)

    @property
    def carrier(self) -> Carrier:
        """Give Plivo, with the credentials that hold now."""
        secret = self._carrier_secret()
        return _carrier(
            secret["auth_id"], secret["auth_token"], self._settings.carrier_base_url
        )

    def paced_carrier(self, pace: Pace) -> Carrier:
        """Give Plivo, asked no faster than *pace* allows."""
        from masking.carrier import Carrier

        secret = self._carrier_secret()
        return Carrier(
            auth_id=secret["auth_id"],
            auth_token=secret["auth_token"],
            base_url=self._settings.carrier_base_url,
            before=pace.wait,
        )

    @property
    def pace(self) -> Pace:
        """Give the reconciler's share of the requests that Plivo lets us make."""
        from masking.pace import Pace

        return Pace(self._settings.carrier_requests_per_second)

    def delete_at_carrier(self, recording_id: str) -> None:
        """Delete a recording at Plivo; what that takes is built only then."""
        self.carrier.delete_recording(recording_id)

    @property
    def origin(self) -> Origin:
        """Give the place that recordings are fetched from."""
        from masking.origin import Origin

        secret = self._carrier_secret()
        return Origin(
            self._settings.recording_hosts,
            credentials=(secret["auth_id"], secret["auth_token"]),
        )

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Give the auth tokens that Plivo may sign with, the newest first."""
        secret = self._carrier_secret()
        tokens = (secret["auth_token"], secret.get("previous_auth_token"))
        return tuple(token for token in tokens if token)

    @property
    def callback_key(self) -> bytes:
        """Give the key that tokens of callback URLs are made with."""
        return self._derived("callbacks")

    @property
    def number_key(self) -> bytes:
        """Give the key that phone numbers are hashed with."""
        return self._derived("numbers")

    @property
    def webhook_key(self) -> bytes:
        """Give the key that secrets of webhooks are derived from."""
        return self._derived("webhooks")

    @cached_property
    def _secrets(self) -> SecretsProvider:
        return SecretsProvider(
            boto3_client=self._client("secretsmanager", config=QUICK)
        )

    def _queue(self, url: str) -> Queue:
        from masking.queue import Queue

        return Queue(self._client("sqs", config=QUICK), url)

    def _carrier_secret(self) -> dict[str, Any]:
        secret: dict[str, Any] = json.loads(self._secret(self._settings.carrier_secret))
        return secret

    def _derived(self, purpose: str) -> bytes:
        root = self._secret(self._settings.signing_secret)
        return derived(root, purpose)

    def _secret(self, name: str) -> str:
        """Read a secret. Raises StorageUnavailableError if it can't be had now."""
        try:
            return str(self._secrets.get(name, max_age=SECRET_SECONDS))
        except GetParameterError as error:
            raise StorageUnavailableError(retry_after=2) from error


def remembered(ask: Callable[[str], T], now: Clock) -> Callable[[str], T]:
    """Give what *ask* gives of a tenant, asked at most once in a minute."""
    known: dict[str, tuple[datetime, T]] = {}

    def give(tenant_id: str) -> T:
        at = now()
        found = known.get(tenant_id)
        if found is None or at - found[0] > timedelta(seconds=TENANT_SECONDS):
            found = (at, ask(tenant_id))
            known[tenant_id] = found
        return found[1]

    return give


def derived(root: str, purpose: str) -> bytes:
    """Give the key for a purpose that is derived from the root of all keys."""
    return hmac.digest(root.encode(), purpose.encode(), "sha256")


@lru_cache(maxsize=2)
def _carrier(auth_id: str, auth_token: str, base_url: str) -> Carrier:
    """Keep one client for each set of credentials, so that connections are kept."""
    from masking.carrier import Carrier

    return Carrier(auth_id=auth_id, auth_token=auth_token, base_url=base_url)


@lru_cache(maxsize=1)
def services() -> Services:
    """Give the services of this process."""
    return Services(settings())
