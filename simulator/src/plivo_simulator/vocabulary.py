"""Map moments to Plivo's event names, in each of three generations.

The current generation has one event for the end of a whole call; that of 2024 lacks
it; that of 2023 has events for initiation, ringing, completion and failure of each
leg, and none for PINs, time-outs or replaced numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

from .rules.steps import Moment

TIMED_OUT = "timed_out"
NUMBER_REPLACED = "number_replaced"
FAILED = "_failed"

_RECORDING: Mapping[str, str] = {
    Moment.RECORDING_STARTED: "SessionRecordingInitiated",
    Moment.RECORDING_COMPLETED: "SessionRecordingCompleted",
    Moment.RECORDING_FAILED: "SessionRecordingFailed",
}
_YEAR_2024: Mapping[str, str] = {
    **_RECORDING,
    Moment.FIRST_ANSWERED: "SessionFirstPartyAnswer",
    Moment.PIN_CHECKED: "SessionPinAuthenticationStatus",
    Moment.SECOND_RINGING: "SessionSecondPartyRing",
    Moment.SECOND_ANSWERED: "SessionSecondPartyAnswer",
    Moment.FIRST_ENDED: "SessionFirstPartyHangup",
    Moment.SECOND_ENDED: "SessionSecondPartyHangup",
    TIMED_OUT: "SessionTimeout",
    NUMBER_REPLACED: "SessionVirtualNumberReplaced",
}
_YEAR_2023: Mapping[str, str] = {
    **_RECORDING,
    Moment.FIRST_INITIATED: "SessionFirstPartyInitiated",
    Moment.FIRST_RINGING: "SessionFirstPartyRinging",
    Moment.NUMBER_ANSWERED: "SessionVirtualNumberAnswer",
    Moment.FIRST_ANSWERED: "SessionFirstPartyAnswer",
    Moment.SECOND_INITIATED: "SessionSecondPartyInitiated",
    Moment.SECOND_RINGING: "SessionSecondPartyRing",
    Moment.SECOND_ANSWERED: "SessionSecondPartyAnswer",
    Moment.FIRST_ENDED: "SessionFirstPartyComplete",
    Moment.SECOND_ENDED: "SessionSecondPartyComplete",
    Moment.FIRST_ENDED + FAILED: "SessionFirstPartyFailed",
    Moment.SECOND_ENDED + FAILED: "SessionSecondPartyFailed",
}
VOCABULARIES: Mapping[str, Mapping[str, str]] = {
    "current": {**_YEAR_2024, Moment.CALL_ENDED: "SessionPartiesHangup"},
    "2024": _YEAR_2024,
    "2023": _YEAR_2023,
}
RECORDING_MOMENTS = frozenset(_RECORDING)

_SWAPPED = {
    Moment.FIRST_ANSWERED: Moment.SECOND_ANSWERED,
    Moment.FIRST_ENDED: Moment.SECOND_ENDED,
    Moment.SECOND_ANSWERED: Moment.FIRST_ANSWERED,
    Moment.SECOND_ENDED: Moment.FIRST_ENDED,
    Moment.SECOND_INITIATED: Moment.FIRST_INITIATED,
    Moment.SECOND_RINGING: Moment.FIRST_RINGING,
}


def event_name(
    generation: str, moment: str, *, failed: bool = False, swapped: bool = False
) -> str | None:
    """Return the event's name, or None where the generation has no such event.

    *failed* means that the leg which ended was never answered; *swapped* names the
    parties as registered although the second one called.
    """
    vocabulary = VOCABULARIES[generation]
    if swapped and isinstance(moment, Moment):
        moment = _SWAPPED.get(moment, moment)
    return (vocabulary.get(moment + FAILED) if failed else None) or vocabulary.get(
        moment
    )
