"""The command lists the number pool, and attaches the goodbye to its numbers."""

from __future__ import annotations

import json

import pytest

from masking.plivo.account import Account
from operate import numbers
from operate.plivo import Tools
from tests.support.harness import Harness
from tests.support.harness_services import CALLBACK_KEY
from tests.support.maskline import ANSWER_URL, Command
from tests.support.simulated_plivo import SimulatedPlivo


@pytest.fixture
def tools(harness: Harness) -> Tools:
    """Return what commands work with, in the time of the test."""
    account = Account(harness.carrier)
    return Tools(
        harness.carrier, account, harness.stores, CALLBACK_KEY, ANSWER_URL, harness.now
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
    other = tools.account.create_application("support-line", "https://x.example.com/")
    tools.account.attach("+12025550180", other)

    attached = numbers.attach(tools.account, ANSWER_URL)
    again = numbers.attach(tools.account, ANSWER_URL)

    by = {line.number: line.answers for line in numbers.pool(tools)}
    assert len(attached) == 37
    assert again == []
    assert by.pop("+12025550180") == numbers.ELSEWHERE
    assert set(by.values()) == {numbers.GOODBYE}
    ours = [a for a in tools.account.applications() if a.answer_url == ANSWER_URL]
    assert [each.name for each in ours] == [numbers.NAME]


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
    assert shown["answer_url"] == ANSWER_URL
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
    other = account.create_application("support-line", "https://x.example.com/")
    account.attach("+12025550180", other)

    listed = command.run("numbers", "list").out

    assert "another application: support-line" in listed


def _account(command: Command) -> Account:
    from operate import plivo
    from operate.deployment import LOCAL, Deployment

    running = command.running
    assert running
    return plivo.tools(Deployment(LOCAL, running.outputs, running.aws)).account
