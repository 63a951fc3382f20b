"""Define the elements that one leg hears, is asked by, or is recorded by.

The ranges are those of Plivo's reference pages for Voice XML. Times are seconds
unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from .attribute_rules import (
    BOOLEAN,
    FINISH_KEY,
    FINISH_KEYS,
    FORMAT,
    KEYS,
    LANGUAGE,
    METHOD,
    NUMBER,
    PHRASES,
    SECONDS_OR_AUTO,
    TEXT,
    TRANSCRIPTION,
    URL,
    VOICE,
    attribute,
    matching,
    one_of,
    whole,
)
from .causes import ACTION, REDIRECT
from .element import Element

WORDS_PER_SECOND = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak(Element):
    """Say the text; *pauses* are the seconds of its SSML breaks."""

    CONTENT = TEXT

    voice: str = attribute("voice", VOICE, "WOMAN")
    language: str = attribute("language", LANGUAGE, "en-US")
    loop: int = attribute("loop", whole(0), 1)
    pauses: float = 0.0

    @property
    def seconds(self) -> float:
        """Return how long it takes to say the text once, at 150 words a minute."""
        return len(self.text.split()) / WORDS_PER_SECOND + self.pauses


@dataclass(frozen=True, slots=True, kw_only=True)
class Play(Element):
    """Play the audio at a URL; *loop* 0 is for ever."""

    CONTENT = URL

    loop: int = attribute("loop", whole(0), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Element):
    """Wait in silence."""

    length: int = attribute("length", whole(1), 1)
    silence: bool = attribute("silence", BOOLEAN, default=False)
    min_silence: int = attribute("minSilence", whole(1), 2000)
    beep: bool = attribute("beep", BOOLEAN, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Element):
    """Go on with the document at a URL."""

    CONTENT = URL
    ASKS = REDIRECT

    method: str = attribute("method", METHOD, "POST")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup(Element):
    """End the call now, or when *schedule* is over."""

    reason: str = attribute("reason", one_of("rejected", "busy"), "")
    schedule: int | None = attribute("schedule", whole(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Element):
    """What the two elements that ask for input have in common."""

    CHILDREN = frozenset({"Speak", "Play"})
    SDK_CHILDREN = frozenset({"Wait"})
    ASKS = ACTION

    action: str = attribute("action", URL, "")
    method: str = attribute("method", METHOD, "POST")
    finish_on_key: str = attribute("finishOnKey", FINISH_KEY, "#")
    redirect: bool = attribute("redirect", BOOLEAN, default=True)
    log: bool = attribute("log", BOOLEAN, default=True)
    retries: int = attribute("retries", whole(1), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDigits(Input):
    """Ask for keys."""

    timeout: int = attribute("timeout", whole(1), 5)
    digit_timeout: int = attribute("digitTimeout", whole(1), 2)
    num_digits: int = attribute("numDigits", whole(1), 99)
    play_beep: bool = attribute("playBeep", BOOLEAN, default=False)
    valid_digits: str = attribute("validDigits", KEYS, "1234567890*#")
    invalid_digits_sound: str = attribute("invalidDigitsSound", URL, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInput(Input):
    """Ask for keys, for speech, or for either."""

    NEEDED = frozenset({"action"})

    input_type: str = attribute(
        "inputType", one_of("dtmf", "speech", "dtmf speech", "speech dtmf"), "dtmf"
    )
    execution_timeout: int = attribute("executionTimeout", whole(5, 60), 15)
    start_input_timeout: int | None = attribute("startInputTimeout", whole(1))
    digit_end_timeout: int | str = attribute("digitEndTimeout", SECONDS_OR_AUTO, "auto")
    speech_end_timeout: int | str = attribute(
        "speechEndTimeout", SECONDS_OR_AUTO, "auto"
    )
    num_digits: int = attribute("numDigits", whole(1, 32), 32)
    speech_model: str = attribute(
        "speechModel",
        one_of("default", "command_and_search", "phone_call", "telephony"),
        "default",
    )
    hints: str = attribute("hints", PHRASES, "")
    language: str = attribute("language", LANGUAGE, "en-US")
    interim_speech_results_callback: str = attribute(
        "interimSpeechResultsCallback", URL, ""
    )
    interim_speech_results_callback_method: str = attribute(
        "interimSpeechResultsCallbackMethod", METHOD, "POST"
    )
    profanity_filter: bool = attribute("profanityFilter", BOOLEAN, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Element):
    """Record what is said now, or in the background, or from a dial's answer."""

    ASKS = ACTION

    action: str = attribute("action", URL, "")
    method: str = attribute("method", METHOD, "POST")
    file_format: str = attribute("fileFormat", FORMAT, "mp3")
    redirect: bool = attribute("redirect", BOOLEAN, default=True)
    timeout: int = attribute("timeout", whole(1), 15)
    max_length: int = attribute("maxLength", whole(2), 60)
    play_beep: bool = attribute("playBeep", BOOLEAN, default=True)
    finish_on_key: str = attribute("finishOnKey", FINISH_KEYS, "#")
    record_session: bool = attribute("recordSession", BOOLEAN, default=False)
    start_on_dial_answer: bool = attribute("startOnDialAnswer", BOOLEAN, default=False)
    record_channel_type: str = attribute(
        "recordChannelType", one_of("stereo", "mono"), "stereo"
    )
    transcription_type: str = attribute("transcriptionType", TRANSCRIPTION, "")
    transcription_url: str = attribute("transcriptionUrl", URL, "")
    transcription_method: str = attribute("transcriptionMethod", METHOD, "POST")
    transcription_report_type: str = attribute("transcriptionReportType", TEXT, "")
    callback_url: str = attribute("callbackUrl", URL, "")
    callback_method: str = attribute("callbackMethod", METHOD, "POST")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Element):
    """Send a text."""

    CONTENT = TEXT
    NEEDED = frozenset({"src", "dst"})

    src: str = attribute("src", NUMBER, "")
    dst: str = attribute(
        "dst", matching(r"\+?[0-9]{5,15}(<\+?[0-9]{5,15})*", "numbers, < between"), ""
    )
    type: str = attribute("type", one_of("sms", "mms"), "sms")
    callback_url: str = attribute("callbackUrl", URL, "")
    callback_method: str = attribute("callbackMethod", METHOD, "POST")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dtmf(Element):
    """Send keys to the other side; *asynchronous* does not wait for their end."""

    CONTENT = matching("[0-9*#wWA-Da-d]+", "keys")

    asynchronous: bool = attribute("async", BOOLEAN, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreAnswer(Element):
    """Play to a caller who is not answered yet, and not billed."""

    CHILDREN = frozenset({"Speak", "Play", "Wait"})
    SDK_CHILDREN = frozenset({"GetDigits", "Redirect", "Message", "DTMF"})
