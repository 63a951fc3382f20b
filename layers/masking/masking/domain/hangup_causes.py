"""Plivo's hangup causes in words. New codes appear, so an unknown one has a family.

Codes and families are those of Plivo's hangup causes page (plivo-contract 2.1).
"""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[int, str] = {
    0: "no cause is known",
    1000: "the caller hung up before an answer",
    1010: "the account ran out of credit",
    2000: "the number called is not valid",
    2010: "the number called is out of service",
    2020: "there is no route to the number called",
    2030: "calls to this country are barred",
    2040: "calls to this kind of number are barred",
    2050: "calls to this destination are barred",
    2070: "the call would leave the country, which its rules forbid",
    3000: "nobody answered",
    3010: "the line was busy",
    3020: "the call was rejected",
    3030: "the caller id was not accepted",
    3130: "the call was blocked as spam",
    4000: "a party hung up",
    6000: "the call reached its time limit",
    6010: "nobody answered within the ring timeout",
    6020: "no sound came through",
}

FAMILIES: Mapping[int, str] = {
    1: "the call was cancelled",
    2: "the destination could not be reached",
    3: "the call was not answered",
    4: "a party hung up",
    5: "Plivo's system failed or was at its limit",
    6: "a time limit was reached",
    7: "Plivo could not get instructions",
    8: "Plivo's instructions were not valid",
    9: "the call ended for a special reason",
}

NORMAL = 4000
GAVE_UP = 1000
TIME_LIMIT = 6000

OUTCOMES: Mapping[int, str] = {
    0: "unknown",
    1000: "cancelled",
    3000: "no_answer",
    3010: "busy",
    3020: "rejected",
    6010: "no_answer",
}


def meaning_of(code: int | None) -> str | None:
    """Return a code in words, None without a code."""
    if code is None:
        return None
    return MEANINGS.get(code) or FAMILIES.get(code // 1000, f"Plivo's cause {code}")


def outcome_of(code: int | None) -> str:
    """Return the outcome of a call that never connected; `unknown` without a cause.

    That a party hung up says nothing of whether the other was there.
    """
    if code is None or code == NORMAL:
        return "unknown"
    return OUTCOMES.get(code, "failed")


def is_by_person(code: int | None) -> bool:
    """Return whether a leg ended because somebody hung up."""
    return code in (None, 1000, NORMAL)
