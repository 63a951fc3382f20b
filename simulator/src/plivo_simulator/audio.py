"""Make the sound of a call: playable mp3 or wav whose length is the talk time.

Two voices alternate, a lower one for who called and a higher one for who was rung.
Their pitches come from the recording's id, so two recordings are never the same and
one is always the same: nothing needs to be kept. 8 kHz, 16 bit. In stereo who called
is on the left, and who was rung on the right.
"""

from __future__ import annotations

import io
import math
import struct
import wave
from array import array
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

import lameenc

RATE = 8000
BYTES_PER_SECOND = RATE * 2
MP3_KILOBITS = 16
_WAV_HEADER = 44
_TURN_SECONDS = 1


@lru_cache(maxsize=64)
def sound(
    recording_id: str, file_format: str, milliseconds: int, channels: str = "mono"
) -> bytes:
    """Return the whole audio file of a recording; *channels* is mono or stereo."""
    count = 2 if channels == "stereo" else 1
    pcm = pcm_of(recording_id, milliseconds, count)
    return wav(pcm, count) if file_format == "wav" else mp3(pcm, count)


def pcm_of(seed: str, milliseconds: int, channels: int = 1) -> bytes:
    """Return *milliseconds* of two alternating voices as 16-bit samples."""
    turn = _two_turns(seed) if channels == 1 else _apart(_two_turns(seed))
    size = RATE * milliseconds // 1000 * 2 * channels
    return (turn * (size // len(turn) + 1))[:size]


def wav(pcm: bytes, channels: int = 1) -> bytes:
    """Wrap samples in a wav file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return buffer.getvalue()


def mp3(pcm: bytes, channels: int = 1) -> bytes:
    """Encode samples as mp3 of a constant bit rate."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(MP3_KILOBITS * channels)
    encoder.set_in_sample_rate(RATE)
    encoder.set_out_sample_rate(RATE)
    encoder.set_channels(channels)
    encoder.set_quality(7)
    encoder.silence()
    return bytes(encoder.encode(pcm)) + bytes(encoder.flush())


def large_size(file_format: str, mebibytes: float) -> tuple[int, int]:
    """Return bytes and milliseconds of a file of about *mebibytes*.

    The size is cut to whole repetitions of a block, so that the file stays playable.
    """
    wanted = int(mebibytes * 2**20)
    if file_format == "wav":
        size = (wanted - _WAV_HEADER) // BYTES_PER_SECOND * BYTES_PER_SECOND
        return size + _WAV_HEADER, size * 1000 // BYTES_PER_SECOND
    block = len(_mp3_block("size"))
    size = wanted // block * block
    return size, size * 8 // MP3_KILOBITS


def large_chunks(seed: str, file_format: str, mebibytes: float) -> Iterator[bytes]:
    """Yield a large file piece by piece; it is never in memory as a whole."""
    size, _ = large_size(file_format, mebibytes)
    if file_format == "wav":
        yield _wav_header(size - _WAV_HEADER)
        size -= _WAV_HEADER
        block = _two_turns(seed)
    else:
        block = _mp3_block(seed)
    while size > 0:
        yield block[:size]
        size -= len(block)


def length_ms(audio: bytes) -> int | None:
    """Return how long a wav or mp3 file plays, or None when it is neither."""
    if audio[:4] == b"RIFF":
        try:
            with wave.open(io.BytesIO(audio)) as file:
                frames, rate = file.getnframes(), file.getframerate()
                return int(frames * 1000 // rate)
        except (wave.Error, EOFError, ZeroDivisionError):
            return None
    return _mp3_length_ms(audio)


@lru_cache(maxsize=64)
def _two_turns(seed: str) -> bytes:
    digest = sha256(seed.encode()).digest()
    low = 180 + digest[0] / 4 + digest[1] / 1024
    high = 300 + digest[2] / 2 + digest[3] / 1024
    samples = array("h")
    for pitch in (low, high):
        for n in range(RATE * _TURN_SECONDS):
            second = n / RATE
            # Three syllables a second: speech to the ear, silence in between.
            loudness = abs(math.sin(math.pi * 3 * second)) ** 2 * 9000
            wave_form = math.sin(2 * math.pi * pitch * second)
            overtone = math.sin(4 * math.pi * pitch * second) / 3
            samples.append(int(loudness * (wave_form + overtone)))
    if samples.itemsize != 2:  # pragma: no cover - every platform of CPython has 2
        raise RuntimeError("16-bit samples expected")
    return samples.tobytes()


def _apart(two_turns: bytes) -> bytes:
    """Put the first voice on the left channel and the second on the right."""
    both = memoryview(two_turns).cast("h")
    half = len(both) // 2
    apart = array("h", bytes(2 * len(two_turns)))
    apart[: 2 * half : 2] = array("h", both[:half])
    apart[2 * half + 1 :: 2] = array("h", both[half:])
    return apart.tobytes()


@lru_cache(maxsize=8)
def _mp3_block(seed: str) -> bytes:
    # Whole frames only, so that repetitions of the block are valid mp3.
    encoded = mp3(_two_turns(seed) * 9)
    frames = list(_mp3_frames(encoded))
    start, end = frames[0][0], frames[-1][0]
    return encoded[start:end]


def _wav_header(data_size: int) -> bytes:
    return b"RIFF" + struct.pack(
        "<I4s4sIHHIIHH4sI",
        data_size + 36,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        RATE,
        BYTES_PER_SECOND,
        2,
        16,
        b"data",
        data_size,
    )


_KILOBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frames(audio: bytes) -> Iterator[tuple[int, int, float]]:
    """Yield offset, size and milliseconds of each layer III frame."""
    at = 0
    if audio[:3] == b"ID3" and len(audio) > 10:
        at = 10 + sum(
            (b & 0x7F) << s for b, s in zip(audio[6:10], (21, 14, 7, 0), strict=True)
        )
    while at + 4 <= len(audio):
        head = struct.unpack_from(">I", audio, at)[0]
        version, layer = head >> 19 & 3, head >> 17 & 3
        bits, rate = head >> 12 & 15, head >> 10 & 3
        if head >> 21 != 0x7FF or version == 1 or layer != 1:
            return
        if bits in (0, 15) or rate == 3:
            return
        hertz = _RATES[version][rate]
        kilobits = (_KILOBITS_1 if version == 3 else _KILOBITS_2)[bits]
        samples = 1152 if version == 3 else 576
        size = samples // 8 * kilobits * 1000 // hertz + (head >> 9 & 1)
        yield at, size, samples * 1000 / hertz
        at += size


def _mp3_length_ms(audio: bytes) -> int | None:
    return round(sum(ms for _, _, ms in _mp3_frames(audio))) or None
