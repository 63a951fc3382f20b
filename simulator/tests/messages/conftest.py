"""Offer tests of messages a desk on the stage."""

from __future__ import annotations

import pytest

from ..stage import Stage
from .desk import Desk


@pytest.fixture(name="desk")
def _desk(stage: Stage) -> Desk:
    return Desk(stage)
