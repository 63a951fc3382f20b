"""Where the stack listens: three ports of 127.0.0.1."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

HOST = "127.0.0.1"

API_PORT = "MASKLINE_API_PORT"
PLIVO_PORT = "MASKLINE_PLIVO_PORT"
AWS_PORT = "MASKLINE_AWS_PORT"

_DEFAULTS = {API_PORT: 8000, PLIVO_PORT: 8001, AWS_PORT: 4566}
_WHAT = {API_PORT: "API", PLIVO_PORT: "simulator", AWS_PORT: "embedded AWS"}


class AddressError(Exception):
    """A port can't be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class Addresses:
    """The ports of the API, the Plivo simulator and the embedded AWS."""

    api_port: int = _DEFAULTS[API_PORT]
    plivo_port: int = _DEFAULTS[PLIVO_PORT]
    aws_port: int = _DEFAULTS[AWS_PORT]

    @property
    def api_url(self) -> str:
        """Return the origin of Maskline's API."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def plivo_url(self) -> str:
        """Return the origin of the simulator: Plivo's API, recordings, /_sim/."""
        return f"http://{HOST}:{self.plivo_port}"

    @property
    def aws_url(self) -> str:
        """Return the endpoint of the embedded AWS, which speaks TLS."""
        return f"https://{HOST}:{self.aws_port}"

    def by_variable(self) -> dict[str, int]:
        """Return each port under the environment variable that sets it."""
        return {
            API_PORT: self.api_port,
            PLIVO_PORT: self.plivo_port,
            AWS_PORT: self.aws_port,
        }

    def check_free(self) -> None:
        """Bind each port for a moment.

        Raises:
            AddressError: A port is taken, or two of the three are the same.
        """
        seen: dict[int, str] = {}
        for variable, port in self.by_variable().items():
            if port in seen:
                raise AddressError(
                    f"{seen[port]} and {variable} are both {port}; "
                    "give each its own port."
                )
            seen[port] = variable
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                # As servers do: a port that only waits for old connections to
                # fade is free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError as error:
                    raise AddressError(
                        f"Port {port} for the {_WHAT[variable]} is not free "
                        f"({error.strerror}); end what uses it or set {variable} "
                        "to another port."
                    ) from error


def addresses_from(environ: Mapping[str, str]) -> Addresses:
    """Read the three ports from *environ*; unset or empty means the default.

    Raises:
        AddressError: A value is not a port.
    """
    ports = {
        variable: _port(variable, environ.get(variable) or str(default))
        for variable, default in _DEFAULTS.items()
    }
    return Addresses(ports[API_PORT], ports[PLIVO_PORT], ports[AWS_PORT])


# Below those from which systems take the ports of outgoing connections (Linux 32768 and
# up, the others 49152): one that was free a moment ago is not lost to a connection.
_UNUSED = range(20_000, 32_000)


def free_addresses() -> Addresses:
    """Return three ports that were free a moment ago, for a stack beside others."""
    return Addresses(*islice(_free_ports(), 3))


def free_port() -> int:
    """Return a port that was free a moment ago."""
    return next(_free_ports())


def _free_ports() -> Iterator[int]:
    for port in random.sample(_UNUSED, len(_UNUSED)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        yield port


def _port(variable: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise AddressError(f"{variable} is {value!r}; it must be a port, 1 to 65535.")
    return int(value)
