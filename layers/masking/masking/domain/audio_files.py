"""Judge audio files by their first bytes and their size.

What a file says of itself counts; what was said about it is compared with that. A file
that differs is stored nevertheless, and the difference is told.

wav: RIFF chunks (the header says the file's size and the bytes of a second).
mp3: MPEG layer III frames, an ID3v2 tag before them, a Xing or Info tag in the first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

# A file may be this much shorter than the call that it is of: Plivo rounds, and cuts
# silence at the ends.
SHORTEST_SHARE = 0.8
SLACK_SECONDS = 2.0

# Above any rate that a telephone's sound is written with: 48 kHz, stereo, 16 bit.
MOST_BYTES_PER_SECOND = 192_000

# A file that plays for longer than was said by more than this is not what was said;
# where only the first frame tells, which a variable rate makes a guess, by more.
LONGEST_SHARE = 1 / SHORTEST_SHARE
LONGEST_GUESS, GUESS_SLACK_SECONDS = 2.0, 10.0

# Length of the first bytes that show a format; a file must have more than these.
MAGIC = 12

_KILOBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

# Sizes that stand in the header of a wav file that was written as a stream.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0x7FFFFFFF + 36, 0xFFFFFFFF)


FORMATS = ("mp3", "wav")


def looks_like(audio: str, start: bytes) -> bool:
    """Return whether *start*, the first 12 bytes of a file, may begin such audio.

    mp3: an ID3 tag or a frame's sync word; wav: RIFF....WAVE.
    """
    if audio == "wav":
        return start[:4] == b"RIFF" and start[8:12] == b"WAVE"
    sync = len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0
    return start[:3] == b"ID3" or sync


def format_of(start: bytes, said: str) -> str | None:
    """Return the format of a file that begins with *start*; None if it is no audio.

    *start* is the first few KiB. Where the bytes fit *said*, that is the format.
    """
    if len(start) <= MAGIC:
        return None
    likely = sorted(FORMATS, key=lambda audio: audio != said)
    return next((audio for audio in likely if looks_like(audio, start)), None)


@dataclass(frozen=True)
class Verdict:
    """What a file's header and size show.

    *seconds* is how long it plays, None if the header can't be read.
    *contradictions* names what was said otherwise: `size`, `duration`. With
    *is_doubtful* the end of the file may be missing.
    """

    seconds: float | None = None
    contradictions: tuple[str, ...] = ()
    is_doubtful: bool = False


def judge(audio: str, start: bytes, size: int, duration: int | None) -> Verdict:
    """Judge a file of *size* bytes that was said to last *duration* seconds.

    *start* is the first few KiB. A short file whose header says that this is all of it
    is whole; where the header can't be read there are only bounds for the size.
    """
    if _is_cut_off(audio, start, size):
        return Verdict(seconds_of(audio, start, size), ("size",), is_doubtful=True)
    seconds = seconds_of(audio, start, size)
    if not duration:
        return Verdict(seconds)
    if seconds is None:
        is_too_large = size > (duration + 60) * MOST_BYTES_PER_SECOND
        return Verdict(None, ("size",) if is_too_large else ())
    tells_all = _tells_its_end(audio, start)
    longest = duration * LONGEST_SHARE + SLACK_SECONDS
    if not tells_all:
        longest = duration * LONGEST_GUESS + GUESS_SLACK_SECONDS
    if seconds < duration * SHORTEST_SHARE - SLACK_SECONDS:
        return Verdict(seconds, ("duration",), is_doubtful=not tells_all)
    return Verdict(seconds, ("duration",) if seconds > longest else ())


def seconds_of(audio: str, start: bytes, size: int) -> float | None:
    """Return how many seconds such a file plays; None if its header can't be read."""
    rate = _wav_rate(start) if audio == "wav" else None
    if rate:
        return size / rate
    return _mp3_seconds(start, size) if audio == "mp3" else None


def _is_cut_off(audio: str, start: bytes, size: int) -> bool:
    """Return whether the header itself says that there should be more."""
    promised = _promised_size(audio, start)
    return promised is not None and promised > size


def _tells_its_end(audio: str, start: bytes) -> bool:
    """Return whether the header says how large the whole file is."""
    return _promised_size(audio, start) is not None


def _promised_size(audio: str, start: bytes) -> int | None:
    """Return how many bytes the header says that the file has; None if it does not."""
    if audio == "wav" and len(start) >= 8:
        (promised,) = struct.unpack_from("<I", start, 4)
        return None if promised in _UNKNOWN_SIZES else int(promised) + 8
    if audio == "mp3":
        at = _after_tag(start)
        tag = _tag_of(start[at : at + 200])
        return at + tag.bytes if tag and tag.bytes else None
    return None


def _wav_rate(start: bytes) -> int | None:
    """Return the bytes of a second, which the `fmt ` chunk says."""
    at = 12
    while at + 20 <= len(start):
        name, length = struct.unpack_from("<4sI", start, at)
        if name == b"fmt ":
            (rate,) = struct.unpack_from("<I", start, at + 16)
            return int(rate) or None
        at += 8 + length + length % 2
    return None


def _mp3_seconds(start: bytes, size: int) -> float | None:
    at = _after_tag(start)
    if at + 4 > len(start):
        return None
    head = struct.unpack_from(">I", start, at)[0]
    version, layer = head >> 19 & 3, head >> 17 & 3
    bits, rate = head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or version == 1 or layer != 1:
        return None
    if bits in (0, 15) or rate == 3:
        return None
    hertz = _HERTZ[version][rate]
    samples = 1152 if version == 3 else 576
    tagged = _tagged_seconds(start[at : at + 200], samples / hertz, size - at)
    if tagged is not None:
        return tagged
    kilobits = (_KILOBITS_1 if version == 3 else _KILOBITS_2)[bits]
    return (size - at) * 8 / (kilobits * 1000)


def _after_tag(start: bytes) -> int:
    """Return where the first frame is: behind the ID3v2 tag, if there is one."""
    if start[:3] != b"ID3" or len(start) < 10:
        return 0
    length = 0
    for byte in start[6:10]:
        length = length << 7 | byte & 0x7F
    return 10 + length


@dataclass(frozen=True)
class _Tag:
    """A Xing or Info tag: how many frames and bytes the sound has; 0 for unknown."""

    frames: int
    bytes: int


def _tag_of(frame: bytes) -> _Tag | None:
    for name in (b"Xing", b"Info"):
        at = frame.find(name)
        if at < 0 or at + 16 > len(frame):
            continue
        flags, frames, length = struct.unpack_from(">III", frame, at + 4)
        if flags & 1 and frames:
            return _Tag(frames, length if flags & 2 else 0)
    return None


def _tagged_seconds(frame: bytes, per_frame: float, size: int) -> float | None:
    """Return how long a file plays by its tag, of which *size* bytes are there."""
    tag = _tag_of(frame)
    if tag is None:
        return None
    share = min(1.0, size / tag.bytes) if tag.bytes else 1.0
    return float(tag.frames * per_frame * share)
