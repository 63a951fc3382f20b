"""Test the phones page in calls that XML directs: each phone says what it hears."""

from __future__ import annotations

import httpx

from plivo_simulator.server import Running

from ..callback_receiver import CallbackReceiver
from .page import Page

CALLEE = "+12025550101"


def test_each_phone_says_what_it_hears(
    page: Page, simulator: Running, receiver: CallbackReceiver
) -> None:
    number = page.create_session()
    whisper = receiver.document(
        "/whisper", "<Speak>A customer is calling you now. Please press one.</Speak>"
    )
    answer = receiver.document(
        "/answer",
        "<Speak>Thank you for calling. We will connect you in a moment.</Speak>"
        f"<Dial callerId='12025550180' confirmSound='{whisper}' confirmKey='1'>"
        f"<Number>{CALLEE}</Number></Dial>",
    )
    api = httpx.Client(base_url=f"{simulator.origin}/_sim", trust_env=False)
    with api:
        digits = "".join(each for each in number if each.isdigit())
        api.put(f"/numbers/+{digits}", json={"answer_url": answer}).raise_for_status()
        switches = {"masking_takes": "no_application"}
        api.put("/switches", json=switches).raise_for_status()

        page.first.press("call")
        page.first.shows("Listening")
        caption = page.first.text
        page.second.shows("Incoming call")
        page.first.shows("Ringing")
        page.second.press("answer")
        page.second.shows("Press keys")
        page.second.type("1")
        page.second.shows("Connected")
        page.first.shows("Connected")
        page.first.has_talked(1)
        page.second.press("hangup")
        page.first.shows("Call ended")

    assert "Thank you for calling" in caption
