"""Clean Plivo's answers (plivo-contract 1.3 to 1.7).

Plivo mixes types: numbers with and without `+`, integers as strings, amounts as
numbers and as strings, "" and null and absence for unset, times as Go prints them.
Here each attribute has one type, and unset ones are absent.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from masking.core import numbers
from masking.core.times import parse_go_time
from masking.domain.sessions import CarrierSession
from masking.plivo.errors import CarrierAnswerInvalidError

# Of integers and amounts, on either side of the point: more than any that is one, and
# what a table can hold.
MOST_DIGITS = 15


def clean_session(body: Mapping[str, Any]) -> CarrierSession:
    """Convert a session object of Plivo's to a clean one.

    Raises CarrierAnswerInvalidError if it has no session UUID.
    """
    try:
        session_uuid = str(uuid.UUID(str(body.get("session_uuid"))))
    except ValueError:
        raise CarrierAnswerInvalidError from None
    source = {**body, "pin_prompt_play": _either_prompt(body)}
    return CarrierSession(
        session_uuid=session_uuid,
        virtual_number=numbers.normal_or_none(body.get("virtual_number")),
        status=str(body.get("status") or "").lower(),
        created_time=parse_go_time(body.get("created_time")),
        modified_time=parse_go_time(body.get("modified_time")),
        expiry_time=parse_go_time(body.get("expiry_time")),
        duration=_integer(body.get("duration")),
        callback_url=_text(body.get("callback_url")) or "",
        recording_callback_url=_text(body.get("recording_callback_url")) or "",
        settings=dict(_cleaned(source, SETTINGS)),
        totals=dict(_cleaned(source, TOTALS)),
    )


def clean_leg(record: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a call record to a leg, without any number."""
    return dict(_cleaned({ours: record.get(theirs) for ours, theirs in LEG}, LEG_TYPES))


# Longer numbers are a mistake of the sender's.
MOST = 10**15


def _either_prompt(body: Mapping[str, Any]) -> Any:
    """Read the attribute, also under the name with a space that Plivo's page prints."""
    return body.get("pin_prompt_play") or body.get("pin_ prompt_play")


def _cleaned(
    source: Mapping[str, Any], fields: Mapping[str, Callable[[Any], Any]]
) -> Iterator[tuple[str, Any]]:
    for name, clean in fields.items():
        value = clean(source.get(name))
        if value is not None:
            yield name, value


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int)) and value != "" else None


def _truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _integer(value: Any) -> int | None:
    if type(value) is int and 0 <= value < MOST:
        return value
    # Few answers write a number in any other way.
    from masking.core import amounts

    return amounts.whole_number(value)


def _money(value: Any) -> str | None:
    """Return an amount as a decimal string; Plivo sends numbers and strings."""
    if type(value) is int and value == 0:
        return "0"
    # What is new has cost nothing: a create never comes here.
    from masking.core import amounts

    return amounts.money_text(amounts.money(value))


def _calls(value: Any) -> list[dict[str, Any]] | None:
    """Return the interactions: null, a list, or (in old samples) the string `{}`."""
    if not isinstance(value, list):
        return None
    return [dict(_cleaned(c, INTERACTION)) for c in value if isinstance(c, dict)]


def _moment(value: Any) -> str | None:
    moment = parse_go_time(value)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _seconds(value: Any) -> str | None:
    return _money(value)


SETTINGS: Mapping[str, Callable[[Any], Any]] = {
    "first_party": numbers.normal_or_none,
    "second_party": numbers.normal_or_none,
    "call_time_limit": _integer,
    "ring_timeout": _integer,
    "record": _truth,
    "record_file_format": _text,
    "initiate_call_to_first_party": _truth,
    "first_party_play_url": _text,
    "second_party_play_url": _text,
    "is_pin_authentication_required": _truth,
    "generate_pin": _truth,
    "generate_pin_length": _integer,
    "first_party_pin": _text,
    "second_party_pin": _text,
    "pin_prompt_play": _text,
    "pin_retry": _integer,
    "pin_retry_wait": _integer,
    "incorrect_pin_play": _text,
    "unknown_caller_play": _text,
    "subaccount": _text,
    "create_session_with_single_party": _truth,
    "virtual_number_cooloff_period": _integer,
    "force_pin_authentication": _truth,
}

TOTALS: Mapping[str, Callable[[Any], Any]] = {
    "duration": _integer,
    "amount": _money,
    "total_call_amount": _money,
    "total_call_count": _integer,
    "total_call_billed_duration": _integer,
    "total_session_amount": _money,
    "last_interaction_time": _moment,
    "interaction": _calls,
}

INTERACTION: Mapping[str, Callable[[Any], Any]] = {
    "start_time": _moment,
    "end_time": _moment,
    "type": _text,
    "first_party_resource_url": _text,
    "second_party_resource_url": _text,
    "recording_resource_url": _text,
    "first_party_status": _text,
    "second_party_status": _text,
    "total_call_count": _integer,
    "total_call_amount": _money,
    "call_billed_duration": _integer,
    "duration": _seconds,
}

# Our names for the attributes of a call record that are kept, and Plivo's.
LEG = (
    ("duration", "call_duration"),
    ("billed_duration", "billed_duration"),
    ("amount", "total_amount"),
    ("hangup_cause", "hangup_cause_name"),
    ("hangup_cause_code", "hangup_cause_code"),
    ("hangup_source", "hangup_source"),
    ("answer_time", "answer_time"),
    ("end_time", "end_time"),
)

LEG_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "duration": _integer,
    "billed_duration": _integer,
    "amount": _money,
    "hangup_cause": _text,
    "hangup_cause_code": _integer,
    "hangup_source": _text,
    "answer_time": _moment,
    "end_time": _moment,
}
