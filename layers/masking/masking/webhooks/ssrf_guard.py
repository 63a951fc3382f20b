"""Vet the URLs of apps against SSRF: resolved once, public addresses only, pinned.

The connection goes to the address that was vetted: the name is not resolved again, so
that a DNS answer that changes in between changes nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from masking.core import addresses
from masking.core.errors import TargetRefusedError

PUBLIC = "public"
PUBLIC_AND_LOOPBACK = "public-and-loopback"

PORTS = {"http": 80, "https": 443}

# IPv6 that carries an IPv4 address: the IPv4 address counts.
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class Target:
    """An http(s) URL and the address to connect to."""

    scheme: str
    host: str
    port: int
    address: str
    path: str
    query: str

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        return f"{self.scheme}://{self.host}:{self.port}"


def vet(
    url: str, allowed: str = PUBLIC, resolve: Resolve = addresses.resolve
) -> Target:
    """Return the target of *url*; *allowed* is `public` or `public-and-loopback`.

    Every address of the host must be allowed, not only the one that is used. Raises
    TargetRefusedError if it may not be reached, OSError if the name has no address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise TargetRefusedError("the URL cannot be read") from None
    if parts.scheme not in PORTS or not host or parts.username is not None:
        raise TargetRefusedError("the URL is not http(s) with a host and no user")
    port = port or PORTS[parts.scheme]
    found = resolve(host, port)
    if not found:
        message = "the name has no address"
        raise OSError(message)
    for address in found:
        if not _is_allowed(ipaddress.ip_address(address.partition("%")[0]), allowed):
            raise TargetRefusedError("the host has an address that is not public")
    return Target(parts.scheme, host, port, found[0], parts.path or "/", parts.query)


def _is_allowed(address: Address, allowed: str) -> bool:
    inner = _inner(address)
    if inner.is_loopback:
        return allowed == PUBLIC_AND_LOOPBACK
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _inner(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
