"""Clients of a running stack: its API with a key, its simulator's control API."""

from __future__ import annotations

import ssl

import httpx

from stack.running import RunningStack

# Longer than the API may take.
TIMEOUT_SECONDS = 40

# Both speak plain HTTP: reading the authorities of this machine for each client takes
# longer than most requests.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def api_client(stack: RunningStack, key: str | None = None) -> httpx.Client:
    """Return a client of the API with *key*, or with the key for everything."""
    return httpx.Client(
        base_url=stack.addresses.api_url,
        headers={"authorization": f"Bearer {key or stack.api_key}"},
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
        verify=NO_AUTHORITIES,
    )


def simulator_client(stack: RunningStack) -> httpx.Client:
    """Return a client of the simulator."""
    return httpx.Client(
        base_url=stack.addresses.plivo_url,
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
        verify=NO_AUTHORITIES,
    )
