"""Make the short tunes that replace spoken prompts, one for each purpose.

They are served at `/prompts/{name}.wav`, so that a session on this machine can have
audio URLs that work without a network.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from functools import lru_cache

from .audio import RATE, wav

_Notes = tuple[tuple[float, int], ...]

# Pairs of pitch in hertz (0 is silence) and milliseconds.
TUNES: Mapping[str, _Notes] = {
    "pin": ((523, 160), (0, 40), (659, 160), (0, 40), (784, 320), (0, 280)),
    "wrong-pin": ((392, 220), (0, 40), (311, 420), (0, 120)),
    "unknown": ((440, 180), (0, 60), (440, 180), (0, 60), (349, 480), (0, 140)),
    "greeting": ((587, 140), (740, 140), (880, 260), (0, 160)),
    "notice": ((880, 120), (0, 80), (880, 120), (0, 180)),
}


@lru_cache(maxsize=len(TUNES))
def tune(name: str) -> bytes:
    """Return a tune as a wav file. Raise KeyError when there is none of that name."""
    samples = array("h")
    for pitch, milliseconds in TUNES[name]:
        count = RATE * milliseconds // 1000
        for n in range(count):
            # Softly in and out: no clicks.
            edge = min(n, count - n) / (RATE * 0.02)
            loudness = 9000 * min(edge, 1.0)
            samples.append(int(loudness * math.sin(2 * math.pi * pitch * n / RATE)))
    return wav(samples.tobytes())
