"""Read what the template sets, once and when first asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from masking.core.errors import SettingMissingError


@dataclass(frozen=True)
class Settings:
    """Give the settings of this function; each is read when it is asked for.

    A function's environment holds just what that function needs, so a missing
    variable is an error at the first use, with a sentence that names it.
    """

    environment: os._Environ[str] | dict[str, str]

    def _required(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            message = f"The environment variable {name} is not set."
            raise SettingMissingError(message)
        return value

    @property
    def table_name(self) -> str:
        """Name of the DynamoDB table."""
        return self._required("TABLE_NAME")

    @property
    def bucket_name(self) -> str:
        """Name of the bucket of recordings."""
        return self._required("BUCKET_NAME")

    @property
    def bus_name(self) -> str:
        """Name of the EventBridge bus."""
        return self._required("BUS_NAME")

    @property
    def carrier_secret(self) -> str:
        """ARN of the secret with Plivo's `auth_id` and `auth_token`."""
        return self._required("CARRIER_SECRET_ARN")

    @property
    def signing_secret(self) -> str:
        """ARN of the secret that all keys of ours are derived from."""
        return self._required("SIGNING_SECRET_ARN")

    @property
    def carrier_base_url(self) -> str:
        """Origin of Plivo's API, without a closing slash."""
        return self._required("CARRIER_BASE_URL").rstrip("/")

    @property
    def carrier_requests_per_second(self) -> float:
        """How many requests to Plivo the reconciler may make in a second."""
        return float(self._required("CARRIER_REQUESTS_PER_SECOND"))

    @property
    def public_base_url(self) -> str:
        """Address under which Plivo reaches us; empty: where the create came in."""
        return self.environment.get("PUBLIC_BASE_URL", "").rstrip("/")

    @property
    def webhook_auth(self) -> str:
        """What a callback without a signature needs: `signature` or `capability`."""
        return self.environment.get("WEBHOOK_AUTH") or "signature"

    @property
    def recording_hosts(self) -> tuple[str, ...]:
        """Hosts and origins that recordings may be fetched from."""
        listed = self._required("RECORDING_HOSTS").split(",")
        return tuple(host.strip() for host in listed if host.strip())

    @property
    def recording_queue_url(self) -> str:
        """URL of the queue of recordings to be stored."""
        return self._required("RECORDING_QUEUE_URL")

    @property
    def check_queue_url(self) -> str:
        """URL of the queue of updates and endings to be looked at once more."""
        return self._required("CHECK_QUEUE_URL")

    @property
    def goodbye_text(self) -> str:
        """What a caller hears whose session is over."""
        return self._required("GOODBYE_TEXT")

    @property
    def goodbye_language(self) -> str:
        """Language in which that is spoken."""
        return self._required("GOODBYE_LANGUAGE")

    @property
    def goodbye_play_url(self) -> str:
        """Audio that is played instead; empty: the text is spoken."""
        return self.environment.get("GOODBYE_PLAY_URL", "")

    @property
    def recording_dead_letters_url(self) -> str:
        """URL of the queue of recordings that could not be stored."""
        return self._required("RECORDING_DEAD_LETTERS_URL")

    @property
    def recording_patience(self) -> int:
        """Seconds for which a recording that is not there yet is asked for."""
        return int(self._required("RECORDING_RETRY_SECONDS"))

    @property
    def recording_retention_days(self) -> int:
        """Days for which recordings are kept that have no rule of their own."""
        return int(self._required("RECORDING_RETENTION_DAYS"))

    @property
    def deletes_at_carrier(self) -> bool:
        """Whether a recording is deleted at Plivo once it is stored."""
        return self._required("DELETE_RECORDINGS_AT_CARRIER") == "true"

    @property
    def change_dead_letters_url(self) -> str:
        """URL of the queue of changes that could not be published."""
        return self._required("CHANGE_DEAD_LETTERS_URL")

    @property
    def erasure_queue_url(self) -> str:
        """URL of the queue of numbers and sessions to be erased."""
        return self._required("ERASURE_QUEUE_URL")

    @property
    def webhook_queue_url(self) -> str:
        """URL of the queue of events to be delivered to apps."""
        return self._required("WEBHOOK_QUEUE_URL")

    @property
    def webhook_dead_letters_url(self) -> str:
        """URL of the queue of events that could not be delivered for a day."""
        return self._required("WEBHOOK_DEAD_LETTERS_URL")

    @property
    def webhook_targets(self) -> str:
        """Where apps may be: `public`, or `public-and-loopback`."""
        return self.environment.get("WEBHOOK_TARGETS") or "public"

    @property
    def bus_events(self) -> frozenset[str]:
        """Types of events that others than our rules want; `*` is all."""
        listed = self.environment.get("BUS_EVENTS", "*").split(",")
        return frozenset(name.strip() for name in listed if name.strip())

    @property
    def most_pin_guesses(self) -> int:
        """How many wrong PINs of one caller in a day are told of."""
        return int(self._required("PIN_GUESSING_THRESHOLD"))

    @property
    def retention(self) -> timedelta:
        """How long a session is kept after its end."""
        return timedelta(days=int(self._required("RETENTION_DAYS")))


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Give the settings of this process."""
    return Settings(os.environ)
