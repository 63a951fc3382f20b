"""Audio is judged by its own header and size; what was said of it is compared."""

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
def test_a_real_file_is_what_its_duration_says(kind: str, seconds: int) -> None:
    whole = audio.sound("recording", kind, seconds * 1000)

    verdict = audio_files.judge(kind, whole[:4096], len(whole), seconds)

    assert (verdict.contradictions, verdict.is_doubtful) == ((), False)
    assert verdict.seconds == pytest.approx(seconds, abs=0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_file_may_not_be_whole(kind: str) -> None:
    whole = audio.sound("recording", kind, 60_000)

    assert audio_files.judge(kind, whole[:4096], len(whole) // 2, 60).is_doubtful


def test_a_wav_file_that_lacks_one_byte_may_not_be_whole_however_short() -> None:
    whole = audio.sound("recording", "wav", 1000)

    verdict = audio_files.judge("wav", whole[:4096], len(whole) - 1, None)

    assert (verdict.contradictions, verdict.is_doubtful) == (("size",), True)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_file_written_as_a_stream_says_no_size(size: int) -> None:
    whole = audio.sound("recording", "wav", 3000)
    streamed = whole[:4] + struct.pack("<I", size) + whole[8:]

    verdict = audio_files.judge("wav", streamed[:4096], len(streamed), 3)

    assert (verdict.contradictions, verdict.is_doubtful) == ((), False)


@pytest.mark.parametrize(
    ("kind", "duration", "contradictions", "is_doubtful"),
    [
        # A wav file says itself how large it is, and so that it is whole.
        ("wav", 70, (), False),
        ("wav", 50, (), False),
        ("wav", None, (), False),
        ("wav", 0, (), False),
        ("wav", 100, ("duration",), False),
        ("wav", 60_000, ("duration",), False),
        ("wav", 20, ("duration",), False),
        ("wav", 2, ("duration",), False),
        # An mp3 file without a tag does not: where it is short, it may be cut off.
        ("mp3", 70, (), False),
        ("mp3", 50, (), False),
        ("mp3", None, (), False),
        ("mp3", 100, ("duration",), True),
        ("mp3", 60_000, ("duration",), True),
        ("mp3", 20, ("duration",), False),
        ("mp3", 2, ("duration",), False),
    ],
)
def test_a_duration_that_is_not_the_files_is_a_contradiction(
    kind: str,
    duration: int | None,
    contradictions: tuple[str, ...],
    is_doubtful: bool,
) -> None:
    whole = audio.sound("recording", kind, 60_000)

    verdict = audio_files.judge(kind, whole[:4096], len(whole), duration)

    assert verdict.contradictions == contradictions
    assert verdict.is_doubtful is is_doubtful


def test_a_file_too_large_for_any_rate_of_sound_is_a_contradiction() -> None:
    start = b"ID3\x04" + bytes(range(250))

    verdict = audio_files.judge("mp3", start, 100_000_000, 3)

    assert verdict == audio_files.Verdict(None, ("size",), is_doubtful=False)


@pytest.mark.parametrize("said", ["mp3", "wav", ""])
@pytest.mark.parametrize("kind", KINDS)
def test_the_format_is_what_the_bytes_are_whatever_was_said(
    kind: str, said: str
) -> None:
    whole = audio.sound("recording", kind, 1000)

    assert audio_files.format_of(whole[:4096], said) == kind


@pytest.mark.parametrize(
    "start", [b"", b"ID3\x04", b"<!doctype html><title>", b"RIFF\0\0\0\0AVI LIST"]
)
def test_what_is_no_audio_has_no_format(start: bytes) -> None:
    assert audio_files.format_of(start, "mp3") is None


def test_an_id3_tag_does_not_count_as_sound() -> None:
    frames = audio.sound("recording", "mp3", 10_000)
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 8, 0]) + bytes(1024)

    played = audio_files.seconds_of("mp3", (tag + frames)[:4096], len(tag + frames))

    assert played == pytest.approx(10, abs=0.3)


@pytest.mark.parametrize(
    ("size", "length"),
    [
        ([0, 0, 0, 1], 1),
        ([0, 0, 1, 0], 128),
        ([0, 1, 0, 0], 128**2),
        ([1, 0, 0, 0], 128**3),
        # The highest bit of each byte does not count.
        ([0x81, 0x80, 0x80, 0x81], 128**3 + 1),
    ],
)
def test_the_length_of_an_id3_tag_has_seven_bits_in_each_of_four_bytes(
    size: list[int], length: int
) -> None:
    start = b"ID3\x04\x00\x00" + bytes(size)

    assert audio_files._after_tag(start) == 10 + length


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
    start = frame + bytes(200)
    assert audio_files.judge("mp3", start, 36_000, None).is_doubtful
    short = audio_files.judge("mp3", start, 72_000, 3000)
    assert (short.contradictions, short.is_doubtful) == (("duration",), False)


@given(st.sampled_from(KINDS), st.binary(max_size=600), st.integers(0, 10**9))
def test_no_file_is_so_strange_that_it_breaks_us(
    kind: str, start: bytes, size: int
) -> None:
    for prefix in (b"", b"RIFF", b"ID3", b"\xff\xfb\x90\x00"):
        for duration in (None, 0, 17):
            audio_files.judge(kind, prefix + start, size, duration)
