"""Turn what the demo saw into what can be compared and read."""

from __future__ import annotations

import hashlib
import io
import json
import wave
from collections.abc import Mapping
from typing import Any

from stack.demo.step import UnexpectedError


def summary(attributes: Mapping[str, str]) -> str:
    """Return what a callback says, in one line."""
    words = [attributes["EventName"]]
    if "Duration" in attributes:
        words.append(f"{attributes['Duration']} s")
    if "PlivoHangupCause" in attributes:
        words.append(attributes["PlivoHangupCause"])
    return ", ".join(words)


def canonical(attributes: Mapping[str, Any]) -> str:
    """Write attributes so that equal ones are equal, numbers as Plivo posts them."""
    return json.dumps({name: str(value) for name, value in sorted(attributes.items())})


def sha256(content: bytes) -> str:
    """Return the checksum of *content* in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def wav_seconds(content: bytes) -> float:
    """Return how many seconds of sound a wav file holds.

    Raises:
        UnexpectedError: It is not a wav file.
    """
    try:
        with wave.open(io.BytesIO(content)) as audio:
            seconds: float = audio.getnframes() / audio.getframerate()
            return seconds
    except (wave.Error, EOFError) as error:
        raise UnexpectedError(f"The recording is not a wav file: {error}.") from error
