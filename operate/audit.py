"""Walk all sessions that Plivo has and hold each against what we have.

``python -m operate.audit --stack maskline [--days 90] [--repair] [--json]``

Nothing that runs by itself walks Plivo's list; this does, for an operator who wants to
know. `--repair` ends at Plivo what should not be alive there and takes over what Plivo
says of sessions that have ended, changed their number or their expiry there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from masking.core.errors import StaleStateError
from masking.domain import sessions, transitions
from masking.domain.sessions import CarrierSession, Session, Status
from masking.lifecycle import settlement
from masking.plivo import answers, callback_urls
from masking.plivo.account import filter_time
from masking.plivo.callback_urls import OURS
from masking.plivo.errors import CarrierError
from operate import deployment, plivo
from operate.deployment import NoDeploymentError
from operate.plivo import Tools

# Plivo lists no longer span than 30 days, and nothing older than 90.
SPAN = timedelta(days=29)
OLDEST = 90

AGREES = "agrees"
FOREIGN = "not ours"
UNKNOWN = "ours, but not in the table"
ORPHAN = "an orphan that is alive"
ALIVE = "expired with us, alive at Plivo"
ENDED = "ended at Plivo, active with us"
DIFFERS = "another number or expiry at Plivo"
UNSETTLED = "over for a day, not settled"

WRONG = frozenset({UNKNOWN, ORPHAN, ALIVE, ENDED, DIFFERS, UNSETTLED})


@dataclass(frozen=True)
class Finding:
    """What was found of one session at Plivo."""

    verdict: str
    carrier_session_uuid: str
    session_uuid: str | None = None
    repaired: bool = False


def audit(tools: Tools, *, days: int = OLDEST, repair: bool = False) -> list[Finding]:
    """Walk the sessions created within *days* and say what is to be said of each."""
    return [_look(tools, each, repair=repair) for each in _walk(tools, days)]


def _walk(tools: Tools, days: int) -> Iterator[CarrierSession]:
    """List all sessions, each once, from the newest to the oldest."""
    end = tools.now() + timedelta(minutes=5)
    begin = end - timedelta(days=days)
    seen = set()
    while end > begin:
        start = max(begin, end - SPAN)
        listed = tools.account.sessions(
            created_time__gte=filter_time(start), created_time__lte=filter_time(end)
        )
        for each in map(answers.clean_session, listed):
            if each.session_uuid not in seen:
                seen.add(each.session_uuid)
                yield each
        end = start


def _look(tools: Tools, at_plivo: CarrierSession, *, repair: bool) -> Finding:
    uuid = at_plivo.session_uuid
    match = OURS.search(at_plivo.callback_url)
    ours = match["session_uuid"] if match else ""
    if not callback_urls.attempt_in(at_plivo.callback_url, tools.callback_key, ours):
        return Finding(FOREIGN, uuid)
    session = tools.stores.sessions.load(ours)
    if session is None:
        return Finding(UNKNOWN, uuid, ours)
    verdict = judge(session, at_plivo, tools)
    done = repair and _mend(tools, session, at_plivo, verdict)
    return Finding(verdict, uuid, ours, repaired=done)


def judge(session: Session, at_plivo: CarrierSession, tools: Tools) -> str:
    """Hold a session of ours against one at Plivo that carries its UUID."""
    now = tools.now()
    alive = settlement.is_alive(at_plivo, now)
    if session.carrier_session_uuid != at_plivo.session_uuid:
        in_work = session.status is Status.RESERVED
        return ORPHAN if alive and not in_work else AGREES
    if session.status is Status.EXPIRED:
        if alive:
            return ALIVE
        late = session.settle_at and now > session.settle_at + timedelta(days=1)
        return UNSETTLED if late else AGREES
    if sessions.is_in_doubt(session) or sessions.is_over(session, now):
        return AGREES
    if not alive:
        return ENDED
    same = (session.virtual_number, session.expiry_time) == (
        at_plivo.virtual_number,
        at_plivo.expiry_time,
    )
    return AGREES if same else DIFFERS


def _mend(
    tools: Tools, session: Session, at_plivo: CarrierSession, verdict: str
) -> bool:
    """Put right what can be; the next round of the reconciler settles the rest."""
    if verdict in (ORPHAN, ALIVE):
        tools.carrier.expire(at_plivo.session_uuid)
        return True
    if verdict in (ENDED, DIFFERS):
        after = transitions.finish_update(session, at_plivo)
        with suppress(StaleStateError):
            tools.stores.sessions.replace(
                session, transitions.repaired(after, "audited")
            )
            return True
    return False


def main(arguments: list[str]) -> int:
    """Run the command; 1 if something is wrong that was not repaired."""
    options = _parser().parse_args(arguments)
    try:
        tools = plivo.tools(deployment.find(options.stack))
        found = audit(tools, days=options.days, repair=options.repair)
    except (NoDeploymentError, CarrierError) as error:
        print(error, file=sys.stderr)
        return 1
    counts = Counter(each.verdict for each in found)
    wrong = [each for each in found if each.verdict in WRONG]
    if options.json:
        listed = [each.__dict__ for each in wrong]
        print(json.dumps({"counts": dict(counts), "findings": listed}, indent=2))
    else:
        for each in wrong:
            done = "  repaired" if each.repaired else ""
            print(f"{each.session_uuid}  {each.verdict}{done}")
        for verdict, count in sorted(counts.items()):
            print(f"{count:>6}  {verdict}")
    return 1 if any(not each.repaired for each in wrong) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m operate.audit")
    parser.add_argument("--stack", default="maskline")
    parser.add_argument(
        "--days", type=int, default=OLDEST, choices=range(1, OLDEST + 1), metavar="N"
    )
    parser.add_argument("--repair", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
