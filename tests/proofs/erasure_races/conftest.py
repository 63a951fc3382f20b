"""What the races with an erasure share: a session of the person."""

from __future__ import annotations

import pytest

from masking.domain.sessions import Session
from tests.support.harness import Harness
from tests.support.person import ASKED, OTHER, PERSON


@pytest.fixture
def session(harness: Harness) -> Session:
    """Create a session of the person, whose changes have been published."""
    made = harness.create(first_party=PERSON, second_party=OTHER, **ASKED)
    harness.publish()
    return made
