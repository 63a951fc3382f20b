"""Run calls: start them, pass actions to them, keep their records, report them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from .answer_urls import AnswerUrls
from .callbacks import Courier
from .clock import Clock
from .conversation import Action, Conversation
from .faults import Faults
from .parameters import BadParameterError
from .phones import Plan, read_plan
from .prompts import Prompts
from .recording_files import Recorder
from .records import Call, LegRecord
from .reports import Reporter
from .rules import flow
from .rules.model import BUSY, Cause, Leg, Session
from .rules.routing import Connect, Decision, HandOver, route
from .rules.steps import Flow, Moment, Outcome, Report
from .store import Store
from .voice.arrivals import Arrivals
from .voice.conferences import Room
from .voice.flow_elements import Message
from .voice.requests import Requests
from .voice.voice_call import Directions, Outgoing, VoiceCall


class NoSuchCallError(LookupError):
    """There is no such call, or it is over."""


class Engine:
    """Everything that calls share: phones, the clock, records, the courier."""

    def __init__(
        self,
        *,
        clock: Clock,
        store: Store,
        faults: Faults,
        courier: Courier,
        reporter: Reporter,
        prompts: Prompts,
        answer_urls: AnswerUrls,
        send_message: Callable[[str, Mapping[str, Any]], list[str]],
        announce: Callable[[str, Call], None],
    ) -> None:
        self.clock = clock
        self.audio = prompts
        self.answer_urls = answer_urls
        self.default_plan = Plan()
        self.plans: dict[str, Plan] = {}
        self.store = store
        self.faults = faults
        self.switches = reporter.switches
        self.requests = Requests(reporter.switches)
        self.rooms: dict[tuple[str, str], Room] = {}
        self._courier = courier
        self._reporter = reporter
        self.recorder = Recorder(store, faults, clock, reporter)
        self._send_message = send_message
        self._announce = announce
        self._busy: Counter[str] = Counter()
        self._running: dict[str, Conversation | VoiceCall] = {}
        self._arrivals = Arrivals(clock)
        self._tasks: set[asyncio.Task[None]] = set()

    def place_call(
        self,
        caller: str,
        number: str,
        script: Mapping[str, Any],
        *,
        led_by: Call | None = None,
    ) -> Call:
        """Place a call to *number*; *script* overrides the phones' plans.

        *led_by* is the call of the account whose dial led here.
        """
        rented = self.store.numbers[number].rented
        call = self.new_call(rented.account, caller, number, "inbound")
        # A network often gives the number for a name, so that it shows twice.
        name = script.get("caller_name", f"+{caller}" if caller else "")
        call.hops, call.caller_name = led_by.hops + 1 if led_by else 0, str(name)
        leg = self.add_leg(call, Leg.CALLER, caller)
        if led_by is None:
            self.occupy(leg)
        decision = self._route(caller, number)
        goes_to_application = isinstance(decision, HandOver)
        limit = self.switches["inbound_limit"]
        if self._arrivals.is_too_many(limit, goes_to_application=goes_to_application):
            leg.cause, leg.ended_by = BUSY, "Plivo"
            self._finish(call, Outcome.BUSY)
            return call
        self._start(call, script, flow.inbound(decision))
        return call

    def call_first_party(self, session: Session) -> Call:
        """Start the call that a session asks for at its creation."""
        number, caller = session.virtual_number, session.first_party
        call = self.new_call(session.account, caller, number, "outbound")
        self._start(call, {}, flow.outbound(session))
        return call

    def make_call(self, call: Call, directions: Directions, wanted: Outgoing) -> None:
        """Start *call*, which the API makes to `call.caller`."""
        leg = self.add_leg(call, Leg.CALLER, call.caller)
        leg.caller_id, leg.caller_name = call.virtual_number, call.caller_name
        call.outcome = Outcome.HANDED_OVER
        talk = VoiceCall(self, call, {})
        self._running[call.call_uuid] = talk
        self.spawn(self._run(call, talk.outbound(directions, wanted)), call.call_uuid)
        self.changed(call)

    def act(self, call_uuid: str, action: Action) -> None:
        """Pass a person's *action* to a call. Raise NoSuchCallError when it is over."""
        call, leg = self.store.legs.get(call_uuid, (None, None))
        if call is None or leg is None or call.call_uuid not in self._running:
            raise NoSuchCallError(call_uuid)
        if call.call_uuid != call_uuid:
            action = replace(action, leg=leg.leg, leg_uuid=call_uuid)
        self._running[call.call_uuid].act(action)

    def cut_calls_of(self, session: Session, cause: Cause) -> None:
        """End the calls of *session* that are up."""
        for call_uuid in session.calls:
            if call_uuid in self._running:
                action = Action("cut", Leg.CALLER, cause=cause)
                self._running[call_uuid].act(action)

    def voice_call(self, call: Call) -> VoiceCall | None:
        """Return the running call that XML directs, None when it is another or over."""
        talk = self._running.get(call.call_uuid)
        return talk if isinstance(talk, VoiceCall) else None

    def conversation(self, call: Call) -> Conversation | VoiceCall | None:
        """Return the running conversation of *call*, or None when it is over."""
        return self._running.get(call.call_uuid)

    def plan_of(self, number: str, script: Mapping[str, Any]) -> Plan:
        """Return how the phone of *number* behaves in a call with *script*."""
        return read_plan(script, self.plans.get(number, self.default_plan))

    def check_plan(self, script: Mapping[str, Any]) -> None:
        """Raise ValueError when *script* is no plan."""
        read_plan(script, self.default_plan)

    def add_leg(self, call: Call, leg: Leg, number: str) -> LegRecord:
        """Begin a leg of *call* to the phone of *number*; the first shares its UUID."""
        call_uuid = call.call_uuid if leg is Leg.CALLER else str(uuid4())
        record = LegRecord(leg, number, self.clock.now(), call_uuid)
        self.store.add_leg(call, record)
        return record

    def is_busy(self, number: str) -> bool:
        """Return whether the phone of *number* is in a call or rings."""
        return self._busy[number] > 0

    def occupy(self, leg: LegRecord) -> None:
        """Mark the phone of a leg as busy."""
        leg.holds_phone = True
        self._busy[leg.number] += 1

    def release(self, leg: LegRecord) -> None:
        """Mark the phone of a leg as free."""
        if leg.holds_phone:
            leg.holds_phone = False
            self._busy[leg.number] -= 1

    def changed(self, call: Call) -> None:
        """Send listeners the changed *call*."""
        self._announce("call", call)

    def report(self, report: Report, call: Call) -> None:
        """Bind *call* to its session and send the callback for a moment of it."""
        session = report.route.session
        if not call.session_uuid:
            call.session_uuid = session.session_uuid
            session.calls.append(call.call_uuid)
        if report.moment is Moment.SECOND_INITIATED:
            self._remember_caller(report.route, call)
        if callback := self._reporter.on_call(report, call):
            self._courier.post(callback)

    def send_text(self, call: Call, verb: Message) -> None:
        """Send the text that a document of *call* asks for; a bad one is noted."""
        body = {"src": verb.src, "dst": verb.dst, "type": verb.type, "text": verb.text}
        if verb.callback_url:
            body |= {"url": verb.callback_url, "method": verb.callback_method}
        try:
            sent = self._send_message(call.account, body)
            call.note(self.clock.now(), "message", message_uuids=sent)
        except BadParameterError as problem:
            call.note(self.clock.now(), "refused a message", why=str(problem))
        self.changed(call)

    def drop(self, call: Call) -> None:
        """Forget a call that was never made."""
        self.store.calls.pop(call.call_uuid, None)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run *work* on the clock until it ends, or everything is forgotten."""
        task = self.clock.run(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def forget(self) -> None:
        """Cancel every call and clear every phone's plan."""
        for task in self._tasks:
            task.cancel()
        self.plans.clear()
        self.default_plan = Plan()
        self._busy.clear()
        self._running.clear()
        self._arrivals.forget()
        self.rooms.clear()

    def new_call(self, account: str, caller: str, number: str, direction: str) -> Call:
        """Keep a new call between *caller* and the account's *number*."""
        now = self.clock.now()
        call = Call(str(uuid4()), account, caller, number, now, direction)
        self.store.calls[call.call_uuid] = call
        return call

    def _route(self, caller: str, number: str) -> Decision:
        takes, sessions = self.switches["masking_takes"], self.store.on_number(number)
        app_id, now = self.store.numbers[number].app_id, self.clock.now()
        parties = {p for s in sessions if s.is_live(now) for p in s.parties}
        if app_id and takes == "no_application":
            return HandOver()
        if app_id and takes == "parties" and caller not in parties:
            return HandOver()
        return route(caller, sessions, now)

    def _start(self, call: Call, script: Mapping[str, Any], steps: Flow) -> None:
        conversation = Conversation(self, call, script)
        self._running[call.call_uuid] = conversation
        work = self._converse(conversation, steps, script)
        self.spawn(self._run(call, work), f"call {call.call_uuid}")
        self.changed(call)

    async def _converse(
        self, conversation: Conversation, steps: Flow, script: Mapping[str, Any]
    ) -> None:
        call = conversation.call
        call.outcome = await conversation.play(steps)
        if call.outcome is Outcome.HANDED_OVER:
            number = self.store.numbers[call.virtual_number]
            application = self.store.applications.get(number.app_id)
            talk = VoiceCall(self, call, script)
            self._running[call.call_uuid] = talk
            await talk.inbound(Directions.of(application))

    async def _run(self, call: Call, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self._finish(call, call.outcome)

    def _finish(self, call: Call, outcome: Outcome | None) -> None:
        call.outcome, call.ended_at = outcome, self.clock.now()
        for leg in call.every_leg:
            if leg.ended_at is None:
                leg.ended_at = call.ended_at
            self.release(leg)
        self._running.pop(call.call_uuid, None)
        call.over.set()
        self.changed(call)

    def _remember_caller(self, connection: Connect, call: Call) -> None:
        session = connection.session
        if session.missing_party is connection.party and not connection.registered:
            session.last_caller = call.caller
