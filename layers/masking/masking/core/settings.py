"""Read what the template sets, once and when first asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Generic, TypeVar

from masking.core.errors import SettingMissingError

T = TypeVar("T")


def is_function() -> bool:
    """Return whether this process is one of Lambda's."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


class Setting(Generic[T]):
    """One environment variable and how its text is read.

    Without a *default* the variable must be set and not empty; with one, an empty
    variable is as good as none unless it *may_be_empty*.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[str], T],
        default: str | None = None,
        *,
        may_be_empty: bool = False,
    ) -> None:
        self.name = name
        self.default = default
        self._read = read
        self._may_be_empty = may_be_empty

    def __get__(self, settings: Settings, _owner: type[Settings] | None = None) -> T:
        """Return the value. Raises SettingMissingError, which names the variable."""
        text = settings.environment.get(self.name)
        if text is None or (text == "" and not self._may_be_empty):
            text = self.default
        if text is None:
            message = f"The environment variable {self.name} is not set."
            raise SettingMissingError(message)
        return self._read(text)


def _url(text: str) -> str:
    return text.rstrip("/")


def _days(text: str) -> timedelta:
    return timedelta(days=int(text))


def _is_true(text: str) -> bool:
    return text == "true"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _set_of(text: str) -> frozenset[str]:
    return frozenset(_listed(text))


class Settings:
    """The settings of this function; each is read when it is asked for.

    A function's environment holds just what that function needs, so a missing
    variable is an error at the first use, with a sentence that names it.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    # What is stored where
    table_name = Setting("TABLE_NAME", str)
    bucket_name = Setting("BUCKET_NAME", str)
    bus_name = Setting("BUS_NAME", str)
    # How long a session is kept after its end, and a recording without its own rule.
    retention = Setting("RETENTION_DAYS", _days)
    recording_retention_days = Setting("RECORDING_RETENTION_DAYS", int)

    # Queues: recordings to be stored; updates and endings to be looked at once more;
    # numbers and sessions to be erased; changes to be published again; events for apps;
    # and what each had to give up.
    recording_queue_url = Setting("RECORDING_QUEUE_URL", str)
    recording_dead_letters_url = Setting("RECORDING_DEAD_LETTERS_URL", str)
    check_queue_url = Setting("CHECK_QUEUE_URL", str)
    erasure_queue_url = Setting("ERASURE_QUEUE_URL", str)
    change_queue_url = Setting("CHANGE_QUEUE_URL", str)
    change_dead_letters_url = Setting("CHANGE_DEAD_LETTERS_URL", str)
    webhook_queue_url = Setting("WEBHOOK_QUEUE_URL", str)
    webhook_dead_letters_url = Setting("WEBHOOK_DEAD_LETTERS_URL", str)

    # Secrets' ARNs: Plivo's `auth_id` and `auth_token`; the root of all keys of ours.
    carrier_secret = Setting("CARRIER_SECRET_ARN", str)
    signing_secret = Setting("SIGNING_SECRET_ARN", str)

    # Plivo's API, and how many requests a second the reconciler may send to it.
    carrier_base_url = Setting("CARRIER_BASE_URL", _url)
    carrier_requests_per_second = Setting("CARRIER_REQUESTS_PER_SECOND", float)
    # Address under which Plivo reaches us; empty: where the create came in.
    public_base_url = Setting("PUBLIC_BASE_URL", _url, "")
    # What a callback without a signature needs: `signature` or `capability`.
    webhook_auth = Setting("WEBHOOK_AUTH", str, "signature")
    # Types of events that others than our own rules want; `*` is all.
    bus_events = Setting("BUS_EVENTS", _set_of, "*", may_be_empty=True)
    # Where apps may be: `public`, or `public-and-loopback`.
    webhook_targets = Setting("WEBHOOK_TARGETS", str, "public")
    # How many wrong PINs of one caller in a day are an event.
    most_pin_guesses = Setting("PIN_GUESSING_THRESHOLD", int)

    # Recordings: hosts and origins they may be fetched from; for how many seconds one
    # that is not there yet is asked for; whether Plivo's copy goes once ours is stored.
    recording_hosts = Setting("RECORDING_HOSTS", _listed)
    recording_patience = Setting("RECORDING_RETRY_SECONDS", int)
    deletes_at_carrier = Setting("DELETE_RECORDINGS_AT_CARRIER", _is_true)

    # What a caller hears whose session is over; with a URL it is played, not spoken.
    goodbye_text = Setting("GOODBYE_TEXT", str)
    goodbye_language = Setting("GOODBYE_LANGUAGE", str)
    goodbye_play_url = Setting("GOODBYE_PLAY_URL", str, "")
    log_level = Setting("POWERTOOLS_LOG_LEVEL", str, "INFO")


def from_outputs(outputs: Mapping[str, str]) -> Settings:
    """Return the settings of a deployment, from the outputs of its template.

    Each variable of the functions is an output of the same name: `TableName` is
    `TABLE_NAME`.
    """
    return Settings(
        {
            re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): value
            for name, value in outputs.items()
        }
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings(os.environ)


# Days for which a recording may be kept. The bucket has a lifecycle rule for each,
# because S3's rules know no other ages than those written into them.
RETENTION_DAYS = (1, 7, 30, 90, 180, 365, 730, 1095, 1825, 2555, 3650)
