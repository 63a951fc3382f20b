"""Print the samples as they go: `python -m plivo_simulator.voice_samples`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl

import httpx

from ..account import AUTH_ID
from ..clock import Clock
from ..phones import Plan, read_plan
from ..records import Call, Heard, LegRecord
from ..simulator import Simulator
from ..store import Application
from .samples import APP, CALLER, NUMBER, SAMPLES, Sample

LONGEST_SECONDS = 7200


async def run_sample(sample: Sample) -> tuple[Simulator, Call]:
    """Place the sample's call, on a clock that is moved on; return what came of it."""

    async def answer(request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        page = sample.pages.get(request.url.path.strip("/"), "")
        elements = page if isinstance(page, str) else page(form)
        return httpx.Response(
            200,
            text=f"<Response>{elements}</Response>",
            headers={"content-type": "application/xml"},
        )

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    simulator = Simulator("http://plivo.local", clock=Clock(speed=0), client=client)
    application = Application("sample", AUTH_ID, "sample", f"{APP}/answer")
    application.hangup_url = f"{APP}/hangup"
    store, engine = simulator.store, simulator.engine
    store.applications[application.app_id] = application
    store.numbers[NUMBER[1:]].app_id = application.app_id
    for number, plan in sample.phones.items():
        engine.plans[number[1:]] = read_plan(plan, Plan())
    try:
        call = engine.place_call(CALLER[1:], NUMBER[1:], sample.script)
        await simulator.clock.advance(LONGEST_SECONDS)
    finally:
        await simulator.close()
    return simulator, call


def told(simulator: Simulator, call: Call) -> Iterator[str]:
    """Yield a line for each thing that somebody heard, or the application was told."""
    lines = [
        (heard.at, 0, f"{_who(leg)} hears {_what(heard)}")
        for leg in call.every_leg
        for heard in leg.heard
    ]
    lines += [
        (
            leg.ended_at,
            2,
            f"{_who(leg)} ends: {leg.cause.code} {leg.cause.name}, by {leg.ended_by}",
        )
        for leg in call.every_leg
        if leg.ended_at and leg.cause
    ]
    lines += [
        (message.arrived_at, 1, f"phone +{message.to_number} gets: {message.text}")
        for message in simulator.store.messages.values()
        if message.arrived_at
    ]
    lines += [
        (callback.created_at, 1, f"  app: {callback.event}")
        for callback in simulator.store.callbacks
    ]
    for at, _, line in sorted(lines, key=lambda each: each[:2]):
        seconds = (at - call.started_at).total_seconds()
        yield f"{seconds:7.1f} s  {line}"


def _who(leg: LegRecord) -> str:
    return f"{leg.leg.value} +{leg.number}"


def _what(heard: Heard) -> str:
    words = f"{heard.what}: {heard.detail}" if heard.detail else heard.what
    until = heard.until or heard.at
    return f"{words} ({(until - heard.at).total_seconds():.1f} s)"


def main() -> None:
    """Run each sample and print it."""
    for sample in SAMPLES:
        print(f"{sample.name}: {sample.about}")
        for line in told(*asyncio.run(run_sample(sample))):
            print(line)
        print()


if __name__ == "__main__":
    main()
