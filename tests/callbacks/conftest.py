"""Fixtures of the callbacks' tests: the embedded AWS, and a deployment for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from masking import wiring
from masking.core import settings, telemetry
from masking.wiring import Services
from tests.callbacks.deployed import Deployed, Embedded, deploy, embedded_aws

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@pytest.fixture(name="embedded", scope="session")
def _embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded_aws(tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(name="deployed")
def _deployed(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployed]:
    deployed = deploy(embedded)
    for name, value in deployed.environment.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield deployed
    _forget()


@pytest.fixture(name="services")
def _services(deployed: Deployed) -> Services:
    assert deployed.environment
    return wiring.services()


def _forget() -> None:
    for cached in (
        settings.settings,
        wiring.services,
        telemetry.logger,
        telemetry.metrics,
    ):
        cached.cache_clear()
