"""Take the messages of people: heed STOP, tell the application, carry out its reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from ..parameters import BadParameterError
from ..records import Callback
from ..store import Application, Number
from ..switches import Switches
from .answers import BadAnswerError, read_answer
from .documents import inbound_attributes, media_url
from .journal import Journal
from .keywords import HELP, OPT_IN, OPT_OUT, REPLIES, intent_of
from .opt_outs import OptOuts, heeds_keywords
from .orders import Order, read_order
from .prices import price_of
from .records import INBOUND, OUTBOUND, Medium, Message
from .segments import encode
from .webhooks import MESSAGE, Webhooks


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that *phone* writes to *number*, which is rented."""

    phone: str
    number: str
    text: str
    media: Sequence[Medium] = ()
    hops: int = 0


class Inbound:
    """The way of messages from a phone to the account's application."""

    def __init__(
        self,
        journal: Journal,
        switches: Switches,
        webhooks: Webhooks,
        opt_outs: OptOuts,
        send: Callable[[Order, int], list[Message]],
        origin: str,
    ) -> None:
        self._journal = journal
        self._store = journal.store
        self._switches = switches
        self._webhooks = webhooks
        self._opt_outs = opt_outs
        self._send = send
        self._origin = origin

    def take(self, incoming: Incoming) -> Message:
        """Take a message and tell the number's application."""
        number = self._store.numbers[incoming.number]
        application = self._store.applications.get(number.app_id)
        kind = "mms" if incoming.media else "sms"
        intent = ""
        if heeds_keywords(number) and kind == "sms":
            intent = intent_of(incoming.text, self._switches["stop_words"])
        message = self._journal.new_message(
            account=number.rented.account,
            direction=INBOUND,
            from_number=incoming.phone,
            to_number=incoming.number,
            kind=kind,
            text=incoming.text,
            units=1 if incoming.media else encode(incoming.text).segments,
            rate=str(price_of(number.rented.country, kind).inbound),
            state="received",
            intent=intent,
            media=[medium.media_id for medium in incoming.media],
            log="true" if _is_logged(application) else "false",
            powerpack_uuid=self._powerpack_of(incoming.number),
            hops=incoming.hops,
        )
        for medium in incoming.media:
            medium.used_at = medium.used_at or message.created_at
            self._store.media[medium.media_id] = medium
        self._journal.keep(message)
        self._heed(message, number)
        if application and application.message_url:
            self._tell(message, application)
        return message

    def ended(self, callback: Callback, answer: httpx.Response | None) -> None:
        """Note how a request about a message ended, and carry out what was answered."""
        message = self._store.messages.get(callback.message_uuid)
        if message is None:
            return  # A reset has forgotten it.
        if answer is None:
            if message.state == "received":
                self._journal.change(message, "undelivered")
            return
        if message.state != "delivered":
            self._journal.change(message, "delivered")
        repeated, message.answered = message.answered, True
        if not repeated or self._switches["repeated_answer"] == "each":
            self._reply(message, answer)

    def _heed(self, message: Message, number: Number) -> None:
        """Do what Plivo does by itself at STOP, START and HELP."""
        now = self._journal.clock.now()
        if message.intent == OPT_OUT:
            self._opt_outs.add(number, message.phone, now)
        elif message.intent == OPT_IN:
            if not self._opt_outs.lift(number, message.phone):
                return
        elif message.intent != HELP:
            return
        reply = self._journal.new_message(
            account=message.account,
            direction=OUTBOUND,
            from_number=number.digits,
            to_number=message.phone,
            kind="sms",
            text=REPLIES[message.intent],
            units=1,
            rate="0",
            state="delivered",
            by_plivo=True,
        )
        reply.sent_at = reply.arrived_at = now
        self._journal.keep(reply)

    def _tell(self, message: Message, application: Application) -> None:
        told = self._switches["opt_out_webhook"]
        stopped = message.intent == OPT_OUT
        if stopped and told == "withheld":
            return
        media = (self._store.media[media_id] for media_id in message.media)
        attributes = inbound_attributes(
            message,
            [media_url(medium, self._origin) for medium in media],
            0 if self._switches["media_index"] == "from_0" else 1,
            with_text=not (stopped and told == "without_text"),
        )
        address = (application.message_url, application.message_method)
        event = "MessageReceived"
        callback = self._journal.callback(message, MESSAGE, event, address, attributes)
        self._webhooks.post(callback, self.ended)

    def _reply(self, message: Message, answer: httpx.Response) -> None:
        """Send the messages of an answer; a bad one sends none at all."""
        now = self._journal.clock.now()
        try:
            bodies = read_answer(answer.text, answer.headers.get("content-type", ""))
            orders = [
                read_order(self._store, self._switches, message.account, body, now)
                for body in bodies
            ]
            for order in orders:
                for sent in self._send(order, message.hops):
                    self._journal.note(
                        message, "answered", message_uuid=sent.message_uuid
                    )
        except (BadAnswerError, BadParameterError) as problem:
            self._journal.note(message, "bad answer", problem=str(problem))

    def _powerpack_of(self, number: str) -> str:
        packs = self._store.powerpacks.values()
        found = (pack.powerpack_uuid for pack in packs if number in pack.numbers)
        return next(found, "")


def _is_logged(application: Application | None) -> bool:
    return application is None or application.log_incoming_messages
