"""Clients of a running stack: its API with a key, its simulator's control API."""

from __future__ import annotations

import httpx

from stack.running import RunningStack

# Longer than the API may take.
TIMEOUT_SECONDS = 40


def api_client(stack: RunningStack, key: str | None = None) -> httpx.Client:
    """Return a client of the API with *key*, or with the key for everything."""
    return httpx.Client(
        base_url=stack.addresses.api_url,
        headers={"authorization": f"Bearer {key or stack.api_key}"},
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
    )


def simulator_client(stack: RunningStack) -> httpx.Client:
    """Return a client of the simulator."""
    return httpx.Client(
        base_url=stack.addresses.plivo_url, timeout=TIMEOUT_SECONDS, trust_env=False
    )
