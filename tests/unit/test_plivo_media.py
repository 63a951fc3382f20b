"""Recordings come as streams, from hosts that are allowed and no others."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from masking.core.addresses import is_public
from masking.core.errors import RecordingNotReadyError, RecordingRefusedError
from masking.core.settings import Settings
from masking.plivo.download import Download, promise_of
from masking.plivo.media import Media
from proofs.http_listener import Answer, HttpListener, in_chunks, reply, reset
from tests.unit.test_template import TEMPLATE

CREDENTIALS = ("MAEXAMPLEACCOUNT0000", "a-token-of-plivos")
BASIC = f"Basic {base64.b64encode(':'.join(CREDENTIALS).encode()).decode()}"
AUDIO = b"ID3\x04" + bytes(range(256)) * 300


def origin_of(*hosts: str) -> Media:
    """Return an origin that allows *hosts*."""
    return Media(hosts, CREDENTIALS)


class Pieces:
    """A source that gives what it has in pieces of its own choosing."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, amount: int, /) -> bytes:
        """Return a piece, or its beginning."""
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
    wire: HttpListener, answer: Answer, length: int | None
) -> None:
    wire.answers(answer)

    with origin_of(wire.origin).open(f"{wire.origin}/a.mp3") as download:
        assert download.length == length
        assert read_all(download, 1000) == AUDIO


def test_no_encoding_comes_between_the_file_and_its_length(wire: HttpListener) -> None:
    wire.answers(reply(200, AUDIO))

    with origin_of(wire.origin).open(f"{wire.origin}/a.mp3"):
        pass

    assert wire.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("refusal", [401, 403])
def test_credentials_are_sent_only_if_the_origin_wants_them(
    wire: HttpListener, refusal: int
) -> None:
    wire.answers(reply(refusal), reply(200, AUDIO))

    with origin_of(wire.origin).open(f"{wire.origin}/a.mp3") as download:
        download.finish()

    first, second = wire.requests
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == BASIC


def test_credentials_that_are_not_taken_are_sent_once(wire: HttpListener) -> None:
    wire.answers(reply(401))

    with (
        pytest.raises(RecordingNotReadyError, match="401"),
        origin_of(wire.origin).open(f"{wire.origin}/a.mp3"),
    ):
        pass

    assert len(wire.requests) == 2


@pytest.mark.parametrize("status", [202, 204, 206, 403, 404, 410, 416, 429, 500, 503])
def test_any_other_answer_means_not_yet(wire: HttpListener, status: int) -> None:
    wire.answers(reply(status))

    with (
        pytest.raises(RecordingNotReadyError, match=str(status)),
        origin_of(wire.origin).open(f"{wire.origin}/a.mp3"),
    ):
        pass


STATUSES = (301, 302, 303, 307, 308)


@pytest.mark.parametrize("status", STATUSES)
def test_redirects_are_followed_without_credentials(
    wire: HttpListener, status: int
) -> None:
    with HttpListener() as elsewhere:
        location = {"Location": f"{elsewhere.origin}/b.mp3"}
        wire.answers(reply(401), reply(status, b"", location))
        elsewhere.answers(reply(200, AUDIO))

        origin = origin_of(wire.origin, elsewhere.origin)
        with origin.open(f"{wire.origin}/a.mp3") as download:
            download.finish()

        assert download.bytes_read == len(AUDIO)
        assert "authorization" in wire.requests[1].headers
        [asked] = elsewhere.requests
        assert "authorization" not in asked.headers


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_host_that_redirects_within_itself_and_then_asks_gets_the_credentials(
    wire: HttpListener, refusal: int
) -> None:
    onward = reply(302, b"", {"Location": "/b.mp3"})
    wire.answers(onward, reply(refusal), reply(200, AUDIO))

    with origin_of(wire.origin).open(f"{wire.origin}/a.mp3") as download:
        download.finish()

    assert [asked.path for asked in wire.requests] == ["/a.mp3", "/b.mp3", "/b.mp3"]
    sent = [asked.headers.get("authorization") for asked in wire.requests]
    assert sent == [None, None, BASIC]


def test_a_redirect_to_another_host_of_the_list_may_ask_for_credentials(
    wire: HttpListener,
) -> None:
    with HttpListener(reply(401), reply(200, AUDIO)) as elsewhere:
        wire.answers(reply(302, b"", {"Location": f"{elsewhere.origin}/b.mp3"}))

        origin = origin_of(wire.origin, elsewhere.origin)
        with origin.open(f"{wire.origin}/a.mp3") as download:
            download.finish()

        assert "authorization" not in wire.requests[0].headers
        sent = [asked.headers.get("authorization") for asked in elsewhere.requests]
        assert sent == [None, BASIC]


@pytest.mark.parametrize(
    ("hosts", "url", "is_trusted"),
    [
        (("*.plivo.com",), "https://media.plivo.com/a.mp3", True),
        (("*.plivo.com",), "https://cdn.example.com/a.mp3", False),
        (("*.plivo.com",), "https://x.s3.amazonaws.com/a.mp3", False),
        # A name under a domain that anybody can have a name under, listed or not.
        (("*.amazonaws.com",), "https://x.s3.amazonaws.com/a.mp3", False),
        (("https://s3.amazonaws.com",), "https://s3.amazonaws.com/a.mp3", False),
    ],
)
def test_no_host_sees_credentials_that_is_not_listed_or_that_anybody_can_rent(
    hosts: tuple[str, ...], url: str, is_trusted: bool
) -> None:
    origin = Media(hosts, CREDENTIALS, resolve=lambda *_: ["8.8.8.8"])

    assert origin._place(url, may_be_any=True).is_trusted is is_trusted


@pytest.mark.parametrize("status", [401, 403])
def test_a_host_that_is_not_trusted_asks_for_credentials_in_vain(
    wire: HttpListener, status: int
) -> None:
    wire.answers(reply(status))
    origin = origin_of(wire.origin)
    known = origin._place(f"{wire.origin}/a.mp3", may_be_any=False)
    place = replace(known, is_trusted=False)

    assert origin._ask(place).status == status

    [asked] = wire.requests
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(("hops", "fetched"), [(3, True), (4, False)])
def test_three_redirects_are_followed_and_no_fourth(
    wire: HttpListener, hops: int, fetched: bool
) -> None:
    onward = [reply(302, b"", {"Location": f"/{hop}"}) for hop in range(hops)]
    wire.answers(*onward, reply(200, AUDIO))

    try:
        with origin_of(wire.origin).open(f"{wire.origin}/a.mp3") as download:
            download.finish()
    except RecordingNotReadyError:
        assert not fetched
    else:
        assert fetched

    assert len(wire.requests) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://media.example.com/b.mp3",
        "https://media.example.com:8443/b.mp3",
        "https://user@media.example.com/b.mp3",
        "https://localhost/b.mp3",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/b.mp3",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_what_is_not_public_https_is_refused(
    wire: HttpListener, location: str
) -> None:
    wire.answers(reply(302, b"", {"Location": location}))

    with (
        pytest.raises(RecordingRefusedError),
        origin_of(wire.origin).open(f"{wire.origin}/a.mp3"),
    ):
        pass


# Where a name leads


def resolving(**names: list[str]) -> Callable[[str, int], list[str]]:
    """Return a resolver that knows these names alone."""

    def resolve(host: str, _port: int) -> list[str]:
        if host not in names:
            raise OSError
        return names[host]

    return resolve


@pytest.mark.parametrize(
    "found", [["10.0.0.1"], ["198.51.100.7", "127.0.0.1"], ["fd00::1"], ["0.0.0.0"]]
)
def test_a_listed_name_that_leads_inside_is_refused(found: list[str]) -> None:
    origin = Media(("media.plivo.com",), CREDENTIALS, resolve=lambda *_: found)

    with (
        pytest.raises(RecordingRefusedError, match="RecordingHosts") as refused,
        origin.open("https://media.plivo.com/a.mp3"),
    ):
        pass

    assert refused.value.host == "media.plivo.com"


def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    origin = Media(("media.plivo.com",), CREDENTIALS, resolve=resolving())

    with (
        pytest.raises(RecordingNotReadyError, match="resolved"),
        origin.open("https://media.plivo.com/a.mp3"),
    ):
        pass


def test_the_connection_goes_to_the_address_that_was_looked_at(
    wire: HttpListener,
) -> None:
    looked: list[str] = []
    port = int(wire.origin.rpartition(":")[2])

    def resolve(host: str, _port: int) -> list[str]:
        looked.append(host)
        return ["127.0.0.1"]

    wire.answers(reply(200, AUDIO))
    listed = f"http://recordings.example.com:{port}"
    origin = Media((listed,), CREDENTIALS, resolve=resolve)

    with origin.open(f"{listed}/a.mp3?x=1") as download:
        download.finish()

    assert looked == ["recordings.example.com"]
    assert wire.requests[0].headers["host"] == f"recordings.example.com:{port}"
    assert wire.requests[0].path == "/a.mp3?x=1"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1"),
        *("::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:1::1"),
        *("not an address", "", "127.1", "0x7f000001"),
    ],
)
def test_an_address_inside_is_not_public_however_it_is_dressed(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


# What the origin says of the file


def md5_of(content: bytes) -> bytes:
    """Return the MD5 of *content*."""
    return hashlib.md5(content, usedforsecurity=False).digest()


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"ETag": f'"{md5_of(b"other").hex()}"'}, "ETag"),
        ({"Content-MD5": base64.b64encode(md5_of(b"other")).decode()}, "Content-MD5"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_that_is_not_what_its_md5_says_is_not_ready(
    headers: dict[str, str], message: str, chunked: bool
) -> None:
    promise = promise_of(headers)
    length = None if chunked else len(AUDIO)
    download = Download(Pieces(AUDIO), length, promise)
    given: list[bytes] = []

    with pytest.raises(RecordingNotReadyError, match=message):
        given.extend(iter(lambda: download.read(1000), b""))

    # Of a file of known length nobody got the end; of the other one no end was said.
    assert b"".join(given) != AUDIO or chunked


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": f'"{md5_of(AUDIO).hex()}"'},
        {"Content-MD5": base64.b64encode(md5_of(AUDIO)).decode()},
        {"ETag": f'"{md5_of(b"parts").hex()}-3"'},
        {"ETag": f'W/"{md5_of(b"weak").hex()}"'},
        {"ETag": '"an opaque tag"'},
        {
            "ETag": f'"{md5_of(b"encrypted").hex()}"',
            "x-amz-server-side-encryption": "aws:kms",
        },
        {"Content-MD5": "not base64"},
        {},
    ],
    ids=repr,
)
def test_what_is_right_or_no_md5_at_all_is_no_objection(
    headers: dict[str, str],
) -> None:
    download = Download(Pieces(AUDIO), len(AUDIO), promise_of(headers))

    assert read_all(download, 1000) == AUDIO


def test_a_file_that_stays_as_it_is_is_believed_against_its_tag() -> None:
    promise = promise_of({"ETag": f'"{md5_of(b"no md5").hex()}"'})
    digest = hashlib.sha256(AUDIO).hexdigest()

    with pytest.raises(RecordingNotReadyError) as changed:
        Download(Pieces(AUDIO), len(AUDIO), promise).finish()
    believed = Download(Pieces(AUDIO), len(AUDIO), promise, suspect=digest)
    believed.finish()

    assert changed.value.suspect == believed.sha256 == digest
    assert believed.fits_md5 is False


def test_a_file_that_stays_as_it_is_is_believed_against_a_checksum_of_another() -> None:
    promise = promise_of({"Content-MD5": base64.b64encode(md5_of(b"other")).decode()})
    digest = hashlib.sha256(AUDIO).hexdigest()

    with pytest.raises(RecordingNotReadyError) as changed:
        Download(Pieces(AUDIO), len(AUDIO), promise).finish()
    Download(Pieces(AUDIO), len(AUDIO), promise, suspect=digest).finish()
    Download(Pieces(AUDIO), len(AUDIO), promise, accepted=True).finish()

    assert changed.value.suspect == digest


@pytest.mark.parametrize("length", ["", "\u0661", "-1", "1.5", "9" * 5001])
def test_a_length_that_is_no_number_is_no_promise(length: str) -> None:
    assert promise_of({"Content-Length": length}).length is None


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
    wire: HttpListener, answer: Answer
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
    origin = Media(hosts, CREDENTIALS, resolve=lambda *_: ["8.8.8.8"])

    assert origin._place(url, may_be_any=False).address == "8.8.8.8"


@pytest.mark.parametrize(
    ("asked", "tried"),
    [
        ("http://media.plivo.com/a.mp3?x=1", "https://media.plivo.com/a.mp3?x=1"),
        ("HTTP://Media.Plivo.com:80/a.mp3", "https://media.plivo.com/a.mp3"),
        ("http://media.plivo.com./a.mp3", "https://media.plivo.com/a.mp3"),
        (
            "http://s3.amazonaws.com/recordings_2013/a.mp3",
            "https://s3.amazonaws.com/recordings_2013/a.mp3",
        ),
        ("http://x.s3.amazonaws.com/a.mp3", "https://x.s3.amazonaws.com/a.mp3"),
        (
            "https://s3.amazonaws.com/recordings_2013/a.mp3",
            "https://s3.amazonaws.com/recordings_2013/a.mp3",
        ),
    ],
)
def test_an_address_in_clear_of_a_host_that_is_allowed_is_tried_over_tls(
    asked: str, tried: str
) -> None:
    origin = Media(("*.plivo.com",), CREDENTIALS, resolve=lambda *_: ["8.8.8.8"])

    place = origin._place(asked, may_be_any=False)

    assert (place.scheme, place.port) == ("https", 443)
    assert place.url == tried
    assert place.authority == place.host


def test_with_an_operators_word_any_public_host_is_asked_without_credentials() -> None:
    origin = Media(("*.plivo.com",), CREDENTIALS, resolve=lambda *_: ["8.8.8.8"])

    place = origin._place("https://elsewhere.example.com/a.mp3", may_be_any=True)

    assert place.address == "8.8.8.8"
    assert not place.is_trusted


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/a.mp3",
        "http://elsewhere.example.com/a.mp3",
        "https://elsewhere.example.com:8443/a.mp3",
        "https://169.254.169.254/latest/meta-data",
    ],
)
def test_an_operators_word_opens_nothing_inside_and_nothing_in_clear(url: str) -> None:
    with (
        pytest.raises(RecordingRefusedError),
        Media(("*.plivo.com",), CREDENTIALS).open(url, accepted=True),
    ):
        pass


def test_a_path_of_any_characters_is_asked_for(wire: HttpListener) -> None:
    wire.answers(reply(200, AUDIO))

    with origin_of(wire.origin).open(f"{wire.origin}/a b/\u00fc%20.mp3?x=\u00e9 1"):
        pass

    assert wire.requests[0].path == "/a%20b/%C3%BC%20.mp3?x=%C3%A9%201"


@pytest.mark.parametrize(
    "url",
    [
        f"https://{'a' * 64}.plivo.com/a.mp3",
        "https://..plivo.com/a.mp3",
        "https://m\u00e9dia.plivo.com/a.mp3",
        "https://media.plivo.com:99999/a.mp3",
    ],
)
def test_a_host_that_cannot_be_is_refused_and_named_malformed(url: str) -> None:
    with (
        pytest.raises(RecordingRefusedError) as refused,
        Media(("*.plivo.com",), CREDENTIALS).open(url),
    ):
        pass

    assert refused.value.reason == "malformed"


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (("*.plivo.com",), "http://media.plivo.com:8080/a.mp3"),
        (("*.plivo.com",), "http://elsewhere.example.com/a.mp3"),
        (("*.plivo.com",), "https://s3.amazonaws.com.example.com/a.mp3"),
        (("*.plivo.com",), "https://s3.amazonaws.com:8443/a.mp3"),
        (("*.plivo.com",), "ftp://media.plivo.com/a.mp3"),
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


@pytest.mark.parametrize(
    ("host", "is_trusted"),
    [
        ("media.plivo.com", True),
        # A region's, such as India's.
        ("aps1.media.plivo.com", True),
        ("plivo.com", False),
        ("api.plivo.com", False),
        ("docs.plivo.com", False),
        ("media.plivo.com.example.com", False),
    ],
)
def test_by_default_hosts_of_media_alone_may_see_credentials(
    host: str, is_trusted: bool
) -> None:
    default = TEMPLATE["Parameters"]["RecordingHosts"]["Default"]
    hosts = Settings({"RECORDING_HOSTS": default}).recording_hosts
    origin = Media(hosts, CREDENTIALS, resolve=lambda *_: ["8.8.8.8"])

    place = origin._place(f"https://{host}/a.mp3", may_be_any=True)

    assert place.is_trusted is is_trusted
