"""Choose the behavior that Plivo leaves undocumented, or documents in two ways.

Each switch has a name, its values (the first is the default) and a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping

from .switch import Switch
from .voice_switches import VOICE_SWITCHES

SWITCHES: Mapping[str, Switch] = {
    "duplicate_pair": Switch(
        ("new", "same", "error"),
        "create for a pair that is active: another session, the same one, or 400",
    ),
    "sequence": Switch(
        ("per_session", "per_call"), "scope in which SequenceNumber counts"
    ),
    "min_expiry": Switch(
        ("none", "reject", "clamp"), "session_expiry below 60: taken, 400, or raised"
    ),
    "call_limit": Switch(
        ("none", "clamp", "reject"),
        "call_time_limit outside 60..86400: taken, clamped, or 400",
    ),
    "defaults": Switch(
        ("observed", "documented"),
        "what a create without values means: 1800/14400/45 or 3600/3600/120",
    ),
    "frozen_update": Switch(
        ("reject", "ignore"), "an update that names an attribute that can't change"
    ),
    "shape": Switch(
        ("captured", "documented"),
        "types of the session object: as in captured traffic, or as in the docs"
        ' ("pin_ prompt_play", amounts and pin_retry_wait as strings)',
    ),
    "pin_fields": Switch(
        ("null", "absent"), "PIN attributes of a session without PIN: null or absent"
    ),
    "modified_time": Switch(
        ("utc", "ist"), "modified_time: right, or Indian time labeled UTC"
    ),
    "in_progress": Switch(
        ("off", "on"), "a session with a call up has the status in-progress"
    ),
    "expiry_cuts_call": Switch(
        ("off", "on"), "expiry (or DELETE) ends the call that is up"
    ),
    "timeout_on_delete": Switch(("off", "on"), "DELETE sends SessionTimeout"),
    "generation": Switch(
        ("current", "2024", "2023"), "generation of the event vocabulary"
    ),
    "party_names": Switch(
        ("by_leg", "by_registration"),
        "FirstParty in event names: who called, or who was registered first",
    ),
    "attributes": Switch(
        ("relevant", "all"), "callbacks carry what applies, or all with blanks"
    ),
    "content_type": Switch(("form", "json"), "body of POST callbacks"),
    "signing": Switch(
        (
            "v3",
            "ma_only",
            "v2_only",
            "unsigned",
            "rotating",
            "rotating_spaced",
            "wrong",
        ),
        "signature headers of callbacks",
    ),
    "json_signing": Switch(
        ("python", "node", "url_only", "raw_body"),
        "what V3 signs when the body is JSON",
    ),
    "recording_auth": Switch(
        ("off", "on"), "Basic auth on recording files (the console's toggle)"
    ),
    "url_fragment": Switch(
        ("taken", "refused"), "a fragment in an application's URL: taken, or 400"
    ),
    "fallback_name": Switch(
        ("fallback_answer_method", "fallback_method"),
        "name of the fallback URL's method in the application object",
    ),
    "message_signing": Switch(
        ("v2", "v3", "ma_v3"),
        "signatures of requests about messages: V2 alone, V3 too, or Ma-V3 alone",
    ),
    "message_content_type": Switch(
        ("form", "json"), "body of POST requests about messages"
    ),
    "media_index": Switch(
        ("from_1", "from_0"), "parameter of a message's first file: Media1 or Media0"
    ),
    "media_kept": Switch(
        ("year", "for_ever"), "how long Plivo keeps a file that was sent or received"
    ),
    "repeated_answer": Switch(
        ("each", "once"),
        "<Message> answered to a message's request that came again: sent each time, or"
        " the first time only",
    ),
    "delivery_reports": Switch(
        ("on", "off"), "carriers report deliveries; without, `sent` is the last word"
    ),
    "doomed_message": Switch(
        ("fails", "refused"),
        "a message that is bound to fail, such as a too long one: taken, or 400",
    ),
    "stop_words": Switch(
        ("long", "short"),
        "words that stop and start messages: all that Plivo's pages name, or few",
    ),
    "stop_scope": Switch(
        ("number", "campaign"),
        "STOP blocks the number it was sent to, or all numbers of its 10DLC campaign",
    ),
    "opt_out_webhook": Switch(
        ("delivered", "withheld", "without_text"),
        "the message URL hears of STOP: as of any text, not at all, or without text",
    ),
    "rate_limit": Switch(("off", "on"), "429 beyond 300 requests in five seconds"),
    **VOICE_SWITCHES,
}


class Switches:
    """Hold the chosen values; read one as `switches["duplicate_pair"]`."""

    def __init__(self) -> None:
        self._values = {name: switch.values[0] for name, switch in SWITCHES.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def is_on(self, name: str) -> bool:
        """Return whether an off/on switch is on."""
        return self._values[name] == "on"

    def set(self, chosen: Mapping[str, object]) -> None:
        """Set the named switches. Raise ValueError naming the unknown one."""
        for name, value in chosen.items():
            if name not in SWITCHES:
                raise ValueError(f"no switch {name!r}; known: {', '.join(SWITCHES)}")
            if value not in SWITCHES[name].values:
                allowed = ", ".join(SWITCHES[name].values)
                raise ValueError(f"{name} can't be {value!r}; allowed: {allowed}")
        self._values.update({name: str(value) for name, value in chosen.items()})

    def values(self) -> dict[str, str]:
        """Return every switch with its value."""
        return dict(self._values)

    def reset(self) -> None:
        """Go back to the defaults."""
        self._values = {name: switch.values[0] for name, switch in SWITCHES.items()}
