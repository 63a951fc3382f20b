"""Fixtures of this function's tests: a recorded session, and what copies recordings."""

from __future__ import annotations

import pytest

from masking.core.settings import Settings
from masking.domain.sessions import Session
from masking.recording.copy_recording import CopyRecording
from masking.storage.stores import Stores
from masking.wiring import Services
from proofs.http_listener import HttpListener
from tests.support.clock import Clock
from tests.support.embedded_aws import Deployment
from tests.support.sessions_there import planted


@pytest.fixture
def session(stores: Stores, clock: Clock) -> Session:
    """Return the session that was recorded."""
    return planted(stores, clock)


@pytest.fixture
def copying(deployment: Deployment, wire: HttpListener, clock: Clock) -> CopyRecording:
    """Return what copies recordings, with the test's listener as their origin."""
    settings = Settings({**deployment.environment, "RECORDING_HOSTS": wire.origin})
    return Services(settings, now=clock).store_recording.copy
