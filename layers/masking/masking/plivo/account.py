"""Plivo's account beside its masking sessions: call records, numbers, applications.

Names and types are those of plivo-contract 1.4, 3.1 and 5; what comes out is clean.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from masking.core import amounts, numbers
from masking.plivo import answers
from masking.plivo.errors import CarrierAnswerInvalidError, CarrierRefusedError

if TYPE_CHECKING:
    from masking.plivo.client import Carrier


CALL = re.compile(r"/Call/([0-9A-Fa-f-]{36})/?$")
APPLICATION = re.compile(r"/Application/([0-9]+)/?$")

# Plivo's largest page.
PAGE = 20
MOST_PAGES = 500


@dataclass(frozen=True)
class Number:
    """A rented number: with its application, if it has one, and whose it is."""

    number: str
    country: str
    voice: bool
    app_id: str | None
    subaccount: str | None


@dataclass(frozen=True)
class Application:
    """What answers a number by itself."""

    app_id: str
    name: str
    answer_url: str
    answer_method: str
    fallback_url: str = ""


@dataclass(frozen=True)
class AnswerUrls:
    """What an application asks: *answer*, and where that fails *fallback*.

    Both are asked by POST, because a GET has the caller's number in its address.
    *retries* is the fragment that says how often and how long each is tried; it is
    neither sent nor signed (plivo-contract 4.2).
    """

    answer: str
    fallback: str
    retries: str = ""

    def fields(self, *, with_retries: bool) -> dict[str, str]:
        """Return them as an application's fields."""
        fragment = f"#{self.retries}" if self.retries and with_retries else ""
        return {
            "answer_url": self.answer + fragment,
            "answer_method": "POST",
            "fallback_answer_url": self.fallback + fragment,
            "fallback_method": "POST",
        }

    def are_in(self, application: Application) -> bool:
        """Return whether an application asks both, however often it tries them."""
        answer = application.answer_url.partition("#")[0]
        fallback = application.fallback_url.partition("#")[0]
        has = answer, application.answer_method
        return has == (self.answer, "POST") and fallback == self.fallback


class Account:
    """Plivo's account. Every method raises the CarrierError that fits."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def leg(self, resource_url: str | None) -> dict[str, Any] | None:
        """Fetch the record of a leg; None if there is none.

        It has `call_uuid`, and as Plivo knows them `duration`, `billed_duration`,
        `amount`, `hangup_cause`, `hangup_cause_code`, `hangup_source`, `answer_time`
        and `end_time`; nobody's number. Of the URL the UUID alone is used.
        """
        match = CALL.search(resource_url or "")
        if not match:
            return None
        call_uuid = str(uuid.UUID(match[1]))
        record = self._carrier.ask("GET", "Call", call_uuid)
        return {"call_uuid": call_uuid, **answers.clean_leg(record)}

    def numbers(self) -> Iterator[Number]:
        """List the rented numbers."""
        for item in self._pages("Number"):
            number = numbers.normal_or_none(item.get("number"))
            if number is None:
                continue
            match = APPLICATION.search(str(item.get("application") or ""))
            sub = str(item.get("sub_account") or "").rstrip("/").rpartition("/")[2]
            yield Number(
                number=number,
                country=str(item.get("country") or "unknown"),
                voice=bool(item.get("voice_enabled")),
                app_id=match[1] if match else None,
                subaccount=sub or None,
            )

    def applications(self) -> Iterator[Application]:
        """List the applications."""
        for item in self._pages("Application"):
            yield Application(
                app_id=str(item.get("app_id")),
                name=str(item.get("app_name") or ""),
                answer_url=str(item.get("answer_url") or ""),
                answer_method=str(item.get("answer_method") or "POST").upper(),
                fallback_url=str(item.get("fallback_answer_url") or ""),
            )

    def create_application(self, name: str, urls: AnswerUrls) -> str:
        """Create an application that asks *urls*; return its id.

        *name* is of letters, digits, `-` and `_`.
        """
        answer = self._write_application([], {"app_name": name}, urls)
        if not answer.get("app_id"):
            raise CarrierAnswerInvalidError
        return str(answer["app_id"])

    def change_application(self, app_id: str, urls: AnswerUrls) -> None:
        """Let an application ask *urls* from now on."""
        self._write_application([app_id], {}, urls)

    def _write_application(
        self, path: Sequence[str], fields: Mapping[str, str], urls: AnswerUrls
    ) -> Mapping[str, Any]:
        """Write an application; without fragments where Plivo takes none.

        They are documented for its console; for its API it is not known.
        """

        def write(*, with_retries: bool) -> Mapping[str, Any]:
            data = {**fields, **urls.fields(with_retries=with_retries)}
            answer: Mapping[str, Any]
            answer = self._carrier.ask("POST", "Application", *path, data=data)
            return answer

        try:
            return write(with_retries=True)
        except CarrierRefusedError:
            if not urls.retries:
                raise
            return write(with_retries=False)

    def attach(self, number: str, app_id: str) -> None:
        """Let an application answer a number."""
        digits = numbers.normal(number).removeprefix("+")
        self._carrier.ask("POST", "Number", digits, data={"app_id": app_id})

    def count_sessions(self, **filters: str) -> int:
        """Count masking sessions by the filters of Plivo's listing."""
        answer = self._carrier.ask(
            "GET", "Masking", "Session", data={**filters, "limit": 1}
        )
        body = answer.get("response")
        meta = body.get("meta") if isinstance(body, dict) else None
        if not isinstance(meta, dict):
            return 0
        count = amounts.whole_number(meta.get("total_count"))
        if count is None:
            raise CarrierAnswerInvalidError
        return count

    def sessions(self, **filters: str) -> Iterator[Mapping[str, Any]]:
        """List masking sessions as Plivo has them, newest first; for operators."""
        return self._pages("Masking", "Session", **filters)

    def _pages(self, *path: str, **filters: str) -> Iterator[Mapping[str, Any]]:
        for page in range(MOST_PAGES):
            answer = self._carrier.ask(
                "GET", *path, data={**filters, "limit": PAGE, "offset": page * PAGE}
            )
            # Masking sessions are listed one level deeper than everything else.
            body = answer.get("response", answer)
            objects = body.get("objects") if isinstance(body, dict) else None
            if not isinstance(objects, list):
                raise CarrierAnswerInvalidError
            yield from objects
            meta = body.get("meta")
            if not (isinstance(meta, dict) and meta.get("next")) or not objects:
                return


def filter_time(at: datetime) -> str:
    """Format a time for Plivo's filters."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
