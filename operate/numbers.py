"""Show the number pool and what answers each number; attach the goodbye to it.

A number whose session is over is answered by its own application; without one the
caller meets a failure. `attach` gives every number that has none the application that
says goodbye; a number that has another keeps it and is reported. An application of an
earlier version, which does not know the fallback, is brought up to date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from masking.lifecycle import number_pool
from masking.lifecycle.number_pool import NumberPool, Use
from masking.plivo.account import Account, AnswerUrls, Application, Number
from operate import plivo
from operate.arguments import as_json, example, print_json
from operate.deployment import Deployment, Target
from operate.plivo import Tools

NAME = "maskline-goodbye"

GOODBYE = "says goodbye"
NOTHING = "nothing answers"
ELSEWHERE = "another application"
NO_FALLBACK = "says goodbye, without fallback"

ENDS = "\n\nThe exit status is 1 while there is something to warn of."


@dataclass(frozen=True)
class Line:
    """One number: its account, what would answer it, and its sessions."""

    number: str
    country: str
    subaccount: str | None
    answers: str
    application: str | None
    live: int
    cooling: int


@dataclass(frozen=True)
class Reach:
    """One country: its numbers, and how many the busiest party needs."""

    numbers: int
    busiest_party_holds: int
    numbers_needed: int

    @property
    def is_short(self) -> bool:
        """Return whether the busiest party needs more than there are."""
        return self.numbers_needed > self.numbers


@click.group("numbers")
def numbers_group() -> None:
    """Show the number pool; attach the goodbye to its numbers."""


@numbers_group.command("list", epilog=example("maskline numbers list") + ENDS)
@as_json
@click.pass_context
def list_numbers(ctx: click.Context, as_json: bool) -> None:
    """List the pool, its use and what answers each number."""
    _show(ctx, plivo.tools(_deployment(ctx)), [], as_json=as_json)


@numbers_group.command("attach", epilog=example("maskline numbers attach") + ENDS)
@as_json
@click.pass_context
def attach_numbers(ctx: click.Context, as_json: bool) -> None:
    """Attach the goodbye to numbers without an application, then list the pool."""
    deployment = _deployment(ctx)
    tools = plivo.tools(deployment)
    # Another deployment may have an application of its own in the same account.
    name = f"{deployment.name}-goodbye"
    attached = attach(tools.account, tools.answer_urls, name)
    _show(ctx, tools, attached, as_json=as_json)


def _deployment(ctx: click.Context) -> Deployment:
    target: Target = ctx.obj
    return target.deployment


def _show(
    ctx: click.Context, tools: Tools, attached: Sequence[str], *, as_json: bool
) -> None:
    lines = pool(tools)
    reaches = reach(tools, lines)
    concerns = warnings(lines, reaches)
    shown = {
        "answer_url": tools.answer_urls.answer,
        "fallback_url": tools.answer_urls.fallback,
        "attached": attached,
        "numbers": [asdict(line) for line in lines],
        "countries": {name: asdict(each) for name, each in reaches.items()},
        "warnings": concerns,
    }
    if as_json:
        print_json(shown)
    else:
        _print(shown)
    ctx.exit(1 if concerns else 0)


def attach(account: Account, urls: AnswerUrls, name: str = NAME) -> list[str]:
    """Attach the goodbye to every voice number without application; return them.

    *name* is for the application, if it has to be made.
    """
    applications = {each.app_id: each for each in account.applications()}
    ours = [each for each in applications.values() if _is_ours(each, urls)]
    for each in ours:
        if not urls.are_in(each):
            account.change_application(each.app_id, urls)
    bare = [
        number
        for number in account.numbers()
        if number.voice and number.app_id not in applications
    ]
    if not bare:
        return []
    app_id = ours[0].app_id if ours else account.create_application(name, urls)
    for number in bare:
        account.attach(number.number, app_id)
    return [number.number for number in bare]


def pool(tools: Tools) -> list[Line]:
    """Return a line for each voice number."""
    applications = {each.app_id: each for each in tools.account.applications()}
    numbers = [number for number in tools.account.numbers() if number.voice]
    uses = NumberPool(tools.account, tools.now).uses(numbers)
    return [
        _line(number, applications, tools.answer_urls, uses[number.number])
        for number in numbers
    ]


def reach(tools: Tools, lines: Sequence[Line]) -> dict[str, Reach]:
    """Return for each country how many numbers the busiest party needs: 2C - 1."""
    countries = {line.number: line.country for line in lines}
    held = NumberPool(tools.account, tools.now)
    busiest = number_pool.busiest([*held.live(), *held.cooling()], countries)
    return {
        country: Reach(
            sum(line.country == country for line in lines),
            busiest[country],
            number_pool.needed(busiest[country]),
        )
        for country in sorted(set(countries.values()))
    }


def warnings(lines: Sequence[Line], reaches: Mapping[str, Reach]) -> list[str]:
    """Return what an operator should see to, a sentence each."""
    bare = [line.number for line in lines if line.answers == NOTHING]
    found = [f"{number} has no application: callers meet a failure" for number in bare]
    found += [
        f"{line.number} has no fallback: `maskline numbers attach` registers it"
        for line in lines
        if line.answers == NO_FALLBACK
    ]
    found += [
        f"{country} has {each.numbers} numbers, its busiest party takes "
        f"{each.numbers_needed}: creates will fail with number_pool_exhausted"
        for country, each in reaches.items()
        if each.is_short
    ]
    return found


def _line(
    number: Number,
    applications: Mapping[str, Application],
    urls: AnswerUrls,
    use: Use,
) -> Line:
    application = applications.get(number.app_id or "")
    return Line(
        number=number.number,
        country=number.country,
        subaccount=number.subaccount,
        answers=answered_by(number, applications, urls),
        application=application.name if application else None,
        live=use.live,
        cooling=use.cooling,
    )


def answered_by(
    number: Number, applications: Mapping[str, Application], urls: AnswerUrls
) -> str:
    """Return what answers a number without a session, such as `says goodbye`."""
    application = applications.get(number.app_id or "")
    if application is None or not application.answer_url:
        return NOTHING
    if not _is_ours(application, urls):
        return ELSEWHERE
    return GOODBYE if urls.are_in(application) else NO_FALLBACK


def _is_ours(application: Application, urls: AnswerUrls) -> bool:
    asks = application.answer_url.partition("#")[0]
    return asks == urls.answer and application.answer_method == "POST"


def _print(shown: Mapping[str, Any]) -> None:
    click.echo(f"{'number':<16} {'country':<8} {'live':>5} {'cooling':>8}  answered by")
    for line in shown["numbers"]:
        by = line["answers"]
        if line["answers"] == ELSEWHERE:
            by = f"{by}: {line['application']}"
        if line["subaccount"]:
            by = f"{by} ({line['subaccount']})"
        click.echo(
            f"{line['number']:<16} {line['country']:<8} {line['live']:>5} "
            f"{line['cooling']:>8}  {by}"
        )
    for name, each in shown["countries"].items():
        click.echo(
            f"{name}: {each['numbers']} numbers; the busiest party holds "
            f"{each['busiest_party_holds']} sessions at once and takes "
            f"{each['numbers_needed']} (2C-1)"
        )
    for number in shown["attached"]:
        click.echo(f"attached the goodbye to {number}")
    for concern in shown["warnings"]:
        click.echo(f"warning: {concern}")
