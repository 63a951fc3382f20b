"""Run calls: start them, pass actions to them, keep their records, report them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from . import audio
from .answer_urls import AnswerUrls
from .callbacks import Courier
from .clock import Clock
from .conversation import Action, Conversation
from .faults import Faults
from .phones import Plan, read_plan
from .prompts import Prompts
from .records import Call, LegRecord, Recording
from .reports import Reporter
from .rules import flow
from .rules.model import Cause, Leg, Session
from .rules.routing import Connect, route
from .rules.steps import Flow, Moment, Outcome, Report
from .store import Store


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
        announce: Callable[[str, Call], None],
    ) -> None:
        self.clock = clock
        self.audio = prompts
        self.answer_urls = answer_urls
        self.default_plan = Plan()
        self.plans: dict[str, Plan] = {}
        self._store = store
        self._faults = faults
        self._courier = courier
        self._reporter = reporter
        self._announce = announce
        self._busy: Counter[str] = Counter()
        self._running: dict[str, Conversation] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def place_call(self, caller: str, number: str, script: Mapping[str, Any]) -> Call:
        """Place a call to *number*; *script* overrides the phones' plans."""
        rented = self._store.numbers[number].rented
        call = self._new_call(rented.account, caller, number, "inbound")
        self.add_leg(call, Leg.CALLER, caller)
        self.occupy(call.legs[Leg.CALLER])
        decision = route(caller, self._store.on_number(number), self.clock.now())
        self._start(call, script, flow.inbound(decision))
        return call

    def call_first_party(self, session: Session) -> Call:
        """Start the call that a session asks for at its creation."""
        number, caller = session.virtual_number, session.first_party
        call = self._new_call(session.account, caller, number, "outbound")
        self._start(call, {}, flow.outbound(session))
        return call

    def act(self, call_uuid: str, action: Action) -> None:
        """Pass a person's *action* to a call. Raise NoSuchCallError when it is over."""
        if call_uuid not in self._running:
            raise NoSuchCallError(call_uuid)
        self._running[call_uuid].act(action)

    def cut_calls_of(self, session: Session, cause: Cause) -> None:
        """End the calls of *session* that are up."""
        for call_uuid in session.calls:
            if call_uuid in self._running:
                action = Action("cut", Leg.CALLER, cause=cause)
                self._running[call_uuid].act(action)

    def conversation(self, call: Call) -> Conversation | None:
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
        self._store.add_leg(call, record)
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

    def start_recording(self, call: Call) -> bool:
        """Begin to record *call*; return False when it could not start."""
        facts = {"session_uuid": call.session_uuid, "from": call.caller}
        if self._faults.draw("record", facts):
            return False
        session = self._store.sessions[call.session_uuid]
        recording = Recording(
            recording_id=str(uuid4()),
            account=call.account,
            session_uuid=session.session_uuid,
            call_uuid=call.legs[Leg.CALLER].call_uuid,
            from_number=call.caller,
            to_number=call.legs[Leg.CALLEE].number,
            file_format=session.terms.record_file_format,
            started_at=self.clock.now(),
        )
        self._store.recordings[recording.recording_id] = recording
        call.recording_id = recording.recording_id
        return True

    def stop_recording(self, call: Call) -> None:
        """End the recording of *call*, if there is one, and draw its faults."""
        recording = self._store.recordings.get(call.recording_id)
        if recording is None or recording.ended_at is not None:
            return
        recording.ended_at = self.clock.now()
        lasted = recording.ended_at - recording.started_at
        recording.milliseconds = round(lasted / timedelta(milliseconds=1))
        facts = {
            "session_uuid": recording.session_uuid,
            "recording_uuid": recording.recording_id,
            "from": recording.from_number,
        }
        if armed := self._faults.draw("recording", facts):
            recording.troubles[armed.fault.effect] = dict(armed.parameters)
        troubles = recording.troubles
        if large := troubles.get("large"):
            _, recording.milliseconds = audio.large_size(
                recording.file_format, large["mebibytes"]
            )
        if "never" not in troubles:
            late = troubles.get("late", {}).get("seconds", 0.0)
            recording.available_at = recording.ended_at + timedelta(seconds=late)

    def forget(self) -> None:
        """Cancel every call and clear every phone's plan."""
        for task in self._tasks:
            task.cancel()
        self.plans.clear()
        self.default_plan = Plan()
        self._busy.clear()

    def _new_call(self, account: str, caller: str, number: str, direction: str) -> Call:
        now = self.clock.now()
        call = Call(str(uuid4()), account, caller, number, now, direction)
        self._store.calls[call.call_uuid] = call
        return call

    def _start(self, call: Call, script: Mapping[str, Any], steps: Flow) -> None:
        conversation = Conversation(self, call, script)
        self._running[call.call_uuid] = conversation
        work = self._run(conversation, steps)
        task = self.clock.run(work, f"call {call.call_uuid}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.changed(call)

    async def _run(self, conversation: Conversation, steps: Flow) -> None:
        call = conversation.call
        try:
            call.outcome = await conversation.play(steps)
            if call.outcome is Outcome.HANDED_OVER:
                number = self._store.numbers[call.virtual_number]
                application = self._store.applications.get(number.app_id)
                await conversation.run_application(application)
                if application and application.told_of_hangup:
                    await self.answer_urls.send_hangup(call, application)
        finally:
            call.ended_at = self.clock.now()
            for leg in call.legs.values():
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
