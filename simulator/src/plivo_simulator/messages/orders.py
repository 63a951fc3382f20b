"""Read requests to send a message, refusing those that Plivo refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..account import country_of
from ..credentials import may_act_as
from ..parameters import BadParameterError, demand, integer_of, method_of, url_of
from ..store import Number, Store
from ..switches import Switches
from .records import Powerpack
from .segments import Encoded

MAX_DESTINATIONS = 1000
MAX_FILES = 10
DEFAULT_EXPIRY = 10_800
LOGS = ("true", "false", "content_only", "number_only")
# Codes of failures that are known before anything is sent.
INVALID_SOURCE, TOO_LONG = "40", "110"
_PROHIBITED = "100"
_STRIPPED = re.compile(r"[/.+()\s-]")
_DESTINATION = re.compile(r"[1-9][0-9]{5,13}")
_SOURCE = re.compile(r"[A-Za-z0-9]{1,11}|[1-9][0-9]{5,13}")


@dataclass(frozen=True, slots=True)
class Order:
    """A message to send to each of *destinations*; *invalid* are no numbers."""

    account: str
    src: str
    powerpack_uuid: str
    destinations: tuple[str, ...]
    invalid: tuple[str, ...]
    text: str
    kind: str
    media_ids: tuple[str, ...] = ()
    media_urls: tuple[str, ...] = ()
    url: str = ""
    method: str = "POST"
    log: str = "true"
    expiry: int = DEFAULT_EXPIRY
    requester_ip: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a message can't be sent: the error code that it fails with, and a text."""

    code: str
    text: str


def read_order(
    store: Store,
    switches: Switches,
    account: str,
    body: Mapping[str, Any],
    now: datetime,
    requester_ip: str = "",
) -> Order:
    """Return what *body* asks for. Raise BadParameterError as Plivo answers 400."""
    sent = {name: value for name, value in body.items() if value is not None}
    src, powerpack = _sender(store, account, sent)
    valid, invalid = _destinations(sent, src)
    kind = str(sent.get("type") or "sms")
    demand(kind in ("sms", "mms"), "type must be sms or mms")
    log = str(sent.get("log", "true")).lower()
    demand(log in LOGS, f"log must be one of {', '.join(LOGS)}")
    text = sent.get("text", "")
    demand(isinstance(text, str), "text must be a string")
    ids, urls = _media(store, switches, account, sent, now)
    if kind == "sms":
        demand(text, "text is missing")
        demand(not ids and not urls, "media needs the type mms")
    else:
        demand(text or ids or urls, "text or media is missing")
    return Order(
        account=account,
        src=src,
        powerpack_uuid=powerpack,
        destinations=valid,
        invalid=invalid,
        text=text,
        kind=kind,
        media_ids=ids,
        media_urls=urls,
        url=url_of(sent, "url", ""),
        method=method_of(sent, "method", "POST"),
        log=log,
        expiry=_expiry(sent),
        requester_ip=requester_ip,
    )


def flaw_of(
    number: Number | None, account: str, destination: str, kind: str, encoded: Encoded
) -> Flaw | None:
    """Return why a message from *number* to *destination* is bound to fail, or None.

    *number* is None for a sender that isn't rented: good where senders are free, not
    in the US and Canada.
    """
    north = country_of(destination) in ("US", "CA")
    if kind == "sms" and encoded.is_too_long:
        return Flaw(TOO_LONG, "text is too long")
    if kind == "mms" and not north:
        return Flaw(_PROHIBITED, "mms is sent to the US and Canada only")
    if number is None:
        return Flaw(INVALID_SOURCE, "src is not rented") if north else None
    rented = number.rented
    able = rented.mms if kind == "mms" else rented.sms
    if not able or not may_act_as(account, rented.account):
        return Flaw(INVALID_SOURCE, f"src is not a number of yours with {kind}")
    if north and not _is_registered(number):
        return Flaw(_PROHIBITED, "src is not registered")
    return None


def _is_registered(number: Number) -> bool:
    if number.rented.number_type == "tollfree":
        return number.verification == "VERIFIED"
    return number.rented.country != "US" or number.registration == "COMPLETED"


def _sender(store: Store, account: str, sent: Mapping[str, Any]) -> tuple[str, str]:
    src = re.sub(r"[^A-Za-z0-9]", "", str(sent.get("src") or ""))
    powerpack_uuid = str(sent.get("powerpack_uuid") or "")
    demand(src or powerpack_uuid, "src or powerpack_uuid is missing")
    both = src and powerpack_uuid
    demand(not both, "only one of src and powerpack_uuid may be sent")
    if src:
        demand(_SOURCE.fullmatch(src), "src is not valid")
        return src, ""
    powerpack = store.powerpacks.get(powerpack_uuid)
    known = powerpack is not None and may_act_as(account, powerpack.account)
    demand(known, "powerpack_uuid is not valid")
    return "", powerpack_uuid


def _destinations(
    sent: Mapping[str, Any], src: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    demand(sent.get("dst"), "dst is missing")
    valid: dict[str, None] = {}
    invalid: list[str] = []
    for text in str(sent["dst"]).split("<"):
        digits = _STRIPPED.sub("", text)
        if _DESTINATION.fullmatch(digits):
            valid[digits] = None
        else:
            invalid.append(text)
    demand(valid, "dst is not valid")
    demand(len(valid) <= MAX_DESTINATIONS, f"dst has more than {MAX_DESTINATIONS}")
    demand(src not in valid, "src and dst must be different")
    return tuple(valid), tuple(invalid)


def _media(
    store: Store,
    switches: Switches,
    account: str,
    sent: Mapping[str, Any],
    now: datetime,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ids, urls = (_texts(sent, name) for name in ("media_ids", "media_urls"))
    count = len(ids) + len(urls)
    demand(count <= MAX_FILES, f"media must be at most {MAX_FILES} files")
    for url in urls:
        url_of({"media_urls": url}, "media_urls", "")
    for media_id in ids:
        medium = store.media.get(media_id)
        for_ever = switches["media_kept"] == "for_ever"
        there = medium is not None and may_act_as(account, medium.account)
        if medium is None or not there or not medium.is_kept(now, for_ever=for_ever):
            raise BadParameterError("media_ids is not valid")
    return ids, urls


def _texts(sent: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = sent.get(name, [])
    # The documentation has a list, and a text with commas.
    items = value.split(",") if isinstance(value, str) else value
    good = isinstance(items, list) and all(isinstance(each, str) for each in items)
    demand(good, f"{name} must be a list")
    return tuple(items)


def _expiry(sent: Mapping[str, Any]) -> int:
    seconds = integer_of(sent, "message_expiry", DEFAULT_EXPIRY)
    demand(5 <= seconds <= DEFAULT_EXPIRY, "message_expiry must be 5 to 10799")
    return seconds


def sender_of(powerpack: Powerpack | None, src: str, destination: str) -> str:
    """Return the number that a message to *destination* comes from."""
    return powerpack.choose(destination) if powerpack else src
