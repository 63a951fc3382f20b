"""Sessions as Plivo's API answers them, clean and dirty (plivo-contract 1.3 to 1.7)."""

from __future__ import annotations

from typing import Any

AT_PLIVO = "7d1f0f3e-2b1c-4d7b-8a51-2f6e5c4b3a29"
API_ID = "3c1f7a52-9a4e-4d1b-8f0e-6b5a4c3d2e1f"


def session_object(**attributes: Any) -> dict[str, Any]:
    """Return a session object as captured traffic of 2024 shows it."""
    return {
        "first_party": "12025550100",
        "second_party": "12025550101",
        "virtual_number": "12025550180",
        "status": "active",
        "initiate_call_to_first_party": False,
        "session_uuid": AT_PLIVO,
        "callback_url": "",
        "callback_method": "POST",
        "created_time": "2026-03-01 12:00:00 +0000 UTC",
        "modified_time": "2026-03-01 12:00:00 +0000 UTC",
        "expiry_time": "2026-03-01 13:00:00 +0000 UTC",
        "duration": 3600,
        "amount": 0,
        "call_time_limit": 3600,
        "ring_timeout": 120,
        "first_party_play_url": "",
        "second_party_play_url": "",
        "record": False,
        "record_file_format": "mp3",
        "recording_callback_url": "",
        "recording_callback_method": "POST",
        "interaction": None,
        "total_call_amount": 0,
        "total_call_count": 0,
        "total_call_billed_duration": 0,
        "total_session_amount": 0,
        "last_interaction_time": "",
        "unknown_caller_play": "",
        "is_pin_authentication_required": False,
        "generate_pin": None,
        "generate_pin_length": None,
        "first_party_pin": None,
        "second_party_pin": None,
        "pin_prompt_play": None,
        "pin_retry": None,
        "pin_retry_wait": None,
        "incorrect_pin_play": None,
        **attributes,
    }


def created(**attributes: Any) -> dict[str, Any]:
    """Return the answer to a create."""
    return {
        "api_id": API_ID,
        "session_uuid": AT_PLIVO,
        "virtual_number": "+12025550180",
        "message": "Session created",
        "session": session_object(**attributes),
    }


def updated(**attributes: Any) -> dict[str, Any]:
    """Return the answer to an update."""
    return {
        "api_id": API_ID,
        "message": "Session updated",
        "session": session_object(**attributes),
    }


def fetched(**attributes: Any) -> dict[str, Any]:
    """Return the answer to a get."""
    return {"api_id": API_ID, "response": session_object(**attributes)}


def listed(
    *objects: dict[str, Any], next_page: str | None = None, total: int | None = None
) -> dict[str, Any]:
    """Return one page of a listing."""
    meta = {
        "limit": 20,
        "next": next_page,
        "offset": 0,
        "previous": None,
        "total_count": len(objects) if total is None else total,
    }
    return {"api_id": API_ID, "response": {"meta": meta, "objects": list(objects)}}


def error(text: str) -> dict[str, Any]:
    """Return the body of an error."""
    return {"api_id": API_ID, "error": text}
