"""Let containers reach the stack: relay its ports from the container engine's bridge.

The stack listens on 127.0.0.1 alone. Docker Desktop carries ``host.docker.internal``
there by itself; a Docker engine on Linux leads it to its bridge, where nobody listens,
so this relays the API's and the simulator's port from the bridge's address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from stack.addresses import HOST

# The address that a Docker engine gives its bridge unless it is told otherwise.
DOCKER_BRIDGE = "172.17.0.1"

PIECE = 64 * 1024


class BridgeError(Exception):
    """The bridge's address or a port of it can't be had."""


async def relay(bridge: str, ports: Sequence[int]) -> None:
    """Relay *ports* of *bridge* to this machine's own, until cancelled.

    Raises BridgeError if the bridge's address or a port of it can't be had.
    """
    servers = [await _listen(bridge, port) for port in ports]
    try:
        await asyncio.gather(*(server.serve_forever() for server in servers))
    finally:
        for server in servers:
            server.close()


async def _listen(bridge: str, port: int) -> asyncio.Server:
    async def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            there, back = await asyncio.open_connection(HOST, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_carry(reader, back), _carry(there, writer))

    try:
        return await asyncio.start_server(connected, bridge, port)
    except OSError as error:
        message = f"Port {port} of {bridge} can't be had: {error.strerror}."
        raise BridgeError(message) from error


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()
