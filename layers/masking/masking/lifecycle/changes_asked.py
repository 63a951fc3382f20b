"""Find what an update changes in a session: what only repeats its values is no change.

So an app may send back what it was shown; an attribute that is frozen is refused only
where another value is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from masking.api import fields, requests, session_views
from masking.api.request_models import (
    HELD_IN_LABELS,
    CreateSessionRequest,
    UpdateSessionRequest,
)
from masking.core.problems import (
    NOT_UPDATED,
    FieldNotUpdatableError,
    InvalidRequestError,
)
from masking.domain import sessions
from masking.domain.sessions import Session

PARTY_RULE = "can only be added to a single-party session that lacks it"


def changes_asked(session: Session, request: UpdateSessionRequest) -> dict[str, Any]:
    """Return the changes that *request* asks for; none if it repeats what there is.

    Raises FieldNotUpdatableError for other values of what is frozen, and
    InvalidRequestError for a party that is the other one as well or that a label holds.
    """
    sent = request.model_dump(exclude_unset=True)
    fixed = requests.FROZEN | set(sessions.PARTIES)
    other = {k for k in fixed & sent.keys() if not _is_repeated(session, k, sent[k])}
    addable = {each for each in sessions.PARTIES if _may_add(session, each, sent)}
    refused = sorted(other - addable)
    if refused:
        raise FieldNotUpdatableError(
            outcome=NOT_UPDATED,
            violations=[_violation(name, sent) for name in refused],
        )
    changes = {k: v for k, v in sent.items() if k not in fixed or k in other}
    _check_pair(session, changes)
    _check_labels(session, changes)
    return changes


def _is_repeated(session: Session, name: str, value: Any) -> bool:
    """Return whether a session has this value, or lacks one and it is the default."""
    has = session.settings.get(name, session_views.ATTRIBUTES.get(name))
    default = CreateSessionRequest.model_fields[name].default
    return bool(value == has or (has is None and value == default))


def _may_add(session: Session, party: str, sent: Mapping[str, Any]) -> bool:
    settings = session.settings
    single = settings.get("create_session_with_single_party", False)
    return bool(single and not settings.get(party) and sent.get(party))


def _violation(name: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    if name in sessions.PARTIES:
        return {"field": name, "rule": PARTY_RULE, "sent": None}
    return requests.violation_of(name, requests.FROZEN_RULE, sent)


def _check_pair(session: Session, changes: Mapping[str, Any]) -> None:
    both = [changes.get(name, session.settings.get(name)) for name in sessions.PARTIES]
    if both[0] is not None and both[0] == both[1]:
        violation = {
            "field": "second_party",
            "rule": "must differ from first_party",
            "sent": None,
        }
        raise InvalidRequestError(outcome=NOT_UPDATED, violations=[violation])


def _check_labels(session: Session, changes: Mapping[str, Any]) -> None:
    """Check that no label holds a party, whichever of them the update brings."""
    labels = changes.get("labels", session.labels)
    held = [
        name
        for name in sessions.PARTIES
        if fields.held_in_labels(
            labels or {}, changes.get(name, session.settings.get(name))
        )
    ]
    if not held:
        return
    added = [name for name in held if name in changes]
    rule = "must not be a number that a label of the session holds"
    violations = [{"field": name, "rule": rule, "sent": None} for name in added]
    if not added:
        violations = [{"field": "labels", "rule": HELD_IN_LABELS, "sent": None}]
    raise InvalidRequestError(outcome=NOT_UPDATED, violations=violations)
