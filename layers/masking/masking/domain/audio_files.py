"""Judge audio files by their first bytes and their size.

wav: RIFF chunks (the header says the file's size and the bytes of a second).
mp3: MPEG layer III frames, an ID3v2 tag before them, a Xing or Info tag in the first.
"""

from __future__ import annotations

import struct

# A file may be this much shorter than the call that it is of: Plivo rounds, and cuts
# silence at the ends.
SHORTEST_SHARE = 0.8
SLACK_SECONDS = 2.0

# Above any rate that a telephone's sound is written with: 48 kHz, stereo, 16 bit.
MOST_BYTES_PER_SECOND = 192_000

_KILOBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

# Sizes that stand in the header of a wav file that was written as a stream.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0x7FFFFFFF + 36, 0xFFFFFFFF)


def looks_like(audio: str, start: bytes) -> bool:
    """Return whether *start*, the first 12 bytes of a file, may begin such audio.

    mp3: an ID3 tag or a frame's sync word; wav: RIFF....WAVE.
    """
    if audio == "wav":
        return start[:4] == b"RIFF" and start[8:12] == b"WAVE"
    sync = len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0
    return start[:3] == b"ID3" or sync


def is_plausible(audio: str, start: bytes, size: int, duration: int | None) -> bool:
    """Return whether a file of *size* bytes that begins so may last *duration* seconds.

    *start* is the first few KiB. A file may be longer than was announced, not much
    shorter; where the header can't be read there are only bounds for the size.
    """
    if size <= len(start[:12]) or _is_cut_off(audio, start, size):
        return False
    if not duration:
        return True
    wanted = duration * SHORTEST_SHARE - SLACK_SECONDS
    seconds = seconds_of(audio, start, size)
    if seconds is None:
        return size <= (duration + 60) * MOST_BYTES_PER_SECOND
    return wanted <= seconds <= 2 * duration + 60


def seconds_of(audio: str, start: bytes, size: int) -> float | None:
    """Return how many seconds such a file plays; None if its header can't be read."""
    rate = _wav_rate(start) if audio == "wav" else None
    if rate:
        return size / rate
    return _mp3_seconds(start, size) if audio == "mp3" else None


def _is_cut_off(audio: str, start: bytes, size: int) -> bool:
    """Return whether the header itself says that there should be more."""
    if audio == "wav" and len(start) >= 8:
        (promised,) = struct.unpack_from("<I", start, 4)
        return promised not in _UNKNOWN_SIZES and promised + 8 > size
    return False


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


def _tagged_seconds(frame: bytes, per_frame: float, size: int) -> float | None:
    """Read a Xing or Info tag: how many frames and bytes the whole file has."""
    for name in (b"Xing", b"Info"):
        at = frame.find(name)
        if at < 0 or at + 16 > len(frame):
            continue
        flags, frames, length = struct.unpack_from(">III", frame, at + 4)
        if not flags & 1 or not frames:
            continue
        whole: float = frames * per_frame
        if flags & 2 and length:
            return whole * min(1.0, float(size / length))
        return whole
    return None
