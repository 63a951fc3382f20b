"""Test recording files: the audio, and every fault that a file may have."""

from __future__ import annotations

import hashlib
import io
import time
import wave
from itertools import pairwise
from typing import Any

import httpx
import pytest

from plivo_simulator import audio
from plivo_simulator.account import AUTH_ID, AUTH_TOKEN, SUBACCOUNT_ID, SUBACCOUNT_TOKEN

MAIN = (AUTH_ID, AUTH_TOKEN)
URL = f"/v1/Account/{AUTH_ID}/Masking/Session/"
ALICE, BOB = "+12025550100", "+12025550101"


def test_a_wav_is_exactly_as_long_as_the_talk() -> None:
    with wave.open(io.BytesIO(audio.sound("any", "wav", 2500))) as file:
        assert file.getnframes() == 2.5 * audio.RATE
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)


@pytest.mark.parametrize("milliseconds", [500, 2000, 61_000])
def test_an_mp3_is_as_long_as_the_talk_give_or_take_its_padding(
    milliseconds: int,
) -> None:
    length = audio.length_ms(audio.sound("any", "mp3", milliseconds))

    assert length is not None
    assert 0 <= length - milliseconds < 250


def test_two_recordings_are_never_the_same_and_one_always_is() -> None:
    assert audio.sound("a", "mp3", 1000) != audio.sound("b", "mp3", 1000)
    audio.sound.cache_clear()
    again = audio.sound("a", "mp3", 1000)
    audio.sound.cache_clear()
    assert audio.sound("a", "mp3", 1000) == again


def test_the_two_voices_of_a_call_have_different_pitches() -> None:
    def crossings(pcm: bytes) -> int:
        samples = memoryview(pcm).cast("h")
        return sum((a < 0) != (b < 0) for a, b in pairwise(samples))

    pcm = audio.pcm_of("any", 2000)
    low, high = crossings(pcm[: audio.RATE * 2]), crossings(pcm[audio.RATE * 2 :])

    assert high > low + 100


def test_in_stereo_each_voice_has_a_channel_of_its_own() -> None:
    with wave.open(io.BytesIO(audio.sound("any", "wav", 2000, "stereo"))) as file:
        assert file.getnchannels() == 2
        assert file.getnframes() == 2 * audio.RATE
        samples = memoryview(file.readframes(2 * audio.RATE)).cast("h").tolist()
    mono = memoryview(audio.pcm_of("any", 2000)).cast("h").tolist()
    left, right, silence = samples[::2], samples[1::2], [0] * audio.RATE

    assert left == mono[: audio.RATE] + silence
    assert right == silence + mono[audio.RATE :]


def test_a_stereo_mp3_is_as_long_as_the_talk() -> None:
    length = audio.length_ms(audio.sound("any", "mp3", 2000, "stereo"))

    assert length is not None
    assert 0 <= length - 2000 < 250


@pytest.mark.parametrize("junk", [b"", b"RIFFbroken", b"<html>", bytes(100)])
def test_what_is_no_audio_has_no_length(junk: bytes) -> None:
    assert audio.length_ms(junk) is None


@pytest.mark.parametrize("file_format", ["mp3", "wav"])
def test_a_large_file_has_the_promised_size_and_still_plays(file_format: str) -> None:
    size, milliseconds = audio.large_size(file_format, 1)

    whole = b"".join(audio.large_chunks("any", file_format, 1))

    assert len(whole) == size
    assert 2**20 * 0.99 < size <= 2**20
    assert abs((audio.length_ms(whole) or 0) - milliseconds) < 2


def recorded(
    client: httpx.Client, fault: str = "", talk_seconds: float = 3, **parameters: Any
) -> dict[str, Any]:
    """Make a recording with *fault* and show it."""
    file_format = parameters.pop("record_file_format", "mp3")
    subaccount = parameters.pop("subaccount", None)
    body = {
        "first_party": ALICE,
        "second_party": BOB,
        "record": True,
        "record_file_format": file_format,
        "subaccount": subaccount,
    }
    created = client.post(URL, json=body, auth=MAIN).json()
    if fault:
        client.put("/_sim/faults", json={fault: {"times": 1, **parameters}})
    call = {
        "from": ALICE,
        "to": created["virtual_number"],
        "talk_seconds": talk_seconds,
    }
    placed = client.post("/_sim/calls", json=call).json()
    client.get(f"/_sim/calls/{placed['call_uuid']}", params={"wait": 10})
    (view,) = client.get("/_sim/recordings", params={"truth": 1}).json()["recordings"]
    shown: dict[str, Any] = view
    return shown


def is_true(view: dict[str, Any], content: bytes) -> bool:
    """Return whether *content* is the recording as it should be."""
    digest = hashlib.sha256(content).hexdigest()
    return (len(content), digest) == (view["bytes"], view["sha256"])


@pytest.mark.parametrize("file_format", ["mp3", "wav"])
def test_a_recording_has_length_etag_and_type(
    served: httpx.Client, file_format: str
) -> None:
    view = recorded(served, record_file_format=file_format)

    answer, head = served.get(view["url"]), served.head(view["url"])

    assert answer.status_code == head.status_code == 200
    assert is_true(view, answer.content)
    assert answer.headers["content-length"] == str(view["bytes"])
    md5 = hashlib.md5(answer.content, usedforsecurity=False).hexdigest()
    assert answer.headers["etag"] == f'"{md5}"'
    kinds = {"mp3": "audio/mpeg", "wav": "audio/wav"}
    assert answer.headers["content-type"] == kinds[file_format]
    names = ("content-length", "etag", "content-type")
    assert [head.headers[n] for n in names] == [answer.headers[n] for n in names]


def test_a_late_file_is_404_until_its_time(served: httpx.Client) -> None:
    view = recorded(served, "recording_late", seconds=500)

    assert served.get(view["url"]).status_code == 404
    served.post("/_sim/clock/advance", json={"seconds": 501})
    assert is_true(view, served.get(view["url"]).content)


def test_a_file_that_never_comes_never_comes(served: httpx.Client) -> None:
    view = recorded(served, "recording_never")
    served.post("/_sim/clock/advance", json={"seconds": 90 * 86400})

    assert served.get(view["url"]).status_code == 404
    assert view["is_ever_served"] is False


@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize(
    "fault",
    [
        "recording_truncated",
        "recording_empty",
        "recording_changing",
        "recording_html",
        "recording_5xx",
    ],
)
def test_a_wrong_file_is_right_after_so_many_requests(
    served: httpx.Client, fault: str, requests: int
) -> None:
    view = recorded(served, fault, requests=requests)

    answers = [served.get(view["url"]) for _ in range(requests + 1)]

    assert [is_true(view, a.content) for a in answers] == [False] * requests + [True]
    assert view["is_ever_served"]


def test_each_wrong_file_is_wrong_in_its_own_way(served: httpx.Client) -> None:
    seen = {}
    for fault in ("truncated", "empty", "changing", "html", "5xx"):
        served.post("/_sim/reset")
        view = recorded(served, f"recording_{fault}")
        seen[fault] = (view, served.get(view["url"]))

    assert len(seen["truncated"][1].content) == seen["truncated"][0]["bytes"] // 2
    assert seen["empty"][1].content == b""
    assert len(seen["changing"][1].content) == seen["changing"][0]["bytes"]
    assert seen["html"][1].headers["content-type"].startswith("text/html")
    assert seen["5xx"][1].status_code == 503


@pytest.mark.parametrize("fault", ["recording_wrong_length", "recording_reset"])
def test_a_broken_transfer_is_noticed_by_the_client(
    served: httpx.Client, fault: str
) -> None:
    view = recorded(served, fault)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        served.get(view["url"])
    assert is_true(view, served.get(view["url"]).content)


def test_a_chunked_file_has_no_length(served: httpx.Client) -> None:
    view = recorded(served, "recording_chunked")

    answer = served.get(view["url"])

    assert "content-length" not in answer.headers
    assert answer.headers["transfer-encoding"] == "chunked"
    assert is_true(view, answer.content)


def test_a_redirect_leads_to_the_file(served: httpx.Client) -> None:
    view = recorded(served, "recording_redirect", hops=2)

    answer = served.get(view["url"], follow_redirects=True)

    assert [r.status_code for r in answer.history] == [302, 302]
    assert is_true(view, answer.content)


def test_basic_auth_wants_the_owners_credentials(served: httpx.Client) -> None:
    view = recorded(served, "recording_basic_auth")

    refused = served.get(view["url"])

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert served.get(view["url"], auth=(AUTH_ID, "wrong")).status_code == 401
    sub = (SUBACCOUNT_ID, SUBACCOUNT_TOKEN)
    assert served.get(view["url"], auth=sub).status_code == 401
    assert is_true(view, served.get(view["url"], auth=MAIN).content)


def test_a_sub_account_reads_its_own_recordings_with_its_own_credentials(
    served: httpx.Client,
) -> None:
    served.put("/_sim/switches", json={"recording_auth": "on"})
    view = recorded(served, subaccount=SUBACCOUNT_ID)

    sub = (SUBACCOUNT_ID, SUBACCOUNT_TOKEN)
    assert served.get(view["url"]).status_code == 401
    assert is_true(view, served.get(view["url"], auth=sub).content)


def test_a_slow_file_drips(served: httpx.Client) -> None:
    view = recorded(served, "recording_slow", seconds=0.5)
    started = time.monotonic()

    answer = served.get(view["url"])

    assert time.monotonic() - started >= 0.5
    assert is_true(view, answer.content)


def test_a_file_of_250_mib_is_made_on_the_fly_with_a_call_as_long(
    served: httpx.Client,
) -> None:
    view = recorded(served, "recording_large", record_file_format="wav")
    digest, size, largest = hashlib.sha256(), 0, 0

    with served.stream("GET", view["url"]) as answer:
        for chunk in answer.iter_raw():
            digest.update(chunk)
            size += len(chunk)
            largest = max(largest, len(chunk))

    assert answer.headers["content-length"] == str(size)
    assert (size, digest.hexdigest()) == (view["bytes"], view["sha256"])
    assert size > 249 * 2**20
    assert largest < 2**20
    callback = served.get("/_sim/recordings").json()["recordings"][0]
    assert callback["milliseconds"] == pytest.approx(size / 16, rel=0.001)


def test_whether_a_file_was_ever_served_whole_is_counted(served: httpx.Client) -> None:
    view = recorded(served, "recording_truncated")
    served.head(view["url"])
    served.get(view["url"])
    served.get(view["url"])

    (after,) = served.get("/_sim/recordings").json()["recordings"]
    assert (after["fetches"], after["served_whole"]) == (2, 1)


def test_a_wrong_path_is_404(served: httpx.Client) -> None:
    view = recorded(served)

    assert served.get(view["url"].replace(".mp3", ".wav")).status_code == 404
    assert served.get(view["url"].replace(AUTH_ID, SUBACCOUNT_ID)).status_code == 404
