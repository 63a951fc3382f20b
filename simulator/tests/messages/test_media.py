"""Test the files of messages: uploads, limits, how long they stay, faults."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, SUBACCOUNT_ID
from plivo_simulator.messages.media_files import Upload
from plivo_simulator.messages.pictures import HEIGHT, WIDTH, picture
from plivo_simulator.parameters import BadParameterError

from ..masking_client import MAIN, SUB
from .desk import ALICE, US, Desk
from .test_message_api import URL, sent

pytestmark = pytest.mark.anyio

MEDIA = f"/v1/Account/{AUTH_ID}/Media/"
CAT = "https://files.example/cat.png"
MEGABYTE = 1024 * 1024
DAY = 86_400


def file_of(size: int = 100, name: str = "cat.png") -> Upload:
    """Return a file to keep."""
    return Upload(name, "image/png", bytes(size))


def kept(desk: Desk, size: int = 100) -> str:
    """Upload a file; return its id."""
    media = desk.stage.simulator.exchange.media
    return media.keep(AUTH_ID, file_of(size)).media_id


def is_there(desk: Desk, media_id: str) -> bool:
    """Return whether Plivo has a file still."""
    return desk.stage.simulator.exchange.media.get(media_id) is not None


# It is the SDK that leaves its files open, and prints their paths.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_sdk_uploads_and_a_message_carries_the_file(
    sdk: Any, served: httpx.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hills.png"
    path.write_bytes(picture("any"))

    answer = sdk.media.upload([str(path)])
    (uploaded,) = answer.objects
    uuid = sent(served, type="mms", media_ids=[uploaded.media_id])
    files = sdk.messages.get(uuid).listMedia()
    got = sdk.media.get(uploaded.media_id)
    listed = sdk.media.list()

    assert (uploaded.status, uploaded.content_type) == ("success", "image/png")
    assert (uploaded.file_name, uploaded.size) == ("hills.png", len(picture("any")))
    assert [each["media_id"] for each in files.objects] == [uploaded.media_id]
    assert files.objects[0]["message_uuid"] == uuid
    assert got.media_url == uploaded.media_url
    assert [each["media_id"] for each in listed.objects] == [uploaded.media_id]
    # Public: without credentials.
    fetched = httpx.get(uploaded.media_url, trust_env=False)
    assert fetched.content == picture("any")
    assert fetched.headers["content-type"] == "image/png"
    assert capsys.readouterr().out.strip() == str(path)


def upload(client: httpx.Client, *files: tuple[str, bytes, str]) -> httpx.Response:
    """Upload files as a form."""
    return client.post(MEDIA, files=[("file", each) for each in files], auth=MAIN)


def test_some_files_of_an_upload_may_fail(served: httpx.Client) -> None:
    answer = upload(
        served,
        ("cat.png", b"cat", "image/png"),
        ("big.png", bytes(2 * MEGABYTE + 1), "image/png"),
        ("run.exe", b"MZ", "application/x-msdownload"),
        ("doc.pdf", b"%PDF", "application/pdf"),
    )

    assert answer.status_code == 207
    objects = answer.json()["objects"]
    assert [each["status_code"] for each in objects] == [201, 400, 400, 201]
    assert objects[1]["error_message"] == "the file is larger than 2 MB"
    assert "is not supported" in objects[2]["error_message"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"json": {}}, "the body must be multipart/form-data"),
        ({"data": {"text": "x"}, "files": {}}, "the body must be multipart/form-data"),
        ({"files": [("text", (None, b"x"))]}, "file is missing"),
        (
            {"files": [("file", ("a.png", b"x", "image/png"))] * 11},
            "at most 10 files may be uploaded",
        ),
    ],
)
def test_an_upload_without_files_or_with_too_many_is_refused(
    served: httpx.Client, request_: dict[str, Any], said: str
) -> None:
    answer = served.post(MEDIA, auth=MAIN, **request_)

    assert (answer.status_code, answer.json()["error"]) == (400, said)


def test_files_are_shown_to_their_account_alone(served: httpx.Client) -> None:
    made = upload(served, ("cat.png", b"cat", "image/png")).json()["objects"][0]
    uuid = sent(served, type="mms", media_ids=[made["media_id"]])
    other = sent(served)
    of_message = f"{URL}{uuid}/Media/{made['media_id']}/"
    sub_media = f"/v1/Account/{SUBACCOUNT_ID}/Media/"

    found = served.get(of_message, auth=MAIN).json()
    misses = [
        served.get(f"{URL}{other}/Media/{made['media_id']}/", auth=MAIN),
        served.get(f"{URL}{made['media_id']}/Media/", auth=MAIN),
        served.get(f"{MEDIA}{uuid}/", auth=MAIN),
        served.get(f"{sub_media}{made['media_id']}/", auth=SUB),
        served.get(made["media_url"].replace(AUTH_ID, SUBACCOUNT_ID)),
    ]

    assert found["media_id"] == made["media_id"]
    assert [miss.status_code for miss in misses] == [404] * 5
    assert served.get(sub_media, auth=SUB).json()["objects"] == []


def test_a_persons_picture_is_served_as_it_is_named(served: httpx.Client) -> None:
    body = {"from": f"+{ALICE}", "to": f"+{US}", "pictures": 1, "picture_bytes": 9000}
    message = served.post("/_sim/messages", json=body).json()

    (medium,) = message["media"]
    answer = served.get(medium["url"])
    assert len(answer.content) == medium["size"] == 9000
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"media_gone": {"match": {"content_type": "image/png"}}}, 404),
        ({"media_5xx": {}}, 503),
        ({"media_5xx": {"status": 500}}, 500),
        ({"media_gone": {"match": {"content_type": "image/gif"}}}, 200),
    ],
)
def test_a_file_may_be_gone_by_a_fault(
    served: httpx.Client, fault: dict[str, Any], status: int
) -> None:
    body = {"from": f"+{ALICE}", "to": f"+{US}", "pictures": 1}
    message = served.post("/_sim/messages", json=body).json()
    served.put("/_sim/faults", json=fault)

    assert served.get(message["media"][0]["url"]).status_code == status


async def test_an_unused_file_is_deleted_after_six_hours(desk: Desk) -> None:
    media_id = kept(desk)

    await desk.pass_time(6 * 3600 - 1)
    before = is_there(desk, media_id)
    await desk.pass_time(1)

    assert before
    assert not is_there(desk, media_id)
    with pytest.raises(BadParameterError, match="media_ids is not valid"):
        desk.send(type="mms", media_ids=[media_id])


@pytest.mark.parametrize(
    ("switch", "after_a_year"), [("year", False), ("for_ever", True)]
)
async def test_a_switch_keeps_a_used_file_for_a_year_or_for_ever(
    desk: Desk, switch: str, after_a_year: bool
) -> None:
    desk.switch(media_kept=switch)
    media_id = kept(desk)
    desk.send(type="mms", media_ids=[media_id])

    await desk.pass_time(364 * DAY)
    before = is_there(desk, media_id)
    await desk.pass_time(2 * DAY)

    assert before
    assert is_there(desk, media_id) is after_a_year


async def test_files_named_by_url_are_fetched_when_the_message_is_sent(
    desk: Desk,
) -> None:
    png = {"content-type": "image/png; charset=binary"}
    desk.answer_at(CAT, httpx.Response(200, content=b"cat", headers=png))

    message = desk.send(type="mms", text="", media_urls=[CAT], media_ids=[kept(desk)])
    await desk.pass_time(3)

    assert message.state == "delivered"
    media = [desk.stage.simulator.store.media[media_id] for media_id in message.media]
    assert [(m.file_name, m.content_type, m.source_url) for m in media] == [
        ("cat.png", "image/png", ""),
        ("cat.png", "image/png", CAT),
    ]
    assert desk.stage.simulator.exchange.media.content(media[1]) == b"cat"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.ConnectError(""),
        httpx.ReadTimeout(""),
        httpx.Response(200, content=bytes(5 * MEGABYTE)),
    ],
)
async def test_a_file_that_can_not_be_had_or_is_too_large_fails_the_message(
    desk: Desk, answer: httpx.Response | Exception
) -> None:
    desk.answer_at(CAT, answer)

    message = desk.send(type="mms", media_urls=[CAT])
    await desk.pass_time(3)

    assert (message.state, message.error_code) == ("failed", "300")
    assert desk.statuses() == ["queued", "failed"]


@pytest.mark.parametrize(("last", "state"), [(-1, "delivered"), (0, "failed")])
async def test_files_are_smaller_than_five_megabytes_together(
    desk: Desk, last: int, state: str
) -> None:
    ids = [kept(desk, size) for size in (2 * MEGABYTE, 2 * MEGABYTE, MEGABYTE + last)]

    message = desk.send(type="mms", media_ids=ids)
    await desk.pass_time(3)

    assert message.state == state


async def test_a_file_that_went_while_the_message_waited_fails_it(desk: Desk) -> None:
    media_id = kept(desk)
    await desk.pass_time(6 * 3600 - 2)
    desk.answer_at(CAT, httpx.Response(200, content=b"cat"))

    first = desk.send(type="mms", media_urls=[CAT])
    second = desk.send(type="mms", media_ids=[media_id])
    await desk.pass_time(10)

    assert first.state == "delivered"
    assert second.error_code == "300"
    assert second.history[-2]["problem"] == "a file is gone"


def chunks(png: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG, each with a right checksum."""
    found, place = {}, 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        kind, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        (checksum,) = struct.unpack(">I", png[place + 8 + size : place + 12 + size])
        assert checksum == zlib.crc32(kind + data)
        found[kind] = data
        place += 12 + size
    return found


@pytest.mark.parametrize("size", [0, 5000, 2 * MEGABYTE])
def test_a_made_up_picture_is_a_png_of_the_wanted_size(size: int) -> None:
    png = picture("seed", size)

    found = chunks(png)
    rows = zlib.decompress(found[b"IDAT"])
    assert struct.unpack(">II", found[b"IHDR"][:8]) == (WIDTH, HEIGHT)
    assert len(rows) == HEIGHT * (1 + 3 * WIDTH)
    assert len(png) == size or not size
    assert picture("other", size) != png == picture("seed", size)
