"""Read the secret that holds Plivo's credentials.

It is a JSON object: `auth_id`, `auth_token` and, during a rotation, the one before as
`previous_auth_token`. An operator writes it by hand, so it can be anything.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from masking.plivo.errors import CarrierSecretUnreadableError

# What an HTTP header can carry; neither Plivo's ids nor its tokens have spaces.
TEXT = re.compile(r"[\x21-\x7e]+", re.ASCII)

SHAPE = '{"auth_id": "MA...", "auth_token": "..."}'


class CredentialsError(ValueError):
    """The secret is not what it should be; *fault* says why, without its content."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True)
class Credentials:
    """What speaks to Plivo and checks its signatures; not shown when printed."""

    auth_id: str
    auth_token: str
    previous_auth_token: str | None = None

    def __repr__(self) -> str:
        """Return nothing of what it holds."""
        return "Credentials(...)"

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Return the auth tokens that Plivo may sign with, newest first."""
        tokens = (self.auth_token, self.previous_auth_token)
        return tuple(token for token in tokens if token)


def read_or_tell(text: str, name: str) -> Credentials:
    """Read the secret *name* for a function; log, count and raise what is wrong.

    Here and not where requests end, because whatever needs the secret ends by this.
    Raises CarrierSecretUnreadableError.
    """
    try:
        return read(text)
    except CredentialsError as error:
        raise _told(name, error.fault) from None


def read(text: str) -> Credentials:
    """Read the secret. Raises CredentialsError, which holds nothing of its content."""
    try:
        secret: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsError("it is not JSON") from None
    if not isinstance(secret, dict):
        raise CredentialsError("it is JSON, but not an object")
    return Credentials(
        auth_id=_text(secret, "auth_id"),
        auth_token=_text(secret, "auth_token"),
        previous_auth_token=_text(secret, "previous_auth_token")
        if secret.get("previous_auth_token")
        else None,
    )


def _text(secret: dict[str, Any], name: str) -> str:
    value = secret.get(name)
    if value is None or value == "":
        raise CredentialsError(f"it has no {name}")
    if not isinstance(value, str):
        raise CredentialsError(f"its {name} is not a text")
    if not TEXT.fullmatch(value):
        raise CredentialsError(f"its {name} has spaces, line breaks or other signs")
    return value


def _told(name: str, fault: str) -> CarrierSecretUnreadableError:
    # Rare, and so not imported with every function.
    from masking.core import telemetry
    from masking.plivo.errors import CarrierSecretUnreadableError

    extra = {"secret": name, "fault": fault}
    telemetry.logger().error("carrier secret not readable", extra=extra)
    telemetry.count("CarrierSecretUnreadable")
    telemetry.flush()
    return CarrierSecretUnreadableError()
