"""Recordings come as streams, from hosts that are allowed and no others."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from masking.errors import RecordingNotReadyError, RecordingRefusedError
from masking.origin import Download, Origin
from tests.unit.wire import Answer, Wire, in_chunks, reply, reset

CREDENTIALS = ("MAEXAMPLEACCOUNT0000", "a-token-of-plivos")
AUDIO = b"ID3\x04" + bytes(range(256)) * 300


def origin_of(*hosts: str) -> Origin:
    """Give an origin that allows *hosts*."""
    return Origin(hosts, CREDENTIALS)


class Pieces:
    """A source that gives what it has in pieces of its own choosing."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, amount: int, /) -> bytes:
        """Give a piece, or its beginning."""
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > amount:
            self._pieces.insert(0, piece[amount:])
        return piece[:amount]


def read_all(download: Download, amount: int | None) -> bytes:
    """Read a download to its end."""
    read = b""
    while piece := download.read(amount):
        read += piece
    return read


# Reading


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    st.one_of(st.none(), st.just(-1), st.integers(1, 64)),
    st.booleans(),
)
def test_a_download_gives_every_byte_once_and_knows_what_it_gave(
    pieces: list[bytes], amount: int | None, peeks: bool
) -> None:
    whole = b"".join(pieces)
    download = Download(Pieces(*pieces), len(whole))
    if peeks:
        assert download.peek() == whole[:12]
        assert download.bytes_read == 0

    assert read_all(download, amount) == whole
    assert download.bytes_read == len(whole)
    assert download.sha256 == hashlib.sha256(whole).hexdigest()
    assert download.crc32 == zlib.crc32(whole)


def test_reading_nothing_is_not_the_end() -> None:
    download = Download(Pieces(b"abc"), 3)

    assert download.read(0) == b""
    assert download.read(10) == b"abc"


@pytest.mark.parametrize(
    ("promised", "sent"), [(4, b"abc"), (2, b"abc"), (1, b""), (0, b"a")]
)
def test_a_file_of_another_length_than_promised_is_not_ready(
    promised: int, sent: bytes
) -> None:
    with pytest.raises(RecordingNotReadyError, match="length"):
        Download(Pieces(*[sent] if sent else []), promised).finish()


def test_a_file_of_unknown_length_is_read_to_its_end() -> None:
    download = Download(Pieces(b"abc", b"def"), None)
    download.finish()

    assert download.bytes_read == 6


@pytest.mark.parametrize("error", [ProtocolError("gone"), OSError("gone")], ids=repr)
def test_a_connection_that_breaks_is_not_ready(error: Exception) -> None:
    class Broken:
        def read(self, _amount: int, /) -> bytes:
            raise error

    with pytest.raises(RecordingNotReadyError, match="broke"):
        Download(Broken(), 10).read(5)


# Opening


@pytest.mark.parametrize(
    ("answer", "length"),
    [(reply(200, AUDIO), len(AUDIO)), (in_chunks(AUDIO), None)],
    ids=["with length", "in chunks"],
)
def test_a_recording_is_opened_as_a_stream(
    wire: Wire, answer: Answer, length: int | None
) -> None:
    wire.answers(answer)

    with origin_of(wire.origin).open(f"{wire.origin}/a.mp3") as download:
        assert download.length == length
        assert read_all(download, 1000) == AUDIO


def test_no_encoding_comes_between_the_file_and_its_length(wire: Wire) -> None:
    wire.answers(reply(200, AUDIO))

    with origin_of(wire.origin).open(f"{wire.origin}/a.mp3"):
        pass

    assert wire.asked[0].headers["accept-encoding"] == "identity"


def test_credentials_are_sent_only_if_the_origin_asks_for_them(wire: Wire) -> None:
    wire.answers(reply(401), reply(200, AUDIO))

    with origin_of(wire.origin).open(f"{wire.origin}/a.mp3") as download:
        download.finish()

    first, second = wire.asked
    expected = base64.b64encode(":".join(CREDENTIALS).encode()).decode()
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == f"Basic {expected}"


def test_credentials_that_are_not_taken_are_sent_once(wire: Wire) -> None:
    wire.answers(reply(401))

    with (
        pytest.raises(RecordingNotReadyError, match="401"),
        origin_of(wire.origin).open(f"{wire.origin}/a.mp3"),
    ):
        pass

    assert len(wire.asked) == 2


@pytest.mark.parametrize("status", [202, 204, 206, 403, 404, 410, 416, 429, 500, 503])
def test_any_other_answer_means_not_yet(wire: Wire, status: int) -> None:
    wire.answers(reply(status))

    with (
        pytest.raises(RecordingNotReadyError, match=str(status)),
        origin_of(wire.origin).open(f"{wire.origin}/a.mp3"),
    ):
        pass


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(wire: Wire, status: int) -> None:
    with Wire() as elsewhere:
        wire.answers(reply(status, b"", {"Location": f"{elsewhere.origin}/a.mp3"}))

        with (
            pytest.raises(RecordingNotReadyError),
            origin_of(wire.origin).open(f"{wire.origin}/a.mp3"),
        ):
            pass

        assert elsewhere.asked == []


def test_an_origin_that_is_not_there_is_not_ready() -> None:
    origin = origin_of("http://127.0.0.1:9")

    with (
        pytest.raises(RecordingNotReadyError, match="could not be reached"),
        origin.open("http://127.0.0.1:9/a.mp3"),
    ):
        pass


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, AUDIO[:-1], length=len(AUDIO)),
        reset(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
    ],
    ids=["cut off", "reset"],
)
def test_a_file_that_stops_in_the_middle_is_not_ready(
    wire: Wire, answer: Answer
) -> None:
    wire.answers(answer)

    with (
        pytest.raises(RecordingNotReadyError),
        origin_of(wire.origin).open(f"{wire.origin}/a.mp3") as download,
    ):
        download.finish()


# Which hosts


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (("*.plivo.com",), "https://media.plivo.com/a.mp3"),
        (("*.plivo.com",), "https://MEDIA.Plivo.com/a.mp3"),
        (("*.Plivo.com",), "https://a.b.plivo.com:443/a.mp3"),
        (("media.example.com",), "https://media.example.com/a.mp3"),
        (("x.example.com", "media.example.com"), "https://media.example.com/a.mp3"),
        (("http://127.0.0.1:8001",), "http://127.0.0.1:8001/a.mp3"),
        (("https://media.example.com:8443",), "https://media.example.com:8443/a.mp3"),
    ],
)
def test_a_host_that_is_listed_is_allowed(hosts: tuple[str, ...], url: str) -> None:
    origin_of(*hosts)._check(url)


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (("*.plivo.com",), "http://media.plivo.com/a.mp3"),
        (("*.plivo.com",), "https://plivo.com/a.mp3"),
        (("*.plivo.com",), "https://media.plivo.com.example.com/a.mp3"),
        (("*.plivo.com",), "https://notplivo.com/a.mp3"),
        (("*.plivo.com",), "https://media.plivo.com:8443/a.mp3"),
        (("*.plivo.com",), "https://media.plivo.com@example.com/a.mp3"),
        (("*.plivo.com",), "https://user:x@media.plivo.com/a.mp3"),
        (("*.plivo.com",), "https://media.plivo.com:port/a.mp3"),
        (("*.plivo.com",), "https://[::1/a.mp3"),
        (("*.plivo.com",), "file:///etc/media.plivo.com"),
        (("*.plivo.com",), "//media.plivo.com/a.mp3"),
        (("*.plivo.com",), ""),
        (("media.example.com",), "https://x.media.example.com/a.mp3"),
        (("http://127.0.0.1:8001",), "http://127.0.0.1:8002/a.mp3"),
        (("http://127.0.0.1:8001",), "https://127.0.0.1:8001/a.mp3"),
        (("http://127.0.0.1:8001",), "http://127.0.0.2:8001/a.mp3"),
        ((), "https://media.plivo.com/a.mp3"),
        (("*.plivo.com",), "http://169.254.169.254/latest/meta-data"),
    ],
)
def test_any_other_host_is_refused_before_anything_is_sent(
    hosts: tuple[str, ...], url: str
) -> None:
    with pytest.raises(RecordingRefusedError), origin_of(*hosts).open(url):
        pass
