"""The command lists the number pool, and attaches the goodbye to its numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import httpx
import pytest

from masking.api import goodbye
from masking.plivo.account import Account, AnswerUrls
from operate import numbers
from operate.plivo import Tools, answer_urls
from plivo_simulator.clock import Clock
from plivo_simulator.records import Call
from plivo_simulator.rules.model import NORMAL
from plivo_simulator.simulator import Simulator
from plivo_simulator.store import Application
from tests.support.harness import Harness
from tests.support.harness_services import CALLBACK_KEY
from tests.support.maskline import ANSWER_URL, FALLBACK_URL, Command
from tests.support.simulated_plivo import SimulatedPlivo

URLS = answer_urls(
    {"AnswerUrl": ANSWER_URL, "AnswerFallbackUrl": FALLBACK_URL},
)

# Somebody else's.
ELSEWHERE = AnswerUrls("https://x.example.com/", "")


@pytest.fixture
def tools(harness: Harness) -> Tools:
    """Return what commands work with, in the time of the test."""
    account = Account(harness.carrier)
    return Tools(
        harness.carrier, account, harness.stores, CALLBACK_KEY, URLS, harness.now
    )


def test_numbers_without_an_application_are_warned_of(tools: Tools) -> None:
    lines = numbers.pool(tools)
    warned = numbers.warnings(lines, numbers.reach(tools, lines))

    assert len(lines) == 38
    assert {line.answers for line in lines} == {numbers.NOTHING}
    assert len(warned) == 38


def test_the_goodbye_is_attached_to_what_has_nothing_and_to_nothing_else(
    tools: Tools,
) -> None:
    other = tools.account.create_application("support-line", ELSEWHERE)
    tools.account.attach("+12025550180", other)

    attached = numbers.attach(tools.account, URLS)
    again = numbers.attach(tools.account, URLS)

    by = {line.number: line.answers for line in numbers.pool(tools)}
    assert len(attached) == 37
    assert again == []
    assert by.pop("+12025550180") == numbers.ELSEWHERE
    assert set(by.values()) == {numbers.GOODBYE}
    ours = [a for a in tools.account.applications() if URLS.are_in(a)]
    assert [each.name for each in ours] == [numbers.NAME]


def test_a_fallback_and_how_often_to_try_are_registered(
    harness: Harness, tools: Tools
) -> None:
    numbers.attach(tools.account, URLS)

    (made,) = _applications(harness)
    fragment = "#ct=2000&rt=4000&tt=12000&rc=3&rp=all"
    assert made["answer_url"] == ANSWER_URL + fragment
    assert made["fallback_answer_url"] == FALLBACK_URL + fragment
    assert (made["answer_method"], made["fallback_method"]) == ("POST", "POST")


def test_a_fallback_elsewhere_is_asked_by_post_too_for_the_callers_sake(
    harness: Harness, tools: Tools
) -> None:
    other = "https://other.example.com/v1/plivo/answer"
    urls = answer_urls({"AnswerUrl": ANSWER_URL, "AnswerFallbackUrl": other})

    numbers.attach(tools.account, urls)

    (made,) = _applications(harness)
    assert made["fallback_answer_url"].partition("#")[0] == other
    assert made["fallback_method"] == "POST"


def test_where_plivo_takes_no_fragment_the_urls_are_registered_without(
    harness: Harness, tools: Tools
) -> None:
    harness.simulator.switches.set({"url_fragment": "refused"})

    numbers.attach(tools.account, URLS)

    (made,) = _applications(harness)
    assert made["answer_url"] == ANSWER_URL
    assert made["fallback_answer_url"] == FALLBACK_URL
    assert {line.answers for line in numbers.pool(tools)} == {numbers.GOODBYE}


def test_an_application_of_an_earlier_version_is_brought_up_to_date(
    harness: Harness, tools: Tools
) -> None:
    app_id = tools.account.create_application(numbers.NAME, AnswerUrls(ANSWER_URL, ""))
    for number in tools.account.numbers():
        tools.account.attach(number.number, app_id)

    before = numbers.pool(tools)
    warned = numbers.warnings(before, {})
    attached = numbers.attach(tools.account, URLS)

    assert {line.answers for line in before} == {numbers.NO_FALLBACK}
    assert len(warned) == len(before)
    assert "maskline numbers attach" in warned[0]
    assert attached == []
    assert {line.answers for line in numbers.pool(tools)} == {numbers.GOODBYE}
    (made,) = _applications(harness)
    assert made["fallback_answer_url"].startswith(FALLBACK_URL)


@pytest.mark.parametrize("status", [429, 500, 502, 503, None])
def test_a_caller_hears_goodbye_where_the_answer_url_does_not_answer(
    harness: Harness, tools: Tools, status: int | None
) -> None:
    numbers.attach(tools.account, URLS)
    (application,) = harness.simulator.store.applications.values()
    heard = goodbye.response(goodbye.DEFAULT)
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if str(request.url) == FALLBACK_URL:
            kind = heard["headers"]["content-type"]
            return httpx.Response(
                200, text=heard["body"], headers={"content-type": kind}
            )
        if status is None:
            raise httpx.ReadTimeout("slow")
        return httpx.Response(status)

    call = asyncio.run(_called(application, answer))

    (leg,) = call.every_leg
    assert asked[:5] == [ANSWER_URL] * 4 + [FALLBACK_URL]
    assert [each.what for each in leg.heard] == ["speech"]
    assert leg.heard[0].detail == goodbye.DEFAULT.text
    assert (leg.cause, leg.ended_by) == (NORMAL, "Answer XML")


async def _called(
    application: Application, answer: Callable[[httpx.Request], httpx.Response]
) -> Call:
    """Call a number that *application* answers, and let the call come to its end."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    simulator = Simulator("http://plivo.local", clock=Clock(speed=0), client=client)
    simulator.store.applications[application.app_id] = application
    simulator.store.numbers["12025550180"].app_id = application.app_id
    call = simulator.engine.place_call("12025550100", "12025550180", {})
    await simulator.clock.advance(60)
    await simulator.close()
    return call


def _applications(harness: Harness) -> list[dict[str, Any]]:
    """Return what was sent to make or change each application, as it stands."""
    applications = harness.simulator.store.applications.values()
    return [asdict(each) for each in applications]


def test_the_busiest_party_says_how_many_numbers_are_needed(
    harness: Harness, tools: Tools
) -> None:
    for partner in range(13):
        harness.create(
            first_party="+12025550100",
            second_party=f"+12025570{partner:03d}",
            session_expiry=86_000,
        )

    lines = numbers.pool(tools)
    reach = numbers.reach(tools, lines)
    warned = " ".join(numbers.warnings(lines, reach))

    assert reach["US"].busiest_party_holds == 13
    assert reach["US"].numbers_needed == 25
    assert reach["US"].is_short
    assert "US has 24 numbers, its busiest party takes 25" in warned
    assert "2025550100" not in json.dumps([str(each) for each in reach.values()])


@pytest.mark.usefixtures("plivo")
def test_the_command_lists_and_warns_until_every_number_is_answered(
    command: Command,
) -> None:
    before = command.run("numbers", "list", "--json")
    attached = command.run("numbers", "attach")
    again = command.run("numbers", "attach", "--json")
    after = command.run("numbers", "list")

    shown = json.loads(before.out)
    assert (before.status, before.err) == (1, "")
    assert (shown["answer_url"], shown["fallback_url"]) == (ANSWER_URL, FALLBACK_URL)
    assert {line["answers"] for line in shown["numbers"]} == {numbers.NOTHING}
    assert len(shown["warnings"]) == len(shown["numbers"])
    assert (attached.status, attached.err) == (0, "")
    assert attached.out.count("attached the goodbye to +") == len(shown["numbers"])
    assert json.loads(again.out)["attached"] == []
    assert after.status == 0
    assert after.out.splitlines()[0].split() == [
        *("number", "country", "live", "cooling", "answered", "by")
    ]
    assert after.out.count(numbers.GOODBYE) == len(shown["numbers"])
    assert "US: " in after.out


def test_another_application_is_named(command: Command, plivo: SimulatedPlivo) -> None:
    assert plivo.sessions() == []
    account = _account(command)
    other = account.create_application("support-line", ELSEWHERE)
    account.attach("+12025550180", other)

    listed = command.run("numbers", "list").out

    assert "another application: support-line" in listed


def _account(command: Command) -> Account:
    from operate import plivo
    from operate.deployment import LOCAL, Deployment

    running = command.running
    assert running
    return plivo.tools(Deployment(LOCAL, running.outputs, running.aws)).account
