"""Prove what the service promises; each proof ends in a report and an exit status."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from proofs.benches import run as benches
from proofs.benches import settlement, signature
from proofs.benches.cost import run as cost
from proofs.benches.flat import run as flat
from proofs.benches.load import run as load
from proofs.benches.recordings import run as storing
from proofs.benches.starts import run as starts
from proofs.benches.starts import ships, warm
from proofs.calls import run as calls
from proofs.defenses import run as defenses
from proofs.mutants import run as mutants
from proofs.report import Report
from proofs.runner import ProofError, progress_lines, run_on_own_stack, show
from proofs.two_stages import run as two_stages
from proofs.upgrade import run as upgrade
from stack.environments import ROOT
from stack.running import StackError

# In the order in which they are run and told.
BENCHES = {
    "signature": signature.run,
    "recordings": storing.run,
    "settlement": settlement.run,
    "flat": flat.run,
    "starts": starts.run,
    "warm": warm.run,
    "ships": ships.run,
    "load": load.run,
    "cost": cost.run,
}

# Proofs that are run without a stack: they start what they need.
WITHOUT_STACK: dict[str, Callable[..., Report]] = {
    "defenses": defenses.prove,
    "mutants": mutants.prove,
    "two_stages": two_stages.prove,
    "upgrade": upgrade.prove,
}


def main(arguments: Sequence[str]) -> int:
    """Run the proof that is named; return 0 only if every check passed."""
    options = vars(_parser().parse_args(arguments))
    proof, as_json = options.pop("proof"), options.pop("json")
    if proof == "bench":
        return _bench(options["bench"], as_json=as_json)
    if proof == "calls":
        return calls.report(**options)
    if proof in WITHOUT_STACK:
        return show(WITHOUT_STACK[proof](**options), as_json=as_json)
    run = importlib.import_module(f"proofs.{proof}.run")
    parameters = getattr(run, "PARAMETERS", None)
    prove = partial(run.prove, **options)
    return run_on_own_stack(prove, parameters=parameters, as_json=as_json)


def _bench(name: str | None, *, as_json: bool) -> int:
    reports = benches.measure(
        BENCHES,
        name,
        kept=ROOT / ".local" / "bench",
        docs=ROOT / "docs",
        progress=progress_lines(),
    )
    try:
        return max([show(report, as_json=as_json) for report in reports])
    except (ProofError, StackError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    proofs = parser.add_subparsers(required=True, dest="proof", metavar="PROOF")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        proof = proofs.add_parser(name, help=text, description=text)
        proof.add_argument("--json", action="store_true", help="print a JSON document")
        return proof

    creates = add("creates", "Creates, updates and deletes happen exactly once")
    creates.add_argument("--creates", type=int, default=2_000)
    creates.add_argument("--workers", type=int, default=20)
    creates.add_argument("--seed", type=int, default=1)
    creates.add_argument("--least-struck", type=int, help="of each kind of fault")
    creates.add_argument(
        "--fast-forward",
        action=argparse.BooleanOptionalAction,
        help="end leases instead of waiting for them; by default in a smaller run",
    )
    creates.add_argument(
        "--without-listing",
        dest="hide_listing",
        action="store_true",
        help="put the step that finds lost creates out of action: this must fail",
    )
    recordings = add("recordings", "No recording is lost or stored twice")
    recordings.add_argument("--calls", type=int, default=300)
    recordings.add_argument("--mebibytes", type=int, default=250)
    recordings.add_argument(
        "--ahead",
        action="store_true",
        help="ask Plivo for what is missing by a clock that runs ahead, without a wait",
    )
    calls = add("calls_chaos", "Every call is told as it was, whatever callbacks do")
    calls.add_argument("--calls", type=int, default=1_000)
    calls.add_argument(
        "--check-seconds",
        type=int,
        help="how long a leg's end waits for the call's: 75 as in the template",
    )
    alarms = add("alarms", "Whatever is broken rings its alarm, and no other")
    alarms.add_argument("--quick", action="store_true", help="some of the ways alone")
    alarms.add_argument("--only", help="the ways whose description holds this")
    dashboard = add("dashboard", "The dashboard shows what happens")
    dashboard.add_argument("--picture", type=Path, help="file to draw it into, as SVG")
    attack = add("attack", "Bad requests are refused and nothing leaks")
    attack.add_argument("--generated", type=int, default=3_000)
    attack.add_argument("--least", type=int, default=5_000)
    attack.add_argument("--seed", type=int, default=1)
    without = add("defenses", "What SECURITY.md cites fails without its defense")
    without.add_argument("--only", help="those whose name holds this")
    without.add_argument(
        "--fast",
        dest="slow",
        action="store_false",
        help="leave out the tests that need a stack",
    )
    changed = add("mutants", "A small change of the rules is noticed by a test")
    changed.add_argument("--mutants", type=int, default=100)
    changed.add_argument("--minutes", type=float, default=20)
    changed.add_argument("--seed", type=int, default=1)
    changed.add_argument("rooms", nargs="*", help="whose rules to change: all")
    add("two_stages", "Two stages in one account and region don't notice each other")
    upgraded = add("upgrade", "A stack is upgraded under load, and nothing fails")
    upgraded.add_argument("--from", dest="revision", help="a revision of git")
    upgraded.add_argument("--seconds", type=float, default=upgrade.SECONDS)
    add("units", "Operations stay within their budgets of request units")
    spoilt = add("calls", "Calls are told truly whatever becomes of callbacks")
    spoilt.add_argument("--histories", type=int, default=100_000)
    spoilt.add_argument("--seed", type=int, default=1)
    spoilt.add_argument(
        "--without-rules",
        action="store_true",
        help="take out each rule in turn: without any of them histories must break",
    )
    bench = add("bench", "Ours stays within its bounds beside simpler ways")
    bench.add_argument("bench", nargs="?", choices=BENCHES, help="all by default")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
