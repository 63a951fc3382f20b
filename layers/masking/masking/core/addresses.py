"""Resolve host names, and tell public internet addresses from others."""

from __future__ import annotations

import ipaddress
import socket

# Characters of a name with its dots (RFC 1035).
LONGEST_NAME = 253

# IPv6 that carries an IPv4 address inside: NAT64 (RFC 6052).
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Return whether *address* is public, and so is any IPv4 address that it carries.

    Anything that is not an address is not public.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.teredo or (inner is not None and not is_public(str(inner))):
            return False
        if ip.ipv4_mapped:
            return True
    return ip.is_global and not ip.is_multicast


def dialable(host: str) -> str:
    """Return a host's name in ASCII, as it is looked up.

    Raises OSError for one that has no such form: a label that is empty or longer than
    63 characters, a character that IDNA refuses.
    """
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not name or "\0" in name or len(name) > LONGEST_NAME:
        message = "the name of the host cannot be looked up"
        raise OSError(message)
    return name


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of *host*, the preferred one first. Raises OSError."""
    found = socket.getaddrinfo(dialable(host), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
