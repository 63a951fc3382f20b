"""Find out whether a call to a number whose session is over comes from Plivo."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from masking.api import goodbye
from masking.plivo import signature

if TYPE_CHECKING:
    from masking.api.gateway import Request


@dataclass(frozen=True)
class AnswerCall:
    """Checks requests for the answer to a call; every call gets the same answer."""

    public_base_url: str
    auth_tokens: Iterable[str]

    def is_signed(self, request: Request) -> bool:
        """Return whether Plivo sent this; others learn nothing, but are counted."""
        base = self.public_base_url or f"https://{request.domain}"
        query = f"?{request.query}" if request.query else ""
        return signature.is_valid(
            method=request.method,
            url=f"{base}{goodbye.PATH}{query}",
            # What is not in UTF-8 was not signed by Plivo as we read it.
            form=parse_qsl(
                request.body.decode("utf-8", "replace"), keep_blank_values=True
            ),
            headers=request.headers,
            auth_tokens=self.auth_tokens,
        )
