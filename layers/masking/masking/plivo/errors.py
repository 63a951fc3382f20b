"""Failures of Plivo, as problem documents.

CarrierError
├── CarrierRefusedError              422 carrier_refused_request
├── PinsInUseError                   409 pins_in_use
├── CarrierSessionMissingError       502 carrier_session_missing
├── CarrierCredentialsRefusedError   502 carrier_credentials_refused
├── CarrierSecretUnreadableError     502 carrier_credentials_refused
├── CarrierForbiddenError            502 carrier_forbidden
├── CarrierUnreachableError          502 carrier_unreachable
├── CarrierFailedError               502 carrier_failed
├── CarrierAnswerInvalidError        502 carrier_answer_invalid
├── CarrierThrottledError            503 carrier_throttled
├── NumberPoolExhaustedError         503 number_pool_exhausted
└── CarrierTimeoutError              504 carrier_timeout
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from masking.core import numbers
from masking.core.problems import InvalidRequestError, ProblemError


class CarrierError(ProblemError):
    """Plivo did not do as asked.

    `may_have_acted` says whether Plivo may nevertheless have carried the request
    out: true for time-outs, broken connections, 5xx and answers that can't be read.
    """

    status = HTTPStatus.BAD_GATEWAY
    is_of_carrier = True
    may_have_acted: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: int | None = None,
        carrier_status: int | None = None,
        **members: Any,
    ) -> None:
        if carrier_status is not None:
            members["carrier_status"] = carrier_status
        super().__init__(detail, retry_after=retry_after, **members)
        self.carrier_status = carrier_status


class CarrierRefusedError(CarrierError):
    """Plivo found something wrong with the request that our rules let pass."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "carrier_refused_request"
    detail = "Plivo refused the request."


class PinsInUseError(CarrierError):
    """Plivo gave a session a virtual number on which another has one of its PINs."""

    status = HTTPStatus.CONFLICT
    code = "pins_in_use"
    is_of_carrier = False
    detail = (
        "Another session of the virtual number that Plivo chose has one of these PINs. "
        "Choose others, or longer ones."
    )


class CarrierSessionMissingError(CarrierError):
    """Plivo does not know the session."""

    code = "carrier_session_missing"
    detail = "Plivo does not know this session."


class CarrierCredentialsRefusedError(CarrierError):
    """Plivo refused the credentials in the secret, or there are none yet."""

    code = "carrier_credentials_refused"
    detail = "Plivo refused this deployment's credentials; its operator must mend them."
    metric: ClassVar[str | None] = "CarrierCredentialsRefused"


class CarrierSecretUnreadableError(CarrierCredentialsRefusedError):
    """The secret with the credentials is malformed, so Plivo was not asked.

    Whoever reads the secret logs and counts it (`CarrierSecretUnreadable`), because not
    only requests need it.
    """

    detail = "This deployment's credentials can't be read; its operator must mend them."
    metric = None


class CarrierForbiddenError(CarrierError):
    """Plivo forbids this: feature not enabled, country barred, address not allowed."""

    code = "carrier_forbidden"
    detail = "Plivo forbids this to the account."


class CarrierUnreachableError(CarrierError):
    """No connection to Plivo came about, so nothing was sent."""

    code = "carrier_unreachable"
    detail = "Plivo could not be reached; nothing was sent."


class CarrierFailedError(CarrierError):
    """Plivo failed (5xx) or the connection broke; the request may have been done."""

    code = "carrier_failed"
    detail = "Plivo failed while working on the request."
    may_have_acted = True


class CarrierAnswerInvalidError(CarrierError):
    """Plivo answered with something that is not an answer."""

    code = "carrier_answer_invalid"
    detail = "Plivo's answer could not be read."
    may_have_acted = True


class CarrierThrottledError(CarrierError):
    """Plivo's rate limit (300 requests in 5 s) is reached."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "carrier_throttled"
    detail = "Plivo's rate limit is reached."


class NumberPoolExhaustedError(CarrierError):
    """No virtual number is free for this pair. Plivo says it as a plain 400."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "number_pool_exhausted"
    detail = "No virtual number is free for this pair."
    metric = "NumberPoolExhausted"


class CarrierTimeoutError(CarrierError):
    """Plivo did not answer in time; the request may have been done."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "carrier_timeout"
    detail = "Plivo did not answer in time."
    may_have_acted = True


def explained(error: CarrierError, asked: Mapping[str, Any]) -> ProblemError:
    """Return a refusal of Plivo's as what it is: a party's number, or a limit.

    *asked* are the attributes that were sent. A number that Plivo calls invalid, and
    one of no range in use for whose country it has no virtual number, is the caller's
    mistake. Other errors are returned as they are.
    """
    if isinstance(error, CarrierRefusedError):
        named = [name for name in PARTY_NAMES if asked.get(name)]
        said = error.explanation
        blamed = [name for name in named if re.search(rf"\b{name}\b", said)]
        if blamed or SAYS_NUMBER.search(said):
            return _mistake(blamed or named, f"Plivo: {said.partition(': ')[2]}")
    if isinstance(error, NumberPoolExhaustedError):
        error.members |= limit_of(asked)
        name = PARTY_NAMES[0] if asked.get(PARTY_NAMES[0]) else PARTY_NAMES[1]
        if error.members["calling_code"] and not _is_in_use(str(asked.get(name))):
            code = error.members["calling_code"]
            return _mistake([name], f"is a number of {code} that is not in use")
    return error


PARTY_NAMES = ("first_party", "second_party")

# Undocumented, as all of Plivo's texts: that a number is none, without its attribute.
SAYS_NUMBER = re.compile(r"(?i)(invalid|not a valid|malformed)\b[^.]{0,40}\bnumber")


def _mistake(names: list[str], rule: str) -> InvalidRequestError:
    violations = [{"field": name, "rule": rule, "sent": None} for name in names]
    return InvalidRequestError(violations=violations)


def _is_in_use(number: str) -> bool:
    from masking.core import numbering

    return numbering.is_in_use(number)


def limit_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a create ran out of, without a number.

    With `geomatch` that is the numbers of the first party's country, named by its
    calling code; without it, those of the sub-account or the whole account.
    """
    geomatch = asked.get("geomatch", True)
    party = asked.get("first_party") or asked.get("second_party")
    return {
        "limited_by": "numbers_in_country" if geomatch else "numbers_of_account",
        "calling_code": numbers.calling_code(str(party)) if geomatch else None,
        "subaccount": asked.get("subaccount"),
    }


def says_pair_is_active(error: CarrierError) -> bool:
    """Return whether Plivo refused because the pair has a session already.

    Undocumented (plivo-contract 3.5): the text is all there is to go by.
    """
    said = error.explanation.lower()
    return isinstance(error, CarrierRefusedError) and "already" in said
