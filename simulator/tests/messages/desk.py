"""Write, send and read messages on a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import httpx

from plivo_simulator.account import AUTH_ID
from plivo_simulator.messages.inbound import Incoming
from plivo_simulator.messages.orders import read_order
from plivo_simulator.messages.records import Message
from plivo_simulator.store import Application

from ..stage import Stage

US, US_2, GB = "12025550180", "12025550181", "442079460100"
ALICE, BOB = "12025550100", "12025550101"
MESSAGE_URL = "https://app.example/messages"
STATUS_URL = "https://app.example/status"
XML = {"content-type": "application/xml"}


@dataclass
class Desk:
    """Shorthands for messages on *stage*; its numbers have an application."""

    stage: Stage

    def __post_init__(self) -> None:
        store = self.stage.simulator.store
        app = Application("1", AUTH_ID, "texts", message_url=MESSAGE_URL)
        store.applications["1"] = self.application = app
        for digits in (US, US_2, GB):
            store.numbers[digits].app_id = "1"

    def write(
        self, text: str, phone: str = ALICE, number: str = US, pictures: int = 0
    ) -> Message:
        """Let *phone* write to *number*."""
        exchange = self.stage.simulator.exchange
        media = [exchange.media.make_up(AUTH_ID) for _ in range(pictures)]
        return exchange.take(Incoming(phone, number, text, media))

    def order(self, **body: Any) -> list[Message]:
        """Send what *body* asks for: by default a text with status callbacks."""
        simulator = self.stage.simulator
        asked = {"src": US, "dst": ALICE, "text": "hello", "url": STATUS_URL, **body}
        now = simulator.clock.now()
        order = read_order(simulator.store, simulator.switches, AUTH_ID, asked, now)
        return simulator.exchange.send(order)

    def send(self, **body: Any) -> Message:
        """Send one message."""
        (message,) = self.order(**body)
        return message

    async def pass_time(self, seconds: float) -> None:
        """Advance simulated time and run everything due by then."""
        await self.stage.pass_time(seconds)

    def switch(self, **chosen: str) -> None:
        """Set switches."""
        self.stage.simulator.switches.set(chosen)

    def arm(self, **faults: dict[str, Any]) -> None:
        """Arm faults."""
        self.stage.simulator.faults.arm(faults)

    def answer(self, *answers: httpx.Response | Exception) -> None:
        """Have the message URL give *answers* in turn, the last for ever."""
        self.answer_at(MESSAGE_URL, *answers)

    def answer_at(self, url: str, *answers: httpx.Response | Exception) -> None:
        """Have *url* give *answers* in turn, the last for ever."""
        self.stage.turns[url] = list(answers)

    def requests(self, url: str = MESSAGE_URL) -> list[httpx.Request]:
        """Return the requests to *url* so far."""
        return [r for r in self.stage.sent if str(r.url).partition("?")[0] == url]

    def forms(self, url: str = MESSAGE_URL) -> list[dict[str, str]]:
        """Return their decoded parameters."""
        return [form(request) for request in self.requests(url)]

    def statuses(self, message: Message | None = None) -> list[str]:
        """Return what the status URL heard, of all messages or of one."""
        uuid = message.message_uuid if message else None
        forms = self.forms(STATUS_URL)
        return [f["Status"] for f in forms if uuid in (None, f["MessageUUID"])]

    def sent_by_app(self) -> list[Message]:
        """Return the messages of the account, oldest first."""
        messages = self.stage.simulator.store.messages.values()
        return [m for m in messages if m.direction == "outbound" and not m.by_plivo]

    def by_plivo(self) -> list[Message]:
        """Return what Plivo itself has sent."""
        return [m for m in self.stage.simulator.store.messages.values() if m.by_plivo]


def form(request: httpx.Request) -> dict[str, str]:
    """Return the decoded parameters of a request: of its query for GET."""
    text = request.url.query if request.method == "GET" else request.content
    return dict(parse_qsl(text.decode(), keep_blank_values=True))


def reply(*messages: str) -> httpx.Response:
    """Return an answer with these elements."""
    text = f"<Response>{''.join(messages)}</Response>"
    return httpx.Response(200, text=text, headers=XML)


def text_back(text: str, src: str = US, dst: str = ALICE, more: str = "") -> str:
    """Return a Message element."""
    return f'<Message src="{src}" dst="{dst}" {more}>{text}</Message>'
