"""Connect to AWS and to Plivo. The one place where clients are made."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from masking.core import https
from masking.core.settings import Settings

if TYPE_CHECKING:
    from masking.core.times import Clock
    from masking.plivo.client import Carrier
    from masking.plivo.credentials import Credentials
    from masking.plivo.media import Media
    from masking.plivo.rate_limit import RateLimit
    from masking.storage.bucket import Bucket
    from masking.storage.bus import Bus
    from masking.storage.change_stream import ChangeStream
    from masking.storage.queues import Queue
    from masking.storage.stores import Stores

# What a name may take to be looked up.
RESOLVE_SECONDS = 5.0

SECRET_SECONDS = 300

# One request may hang for 6 s, twice its time-outs: that must fit into the time-out of
# every function, and leave time to answer. `test_time_budgets` does the sums.
QUICK = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"total_max_attempts": 2, "mode": "standard"},
)

# For what must not hold up a caller who waits for something else.
BEST_EFFORT = Config(
    connect_timeout=0.5, read_timeout=0.5, retries={"total_max_attempts": 1}
)

# A stream is never sent twice, and links are signed for the host of the region: without
# the style, boto3 signs those of every region but us-east-1 for the global host, which
# does not know a new bucket there for hours.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
STREAMING = Config(
    signature_version="s3v4",
    connect_timeout=5,
    read_timeout=60,
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)

# For links and deletions, which somebody waits for.
QUICK_BUCKET = STREAMING.merge(QUICK)


def create_client(service: str, *, config: Config) -> Any:
    """Make a client of AWS."""
    return https.session().create_client(service, config=https.lean(config))


class Connections:
    """Stores, queues, secrets and Plivo; each is made when it is first asked for.

    *client* makes a client of AWS; *now* is the clock, in aware UTC.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        client: Callable[..., Any] = create_client,
        now: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.now = now
        self._client = client
        self._secrets: dict[str, tuple[datetime, str]] = {}

    def connect(self) -> None:
        """Make the clients that nearly every request needs; nothing is sent."""
        for name in ("stores", "_read_secret"):
            getattr(self, name)

    # What is stored

    @cached_property
    def stores(self) -> Stores:
        """Return the stores over the table."""
        return self._stores(QUICK)

    @cached_property
    def best_effort_stores(self) -> Stores:
        """Return the stores for a write that may fail: one try of a second at most."""
        return self._stores(BEST_EFFORT)

    @cached_property
    def bucket(self) -> Bucket:
        """Return the bucket of recordings."""
        return self._bucket(QUICK_BUCKET)

    @cached_property
    def streaming_bucket(self) -> Bucket:
        """Return the bucket of recordings, for files as streams."""
        return self._bucket(STREAMING)

    @cached_property
    def bus(self) -> Bus:
        """Return the bus."""
        from masking.storage.bus import Bus

        return Bus(self._client("events", config=QUICK), self.settings.bus_name)

    @cached_property
    def change_stream(self) -> ChangeStream:
        """Return what reads the table's stream again."""
        from masking.storage.change_stream import ChangeStream

        return ChangeStream(self._client("dynamodbstreams", config=QUICK))

    # Queues

    @cached_property
    def recording_queue(self) -> Queue:
        """Return the queue of recordings to be stored."""
        return self._queue(self.settings.recording_queue_url)

    @cached_property
    def recording_dead_letters(self) -> Queue:
        """Return the queue of recordings that could not be stored."""
        return self._queue(self.settings.recording_dead_letters_url)

    @cached_property
    def check_queue(self) -> Queue:
        """Return the queue of updates and endings to be looked at once more."""
        return self._queue(self.settings.check_queue_url)

    @cached_property
    def change_queue(self) -> Queue:
        """Return the queue of changes to be published again."""
        return self._queue(self.settings.change_queue_url)

    @cached_property
    def change_dead_letters(self) -> Queue:
        """Return the queue of changes that could not be published."""
        return self._queue(self.settings.change_dead_letters_url)

    @cached_property
    def erasure_queue(self) -> Queue:
        """Return the queue of numbers and sessions to be erased."""
        return self._queue(self.settings.erasure_queue_url)

    @cached_property
    def webhook_queue(self) -> Queue:
        """Return the queue of events to be delivered to apps."""
        return self._queue(self.settings.webhook_queue_url)

    @cached_property
    def webhook_dead_letters(self) -> Queue:
        """Return the queue of events that could not be delivered."""
        return self._queue(self.settings.webhook_dead_letters_url)

    # Plivo

    @property
    def carrier(self) -> Carrier:
        """Return Plivo, with the credentials that hold now."""
        held = self._credentials()
        return _carrier(held.auth_id, held.auth_token, self.settings.carrier_base_url)

    def limited_carrier(self, limit: RateLimit, threads: int = 1) -> Carrier:
        """Return Plivo, asked by *threads* no faster than *limit* allows."""
        from masking.plivo.client import Carrier

        held = self._credentials()
        return Carrier(
            auth_id=held.auth_id,
            auth_token=held.auth_token,
            base_url=self.settings.carrier_base_url,
            before=limit.wait,
            threads=threads,
        )

    def rate_limit(self, *, sharers: int = 1, **more: Any) -> RateLimit:
        """Return the share of the requests that Plivo allows a function.

        *sharers* is how many of it may run at once, each with a limit of its own.
        """
        from masking.plivo.rate_limit import RateLimit

        return RateLimit(self.settings.carrier_requests_per_second / sharers, **more)

    def delete_at_carrier(self, recording_id: str) -> None:
        """Delete a recording at Plivo; what that takes is made only then."""
        self.carrier.delete_recording(recording_id)

    @property
    def media(self) -> Media:
        """Return the servers that recordings are fetched from."""
        from masking.core.deadlines import Lookups, resolve_within
        from masking.plivo.media import Media

        held = self._credentials()
        return Media(
            self.settings.recording_hosts,
            credentials=(held.auth_id, held.auth_token),
            resolve=resolve_within(RESOLVE_SECONDS, Lookups()),
        )

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Return the auth tokens that Plivo may sign with, newest first."""
        return self._credentials().auth_tokens

    # Keys of ours

    @property
    def callback_key(self) -> bytes:
        """Return the key that tokens of callback URLs are made with."""
        return self._derived("callbacks")

    @property
    def number_key(self) -> bytes:
        """Return the key that phone numbers are hashed with."""
        return self._derived("numbers")

    @property
    def webhook_key(self) -> bytes:
        """Return the key that secrets of webhooks are derived from."""
        return self._derived("webhooks")

    def _stores(self, config: Config) -> Stores:
        from masking.storage.stores import Stores
        from masking.storage.table import Table

        client = self._client("dynamodb", config=config)
        return Stores(Table(client, self.settings.table_name, self.settings.retention))

    def _bucket(self, config: Config) -> Bucket:
        from masking.storage.bucket import Bucket

        return Bucket(self._client("s3", config=config), self.settings.bucket_name)

    def _queue(self, url: str) -> Queue:
        from masking.storage.queues import Queue

        return Queue(self._client("sqs", config=QUICK), url)

    def _credentials(self) -> Credentials:
        """Read Plivo's credentials. Raises CarrierSecretUnreadableError."""
        from masking.plivo import credentials

        name = self.settings.carrier_secret
        return credentials.read_or_tell(self._secret(name), name)

    def _derived(self, purpose: str) -> bytes:
        return derived(self._secret(self.settings.signing_secret), purpose)

    def _secret(self, name: str) -> str:
        """Read a secret, kept for minutes. Raises StorageUnavailableError."""
        at = self.now()
        read_at, secret = self._secrets.get(name, (None, ""))
        if read_at is None or at - read_at >= timedelta(seconds=SECRET_SECONDS):
            try:
                secret = self._read_secret(SecretId=name)["SecretString"]
            except (BotoCoreError, ClientError) as error:
                # Rare, and so not imported with every function.
                from masking.core.problems import StorageUnavailableError

                raise StorageUnavailableError(retry_after=2) from error
            self._secrets[name] = at, secret
        return secret

    @cached_property
    def _read_secret(self) -> Callable[..., Any]:
        client = self._client("secretsmanager", config=QUICK)
        return client.get_secret_value  # type: ignore[no-any-return]


def derived(root: str, purpose: str) -> bytes:
    """Return the key for a purpose that is derived from the root of all keys."""
    return hmac.digest(root.encode(), purpose.encode(), "sha256")


@lru_cache(maxsize=2)
def _carrier(auth_id: str, auth_token: str, base_url: str) -> Carrier:
    """Keep one client for each set of credentials, so that connections are kept."""
    from masking.plivo.client import Carrier

    return Carrier(auth_id=auth_id, auth_token=auth_token, base_url=base_url)
