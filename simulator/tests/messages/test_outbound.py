"""Test the way of a message to a phone: turns, states, reports, price."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, AUTH_TOKEN, new_number
from plivo_simulator.messages.documents import message_document
from plivo_simulator.messages.records import Message, Powerpack
from plivo_simulator.parameters import BadParameterError

from ..stage import NOON
from .desk import ALICE, BOB, GB, STATUS_URL, US, Desk, form
from .test_inbound import is_v2_signed, signature_headers

pytestmark = pytest.mark.anyio

PICTURE = "https://files.example/cat.png"


def after(message: Message) -> float | None:
    """Return how many seconds after noon *message* was sent."""
    return (message.sent_at - NOON).total_seconds() if message.sent_at else None


async def test_a_message_is_queued_sent_and_delivered_and_each_is_reported(
    desk: Desk,
) -> None:
    message = desk.send(text="hello")
    await desk.pass_time(2)

    told = desk.forms(STATUS_URL)
    assert [t["Status"] for t in told] == ["queued", "sent", "delivered"]
    assert [t["Sequence"] for t in told] == ["1", "2", "3"]
    assert told[2] == {
        "MessageUUID": message.message_uuid,
        "ParentMessageUUID": message.message_uuid,
        "From": US,
        "To": ALICE,
        "Status": "delivered",
        "ErrorCode": "000",
        "Units": "1",
        "TotalRate": "0.00350",
        "TotalAmount": "0.00350",
        "MCC": "310",
        "MNC": "999",
        "Sequence": "3",
        "MessageTime": "2026-03-02 12:00:00",
        "QueuedTime": "2026-03-02 12:00:00",
        "SentTime": "2026-03-02 12:00:00",
        "DeliveryReportTime": "2026-03-02 12:00:01",
        "PowerpackUUID": "",
        "Type": "sms",
        "requester_ip": "",
    }
    assert (told[0]["SentTime"], told[1]["DeliveryReportTime"]) == ("", "")
    assert [line["what"] for line in message.history] == ["queued", "sent", "delivered"]


async def test_status_requests_are_signed_and_tried_again_as_others(
    desk: Desk,
) -> None:
    desk.answer_at(STATUS_URL, httpx.Response(500), httpx.Response(200))

    desk.send(method="GET")
    await desk.pass_time(61)

    requests = desk.requests(STATUS_URL)
    assert [form(r)["Status"] for r in requests].count("queued") == 2
    assert {r.method for r in requests} == {"GET"}
    assert signature_headers(requests[0]) == {"v2", "ma-v2", "v2-nonce"}
    assert all(is_v2_signed(request, AUTH_TOKEN) for request in requests)


async def test_without_a_url_nothing_is_reported(desk: Desk) -> None:
    message = desk.send(url=None)
    await desk.pass_time(10)

    assert message.state == "delivered"
    assert desk.stage.sent == []


async def test_an_account_sends_five_texts_a_second_and_the_rest_waits(
    desk: Desk,
) -> None:
    messages = [desk.send(dst=f"1202555{n:04}") for n in range(12)]
    await desk.pass_time(0)
    at_once = [m.state for m in messages].count("sent")
    await desk.pass_time(5)

    assert at_once == 1
    moments = [after(m) for m in messages]
    assert moments == pytest.approx([n / 5 for n in range(12)])


async def test_it_sends_one_message_with_media_in_four_seconds_beside_the_texts(
    desk: Desk,
) -> None:
    pictures = [desk.send(type="mms", media_urls=[PICTURE]) for _ in range(3)]
    text = desk.send()
    await desk.pass_time(20)

    assert [after(m) for m in pictures] == [0, 4, 8]
    assert after(text) == 0


async def test_a_message_that_waits_longer_than_it_may_fails_and_is_free(
    desk: Desk,
) -> None:
    for _ in range(40):
        desk.send(dst=BOB)
    late = desk.send(message_expiry=5)
    patient = desk.send()
    await desk.pass_time(4)
    before = late.state
    await desk.pass_time(20)

    assert before == "queued"
    assert (late.state, late.error_code) == ("failed", "420")
    assert late.amount == 0
    assert desk.statuses(late) == ["queued", "failed"]
    # It has taken nobody's turn.
    assert after(patient) == 8


async def test_a_message_may_wait_for_three_hours_by_default(desk: Desk) -> None:
    assert desk.send().expiry == 3 * 3600


@pytest.mark.parametrize(
    ("text", "units", "amount"),
    [("a" * 160, 1, "0.00350"), ("a" * 161, 2, "0.00700"), ("д" * 71, 2, "0.00700")],
)
async def test_a_text_is_billed_by_the_segment(
    desk: Desk, text: str, units: int, amount: str
) -> None:
    message = desk.send(text=text)
    await desk.pass_time(2)

    document = message_document(message, None)
    assert (document["units"], document["total_rate"]) == (units, "0.00350")
    assert document["total_amount"] == amount
    assert document["carrier_fees_rate"] == "0.00300"
    assert document["carrier_fees"] == f"{0.003 * units:.5f}"


async def test_a_message_with_media_is_billed_as_one(desk: Desk) -> None:
    message = desk.send(type="mms", text="a" * 900, media_urls=[PICTURE])
    await desk.pass_time(2)

    assert (message.units, str(message.amount)) == (1, "0.0160")


async def test_a_country_has_its_own_rate(desk: Desk) -> None:
    message = desk.send(src=GB, dst="447700900123")
    await desk.pass_time(2)

    assert message.state == "delivered"
    assert str(message.amount) == "0.0400"


async def test_a_switch_makes_sent_the_last_word_though_the_phone_has_it(
    desk: Desk,
) -> None:
    desk.switch(delivery_reports="off")

    message = desk.send()
    await desk.pass_time(100)

    assert message.state == "sent"
    assert message.arrived_at == NOON + timedelta(seconds=1)
    assert desk.statuses() == ["queued", "sent"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"src": "12025550199999"}, "40"),
        ({"src": "ACME"}, "40"),
        ({"src": "912200550101"}, "40"),
        ({"src": GB, "type": "mms", "media_urls": [PICTURE]}, "40"),
        ({"dst": "447700900123", "type": "mms", "text": "x"}, "100"),
        ({"text": "a" * 1601}, "110"),
        ({"text": "д" * 738}, "110"),
    ],
)
async def test_what_is_bound_to_fail_fails_or_is_refused_by_a_switch(
    desk: Desk, body: dict[str, object], code: str
) -> None:
    message = desk.send(**body)
    await desk.pass_time(2)
    desk.switch(doomed_message="refused")
    with pytest.raises(BadParameterError):
        desk.send(**body)

    assert (message.state, message.error_code) == ("failed", code)
    assert message.amount == 0
    assert desk.sent_by_app() == [message]


async def test_senders_are_free_outside_the_us_and_canada(desk: Desk) -> None:
    messages = [desk.send(src=src, dst="447700900123") for src in ("ACME", "33123456")]
    await desk.pass_time(2)

    assert [m.state for m in messages] == ["delivered"] * 2


@pytest.mark.parametrize(
    ("digits", "field", "value", "state"),
    [
        (US, "registration", "UNREGISTERED", "failed"),
        (US, "registration", "PROCESSING", "failed"),
        (US, "verification", "UNVERIFIED", "delivered"),
        ("18005550199", "verification", "VERIFIED", "delivered"),
        ("18005550199", "verification", "UNVERIFIED", "failed"),
        ("18005550199", "registration", "UNREGISTERED", "delivered"),
    ],
)
async def test_us_numbers_send_once_they_are_registered(
    desk: Desk, digits: str, field: str, value: str, state: str
) -> None:
    store = desk.stage.simulator.store
    if digits not in store.numbers:
        store.rent(new_number(digits, "US"))
    setattr(store.numbers[digits], field, value)

    message = desk.send(src=digits)
    await desk.pass_time(2)

    assert message.state == state
    assert message.error_code == ("000" if state == "delivered" else "100")


async def test_a_powerpack_keeps_a_persons_number_and_uses_all_of_them(
    desk: Desk,
) -> None:
    numbers = ["12025550185", "12025550186"]
    store = desk.stage.simulator.store
    store.powerpacks["pool"] = Powerpack("pool", AUTH_ID, numbers)
    pool = {"src": None, "powerpack_uuid": "pool"}

    sent = desk.order(dst=f"{ALICE}<{BOB}<12025550102", **pool)
    again = desk.send(dst=BOB, **pool)
    desk.write("back", number=numbers[1])
    await desk.pass_time(5)

    assert [m.from_number for m in sent] == [*numbers, numbers[0]]
    assert again.from_number == sent[1].from_number
    assert desk.forms(STATUS_URL)[0]["PowerpackUUID"] == "pool"
    inbound = [m for m in store.messages.values() if m.direction == "inbound"]
    assert inbound[0].powerpack_uuid == "pool"


async def test_a_carrier_rejects_and_a_phone_is_out_of_reach_by_faults(
    desk: Desk,
) -> None:
    desk.arm(
        message_rejected={"match": {"to": ALICE}}, message_undelivered={"code": 70}
    )

    rejected, lost = desk.send(), desk.send(dst=BOB)
    await desk.pass_time(3)

    assert (rejected.state, rejected.error_code) == ("failed", "30")
    assert (lost.state, lost.error_code) == ("undelivered", "70")
    assert desk.statuses(rejected) == ["queued", "failed"]
    assert desk.statuses(lost) == ["queued", "sent", "undelivered"]
    assert rejected.amount == 0
    assert str(lost.amount) == "0.0035"
    assert rejected.arrived_at is lost.arrived_at is None


async def test_a_status_may_be_missing_doubled_or_late(desk: Desk) -> None:
    desk.arm(
        message_status_missing={"match": {"Status": "queued"}},
        message_status_doubled={"match": {"Status": "sent"}, "copies": 2},
        message_status_late={"match": {"Status": "delivered"}, "seconds": 30},
    )

    message = desk.send()
    await desk.pass_time(20)
    before = desk.statuses()
    await desk.pass_time(20)

    assert message.state == "delivered"
    assert before == ["sent"] * 3
    assert desk.statuses() == ["sent"] * 3 + ["delivered"]


async def test_what_a_reset_forgets_goes_nowhere(desk: Desk) -> None:
    desk.answer(httpx.Response(500))
    desk.write("hello")
    for _ in range(9):
        desk.send()
    await desk.pass_time(0)
    sent = len(desk.stage.sent)

    desk.stage.simulator.reset()
    await desk.pass_time(1000)

    assert len(desk.stage.sent) == sent
    assert desk.stage.simulator.store.messages == {}
    # And nobody waits behind the queue of before.
    again = desk.send()
    await desk.pass_time(0)
    assert again.state == "sent"


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        ("true", ALICE),
        ("number_only", ALICE),
        ("false", "12025550***"),
        ("content_only", "12025550***"),
    ],
)
async def test_log_decides_whether_the_record_has_the_whole_number(
    desk: Desk, log: str, shown: str
) -> None:
    message = desk.send(log=log)
    await desk.pass_time(2)

    assert message_document(message, None)["to_number"] == shown
    assert desk.forms(STATUS_URL)[0]["To"] == ALICE
