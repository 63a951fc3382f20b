"""Audio is judged by its header and its size: cut off, too short, or plausible."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.domain import audio_files
from plivo_simulator import audio

KINDS = ("mp3", "wav")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [1, 5, 60])
def test_a_real_file_is_plausible_for_its_duration(kind: str, seconds: int) -> None:
    whole = audio.sound("recording", kind, seconds * 1000)

    assert audio_files.is_plausible(kind, whole[:4096], len(whole), seconds)
    played = audio_files.seconds_of(kind, whole[:4096], len(whole))
    assert played == pytest.approx(seconds, abs=0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_file_is_not_plausible(kind: str) -> None:
    whole = audio.sound("recording", kind, 60_000)

    assert not audio_files.is_plausible(kind, whole[:4096], len(whole) // 2, 60)


def test_a_wav_file_that_lacks_one_byte_is_not_plausible_however_short() -> None:
    whole = audio.sound("recording", "wav", 1000)

    assert not audio_files.is_plausible("wav", whole[:4096], len(whole) - 1, None)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_file_written_as_a_stream_says_no_size(size: int) -> None:
    whole = audio.sound("recording", "wav", 3000)
    streamed = whole[:4] + struct.pack("<I", size) + whole[8:]

    assert audio_files.is_plausible("wav", streamed[:4096], len(streamed), 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_may_be_a_bit_shorter_and_much_longer_than_was_announced(
    kind: str,
) -> None:
    whole = audio.sound("recording", kind, 60_000)
    start, size = whole[:4096], len(whole)

    assert audio_files.is_plausible(kind, start, size, 70)
    assert audio_files.is_plausible(kind, start, size, 20)
    assert audio_files.is_plausible(kind, start, size, None)
    assert not audio_files.is_plausible(kind, start, size, 100)


def test_an_id3_tag_does_not_count_as_sound() -> None:
    frames = audio.sound("recording", "mp3", 10_000)
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 8, 0]) + bytes(1024)

    played = audio_files.seconds_of("mp3", (tag + frames)[:4096], len(tag + frames))

    assert played == pytest.approx(10, abs=0.3)


def test_an_mp3_that_says_how_many_frames_it_has_is_believed() -> None:
    frame = (
        bytes.fromhex("fff320c4")
        + bytes(9)
        + b"Xing"
        + struct.pack(">III", 3, 1000, 72_000)
    )

    whole = audio_files.seconds_of("mp3", frame + bytes(200), 72_000)
    half = audio_files.seconds_of("mp3", frame + bytes(200), 36_000)

    assert whole
    assert half == pytest.approx(whole / 2)


@given(st.sampled_from(KINDS), st.binary(max_size=600), st.integers(0, 10**9))
def test_no_file_is_so_strange_that_it_breaks_us(
    kind: str, start: bytes, size: int
) -> None:
    for prefix in (b"", b"RIFF", b"ID3", b"\xff\xfb\x90\x00"):
        for duration in (None, 0, 17):
            audio_files.is_plausible(kind, prefix + start, size, duration)
