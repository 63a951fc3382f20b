"""Define the elements that connect a leg with others: Dial, and Conference.

The ranges are those of Plivo's reference pages for Voice XML. Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from .attribute_rules import (
    BOOLEAN,
    FORMAT,
    KEY,
    KEY_PATTERNS,
    METHOD,
    NUMBER,
    SIP_HEADERS,
    SOUND,
    TEXT,
    TONES,
    URL,
    at_most,
    attribute,
    either,
    matching,
    one_of,
    whole,
)
from .causes import ACTION
from .element import Element

MAX_DIAL_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Element):
    """A phone number to dial."""

    CONTENT = NUMBER

    send_digits: str = attribute("sendDigits", TONES, "")
    send_on_preanswer: bool = attribute("sendOnPreanswer", BOOLEAN, default=False)
    send_digits_mode: str = attribute("sendDigitsMode", TEXT, "")

    @property
    def digits(self) -> str:
        """Return the number without `+` and what people write between digits."""
        return "".join(each for each in self.text if each.isdigit())


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Element):
    """A SIP endpoint to dial."""

    CONTENT = matching(r"sips?:[^\s@]+@[^\s@]+", "a SIP address")

    send_digits: str = attribute("sendDigits", TONES, "")
    send_on_preanswer: bool = attribute("sendOnPreanswer", BOOLEAN, default=False)
    sip_headers: str = attribute("sipHeaders", SIP_HEADERS, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Element):
    """Ring numbers and users at once, and connect the first that answers."""

    CHILDREN = frozenset({"Number", "User"})
    NEEDS_CHILD = True
    ASKS = ACTION

    action: str = attribute("action", URL, "")
    method: str = attribute("method", METHOD, "POST")
    redirect: bool = attribute("redirect", BOOLEAN, default=True)
    timeout: int | None = attribute("timeout", whole(1))
    time_limit: int = attribute("timeLimit", whole(1), 14_400)
    caller_id: str = attribute("callerId", NUMBER, "")
    caller_name: str | None = attribute("callerName", at_most(50))
    hangup_on_star: bool = attribute("hangupOnStar", BOOLEAN, default=False)
    confirm_sound: str = attribute("confirmSound", URL, "")
    confirm_key: str = attribute("confirmKey", KEY, "")
    confirm_timeout: int = attribute("confirmTimeout", whole(1), 120)
    dial_music: str = attribute("dialMusic", either(one_of("real"), URL), "")
    callback_url: str = attribute("callbackUrl", URL, "")
    callback_method: str = attribute("callbackMethod", METHOD, "POST")
    digits_match: str = attribute("digitsMatch", KEY_PATTERNS, "")
    digits_match_b_leg: str = attribute("digitsMatchBLeg", KEY_PATTERNS, "")
    sip_headers: str = attribute("sipHeaders", SIP_HEADERS, "")
    call_type: str = attribute("callType", one_of("voice"), "voice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference(Element):
    """Meet others in a room of this name."""

    CONTENT = matching(r"(?s)\s*\S.*", "the name of a room")
    ASKS = ACTION

    muted: bool = attribute("muted", BOOLEAN, default=False)
    enter_sound: str = attribute("enterSound", SOUND, "")
    exit_sound: str = attribute("exitSound", SOUND, "")
    start_conference_on_enter: bool = attribute(
        "startConferenceOnEnter", BOOLEAN, default=True
    )
    end_conference_on_exit: bool = attribute(
        "endConferenceOnExit", BOOLEAN, default=False
    )
    stay_alone: bool = attribute("stayAlone", BOOLEAN, default=True)
    wait_sound: str = attribute("waitSound", URL, "")
    max_members: int = attribute("maxMembers", whole(1, 20), 20)
    record: bool = attribute("record", BOOLEAN, default=False)
    record_file_format: str = attribute("recordFileFormat", FORMAT, "mp3")
    record_when_alone: bool = attribute("recordWhenAlone", BOOLEAN, default=False)
    time_limit: int = attribute("timeLimit", whole(1), 86_400)
    hangup_on_star: bool = attribute("hangupOnStar", BOOLEAN, default=False)
    action: str = attribute("action", URL, "")
    method: str = attribute("method", METHOD, "POST")
    redirect: bool = attribute("redirect", BOOLEAN, default=True)
    callback_url: str = attribute("callbackUrl", URL, "")
    callback_method: str = attribute("callbackMethod", METHOD, "POST")
    digits_match: str = attribute("digitsMatch", KEY_PATTERNS, "")
    floor_event: bool = attribute("floorEvent", BOOLEAN, default=False)
    relay_dtmf: bool = attribute("relayDTMF", BOOLEAN, default=True)
    send_digits: str = attribute("sendDigits", TONES, "")
    transcription_type: str = attribute(
        "transcriptionType", one_of("auto", "hybrid", "manual"), ""
    )
    transcription_url: str = attribute("transcriptionUrl", URL, "")
    transcription_method: str = attribute("transcriptionMethod", METHOD, "POST")
