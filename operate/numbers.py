"""Show the pool of virtual numbers and what answers each; attach the goodbye to it.

``python -m operate.numbers --stack maskline [--attach] [--json]``

A number whose session is over is answered by its own application; one without any
leaves the caller with a failure. `--attach` gives every number that has none the
application that says goodbye; one that has another keeps it and is reported.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from masking.lifecycle import number_pool
from masking.lifecycle.number_pool import NumberPool, Use
from masking.plivo.account import Account, Application, Number
from masking.plivo.errors import CarrierError
from operate import deployment, plivo
from operate.deployment import NoDeploymentError
from operate.plivo import Tools

NAME = "maskline-goodbye"

GOODBYE = "says goodbye"
NOTHING = "nothing answers"
ELSEWHERE = "another application"


@dataclass(frozen=True)
class Line:
    """One number: whose it is, what would answer it, what is bound to it."""

    number: str
    country: str
    subaccount: str | None
    answers: str
    application: str | None
    live: int
    cooling: int


@dataclass(frozen=True)
class Reach:
    """One country: its numbers, and how many the busiest party takes."""

    numbers: int
    busiest_party_holds: int
    numbers_needed: int

    @property
    def is_short(self) -> bool:
        """Say whether the busiest party takes more than there are."""
        return self.numbers_needed > self.numbers


def attach(account: Account, answer_url: str) -> list[str]:
    """Give every voice number without an application the goodbye; list which."""
    applications = {each.app_id: each for each in account.applications()}
    bare = [
        number
        for number in account.numbers()
        if number.voice and number.app_id not in applications
    ]
    if not bare:
        return []
    ours = next(
        (a.app_id for a in applications.values() if _is_ours(a, answer_url)), ""
    )
    app_id = ours or account.create_application(NAME, answer_url)
    for number in bare:
        account.attach(number.number, app_id)
    return [number.number for number in bare]


def pool(tools: Tools) -> list[Line]:
    """Give a line for each voice number."""
    applications = {each.app_id: each for each in tools.account.applications()}
    numbers = [number for number in tools.account.numbers() if number.voice]
    uses = NumberPool(tools.account, tools.now).uses(numbers)
    return [
        _line(number, applications, tools.answer_url, uses[number.number])
        for number in numbers
    ]


def reach(tools: Tools, lines: Sequence[Line]) -> dict[str, Reach]:
    """Say for each country how many numbers the busiest party takes: 2C - 1."""
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
    """Say what an operator should see to."""
    bare = [line.number for line in lines if line.answers == NOTHING]
    found = [f"{number} has no application: callers meet a failure" for number in bare]
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
    answer_url: str,
    use: Use,
) -> Line:
    application = applications.get(number.app_id or "")
    if application is None or not application.answer_url:
        answers = NOTHING
    else:
        answers = GOODBYE if _is_ours(application, answer_url) else ELSEWHERE
    return Line(
        number=number.number,
        country=number.country,
        subaccount=number.subaccount,
        answers=answers,
        application=application.name if application else None,
        live=use.live,
        cooling=use.cooling,
    )


def _is_ours(application: Application, answer_url: str) -> bool:
    return application.answer_url == answer_url and application.answer_method == "POST"


def main(arguments: list[str]) -> int:
    """Run the command; 1 if there is something to warn of or nothing to be found."""
    options = _parser().parse_args(arguments)
    try:
        tools = plivo.tools(deployment.find(options.stack))
        attached = attach(tools.account, tools.answer_url) if options.attach else []
        lines = pool(tools)
        reaches = reach(tools, lines)
    except (NoDeploymentError, CarrierError) as error:
        print(error, file=sys.stderr)
        return 1
    concerns = warnings(lines, reaches)
    shown = {
        "answer_url": tools.answer_url,
        "attached": attached,
        "numbers": [asdict(line) for line in lines],
        "countries": {name: asdict(each) for name, each in reaches.items()},
        "warnings": concerns,
    }
    _print(shown, as_json=options.json)
    return 1 if concerns else 0


def _print(shown: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    print(f"{'number':<16} {'country':<8} {'live':>5} {'cooling':>8}  answered by")
    for line in shown["numbers"]:
        by = line["answers"]
        if line["answers"] == ELSEWHERE:
            by = f"{by}: {line['application']}"
        if line["subaccount"]:
            by = f"{by} ({line['subaccount']})"
        print(
            f"{line['number']:<16} {line['country']:<8} {line['live']:>5} "
            f"{line['cooling']:>8}  {by}"
        )
    for name, each in shown["countries"].items():
        print(
            f"{name}: {each['numbers']} numbers; the busiest party holds "
            f"{each['busiest_party_holds']} sessions at once and takes "
            f"{each['numbers_needed']} (2C-1)"
        )
    for number in shown["attached"]:
        print(f"attached the goodbye to {number}")
    for concern in shown["warnings"]:
        print(f"warning: {concern}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m operate.numbers")
    parser.add_argument("--stack", default="maskline")
    parser.add_argument("--attach", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
