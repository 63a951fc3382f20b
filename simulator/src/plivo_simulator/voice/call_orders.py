"""Read requests to make and to transfer calls, refusing those that Plivo refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..parameters import BadParameterError
from .attribute_rules import METHOD, URL
from .call_desk import Order
from .voice_call import DEFAULT_SECONDS, MAX_SECONDS, Directions, Outgoing

MAX_CALLS = 1000
_NUMBER = re.compile(r"\+?[1-9][0-9]{4,14}")
_SIP = re.compile(r"sips?:[^\s@]+@[^\s@]+")
_LEGS = ("aleg", "bleg", "both")


def read_order(account: str, body: Mapping[str, Any]) -> Order:
    """Return the calls that *body* asks for. Raise BadParameterError."""
    for name in ("from", "to", "answer_url"):
        if not body.get(name):
            raise BadParameterError(f"{name} parameter not present")
    targets = [_target(each) for each in str(body["to"]).split("<")]
    if len(targets) > MAX_CALLS:
        raise BadParameterError(f"to may have at most {MAX_CALLS} numbers")
    from_number = str(body["from"]).removeprefix("+")
    if not _NUMBER.fullmatch(from_number):
        raise BadParameterError("from is not a valid number")
    if from_number in targets:
        raise BadParameterError("from and to must be different")
    if body.get("machine_detection"):
        raise BadParameterError("the simulator has no machine_detection")
    return Order(
        account,
        from_number,
        targets,
        _directions(body),
        Outgoing(
            _seconds(body, "ring_timeout", 120),
            min(_seconds(body, "time_limit", DEFAULT_SECONDS), MAX_SECONDS),
            _seconds(body, "hangup_on_ring", 0) if body.get("hangup_on_ring") else None,
        ),
        str(body.get("caller_name") or ""),
        str(body.get("parent_call_uuid") or ""),
    )


def read_transfer(body: Mapping[str, Any]) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return which legs *body* sends on, and for each its URL and method."""
    legs = str(body.get("legs") or "aleg")
    if legs not in _LEGS:
        raise BadParameterError(f"legs must be one of {', '.join(_LEGS)}")
    named = ("aleg", "bleg") if legs == "both" else (legs,)
    urls = {}
    for name in named:
        if not body.get(f"{name}_url"):
            raise BadParameterError(f"{name}_url parameter not present")
        url = _url(body, f"{name}_url")
        urls[name] = (url, _method(body, f"{name}_method"))
    return legs, urls


def _directions(body: Mapping[str, Any]) -> Directions:
    return Directions(
        *(_url(body, "answer_url"), _method(body, "answer_method")),
        *(_url(body, "hangup_url"), _method(body, "hangup_method")),
        *(_url(body, "fallback_url"), _method(body, "fallback_method")),
        *(_url(body, "ring_url"), _method(body, "ring_method")),
    )


def _target(text: str) -> str:
    if not _NUMBER.fullmatch(text) and not _SIP.fullmatch(text):
        raise BadParameterError("to is not a valid number")
    return text.removeprefix("+")


def _url(body: Mapping[str, Any], name: str) -> str:
    try:
        url: str = URL.read(str(body[name])) if body.get(name) else ""
    except ValueError as problem:
        raise BadParameterError(f"{name} {problem}") from None
    return url


def _method(body: Mapping[str, Any], name: str) -> str:
    try:
        method: str = METHOD.read(str(body.get(name) or "POST"))
    except ValueError as problem:
        raise BadParameterError(f"{name} {problem}") from None
    return method


def _seconds(body: Mapping[str, Any], name: str, default: int) -> int:
    text = str(body.get(name) or default)
    if not text.isdigit() or len(text) > 9:
        raise BadParameterError(f"{name} must be a whole number")
    return int(text)
