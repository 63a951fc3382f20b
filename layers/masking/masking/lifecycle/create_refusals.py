"""Explain why a session was not created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from masking.core import numbers
from masking.core.outcomes import NOT_CREATED
from masking.core.problems import (
    ProblemError,
)
from masking.plivo.errors import (
    CarrierError,
    CarrierRefusedError,
)


def refused(refusal: ProblemError) -> ProblemError:
    """Return a refusal that says that nothing has been created."""
    refusal.members["outcome"] = NOT_CREATED
    return refusal


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
