"""Compare all sessions that Plivo has with the table.

Nothing that runs by itself reads Plivo's whole list; this does, for an operator who
wants to know. `--repair` ends at Plivo what should not be alive there, and takes over
what Plivo says of sessions that ended or changed their number or expiry there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta

import click

from masking.core.errors import StaleStateError
from masking.domain import carrier_answers, sessions, transitions
from masking.domain.sessions import CarrierSession, Session, Status
from masking.plivo import answers, callback_urls
from masking.plivo.account import filter_time
from masking.plivo.callback_urls import OURS
from operate import plivo
from operate.arguments import as_json, example, print_json
from operate.deployment import Target
from operate.plivo import Tools

# Plivo lists at most 30 days at once, and nothing older than 90 days.
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
    """How one session at Plivo compares with the table."""

    outcome: str
    carrier_session_uuid: str
    session_uuid: str | None = None
    repaired: bool = False


@click.command(
    "audit",
    epilog=example("maskline audit --days 30")
    + "\n\nThe exit status is 1 if something is wrong that was not repaired.",
)
@click.option(
    "--days",
    type=click.IntRange(1, OLDEST),
    default=OLDEST,
    show_default=True,
    help="How far back to go.",
)
@click.option("--repair", is_flag=True, help="Put right what can be.")
@as_json
@click.pass_context
def audit_command(ctx: click.Context, days: int, repair: bool, as_json: bool) -> None:
    """Compare all sessions that Plivo has with the table."""
    target: Target = ctx.obj
    found = audit(plivo.tools(target.deployment), days=days, repair=repair)
    counts = Counter(each.outcome for each in found)
    wrong = [each for each in found if each.outcome in WRONG]
    if as_json:
        listed = [asdict(each) for each in wrong]
        print_json({"counts": dict(counts), "findings": listed})
    else:
        for each in wrong:
            done = "  repaired" if each.repaired else ""
            click.echo(f"{each.session_uuid}  {each.outcome}{done}")
        for outcome, count in sorted(counts.items()):
            click.echo(f"{count:>6}  {outcome}")
    ctx.exit(1 if any(not each.repaired for each in wrong) else 0)


def audit(tools: Tools, *, days: int = OLDEST, repair: bool = False) -> list[Finding]:
    """Compare each session that Plivo created within *days*; return the findings."""
    return [_inspect(tools, each, repair=repair) for each in _listed(tools, days)]


def _listed(tools: Tools, days: int) -> Iterator[CarrierSession]:
    """Yield all sessions at Plivo, each once, newest first."""
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


def _inspect(tools: Tools, at_plivo: CarrierSession, *, repair: bool) -> Finding:
    uuid = at_plivo.session_uuid
    match = OURS.search(at_plivo.callback_url)
    ours = match["session_uuid"] if match else ""
    if not callback_urls.attempt_in(at_plivo.callback_url, tools.callback_key, ours):
        return Finding(FOREIGN, uuid)
    session = tools.stores.sessions.load(ours)
    if session is None:
        return Finding(UNKNOWN, uuid, ours)
    outcome = compare(session, at_plivo, tools)
    done = repair and _repair(tools, session, at_plivo, outcome)
    return Finding(outcome, uuid, ours, repaired=done)


def compare(session: Session, at_plivo: CarrierSession, tools: Tools) -> str:
    """Compare a session of ours with one at Plivo that carries its UUID."""
    now = tools.now()
    alive = carrier_answers.is_alive(at_plivo, now)
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


def _repair(
    tools: Tools, session: Session, at_plivo: CarrierSession, outcome: str
) -> bool:
    """Put right what can be; the next reconciliation run settles the rest."""
    if outcome in (ORPHAN, ALIVE):
        tools.carrier.expire(at_plivo.session_uuid)
        return True
    if outcome in (ENDED, DIFFERS):
        after = transitions.finish_update(session, at_plivo)
        with suppress(StaleStateError):
            tools.stores.sessions.replace(
                session, transitions.repaired(after, "audited")
            )
            return True
    return False
