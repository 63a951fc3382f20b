"""Fetch recordings from Plivo as streams, from hosts that are allowed and no others.

| hop             | may lead to                                        | credentials  |
|-----------------|----------------------------------------------------|--------------|
| the first       | what RecordingHosts lists                          | if asked for |
| up to 3 further | that, or any public host by https on its usual port | never        |

Each hop is resolved once and the connection made to the address that was looked at.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from masking.core import addresses
from masking.core.errors import RecordingNotReadyError, RecordingRefusedError
from masking.plivo.download import Download, promise_of

TIMEOUT = urllib3.Timeout(connect=5, read=60)
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})

SETTING = "RecordingHosts"

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Place:
    """The target of a hop: what to request, and the one address to connect to."""

    scheme: str
    host: str
    port: int
    address: str
    target: str
    authority: str


class Media:
    """Plivo's servers of recordings.

    *hosts* are host names and `*.domains`, which mean https on its usual port at a
    public address, and whole origins such as `http://127.0.0.1:8001`, which mean
    just that. *credentials* go to one of these alone, and only if it asks for them.
    """

    def __init__(
        self,
        hosts: tuple[str, ...],
        credentials: tuple[str, str],
        *,
        resolve: Resolve = addresses.resolve,
        is_public: Callable[[str], bool] = addresses.is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = hosts
        self._credentials = credentials
        self._resolve = resolve
        self._is_public = is_public
        self._tls = tls

    @contextmanager
    def open(self, url: str, suspect: str | None = None) -> Iterator[Download]:
        """Open a recording for reading; *suspect* is as in `Download`.

        Raises RecordingRefusedError for a host that is not allowed, and
        RecordingNotReadyError if the file can't be had now.
        """
        response = self._follow(url)
        try:
            if response.status != 200:
                message = f"the origin answered {response.status}"
                raise RecordingNotReadyError(message, reason="not_available")
            promise = promise_of(response.headers)
            yield Download(response, promise.length, promise, suspect)
        finally:
            response.close()

    def _follow(self, url: str) -> urllib3.BaseHTTPResponse:
        place = self._place(url, is_first=True)
        response = self._get(place, {})
        if response.status == 401:
            response.close()
            basic = urllib3.make_headers(basic_auth=":".join(self._credentials))
            response = self._get(place, dict(basic))
        for _ in range(MOST_REDIRECTS):
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or not location:
                return response
            response.close()
            url = urljoin(url, location)
            response = self._get(self._place(url, is_first=False), {})
        if response.status in REDIRECTS:
            response.close()
            message = f"the origin redirects more than {MOST_REDIRECTS} times"
            raise RecordingNotReadyError(message, reason="not_available")
        return response

    def _get(self, place: Place, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        # No encoding, so that the length is that of the file.
        sent = {"Accept-Encoding": "identity", "Host": place.authority, **headers}
        pool = self._pool(place)
        try:
            return pool.urlopen(
                "GET",
                place.target,
                headers=sent,
                preload_content=False,
                redirect=False,
                retries=False,
            )
        except HTTPError:
            pool.close()
            message = "the origin could not be reached"
            raise RecordingNotReadyError(message, reason="unreachable") from None

    def _pool(self, place: Place) -> urllib3.HTTPConnectionPool:
        if place.scheme == "http":
            return urllib3.HTTPConnectionPool(
                place.address, place.port, timeout=TIMEOUT
            )
        # The certificate must be the host's; the connection goes to the address.
        return urllib3.HTTPSConnectionPool(
            place.address,
            place.port,
            timeout=TIMEOUT,
            ssl_context=self._tls,
            server_hostname=place.host,
            assert_hostname=place.host,
        )

    def _place(self, url: str, *, is_first: bool) -> Place:
        """Resolve the target of *url*. Raises RecordingRefusedError if it is barred."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            message = "the recording's URL cannot be read"
            raise RecordingRefusedError(message, reason="malformed") from None
        if parts.username is not None or parts.password is not None or not host:
            message = "the recording's URL names a user, or no host"
            raise RecordingRefusedError(message, reason="malformed")
        port = port or (443 if parts.scheme == "https" else 80)
        is_origin = any(_is_origin(entry, parts, host, port) for entry in self._hosts)
        is_host = any(_is_host(entry, host) for entry in self._hosts)
        is_usual = parts.scheme == "https" and port == 443
        if not is_origin and not (is_usual and (is_host or not is_first)):
            raise _refused(host, "is not among")
        address = self._address(host, port, must_be_public=not is_origin)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        authority = parts.netloc.rpartition("@")[2]
        return Place(parts.scheme, host, port, address, target, authority)

    def _address(self, host: str, port: int, *, must_be_public: bool) -> str:
        try:
            found = self._resolve(host, port)
        except OSError:
            found = []
        if not found:
            message = f"the name {host} could not be resolved"
            raise RecordingNotReadyError(message, reason="unreachable")
        # All of them: a name with one address inside and one outside is a trick.
        if must_be_public and not all(map(self._is_public, found)):
            raise _refused(host, "is at an address that is not public, and not among")
        return found[0]


def _refused(host: str, how: str) -> RecordingRefusedError:
    message = f"the host {host} {how} the setting {SETTING}"
    return RecordingRefusedError(message, reason="host_refused", host=host)


def _is_origin(entry: str, parts: SplitResult, host: str, port: int) -> bool:
    if "://" not in entry:
        return False
    allowed = urlsplit(entry)
    allowed_port = allowed.port or (443 if allowed.scheme == "https" else 80)
    return (parts.scheme, host, port) == (
        allowed.scheme,
        allowed.hostname,
        allowed_port,
    )


def _is_host(entry: str, host: str) -> bool:
    if "://" in entry:
        return False
    if entry.startswith("*."):
        return host.endswith(entry[1:].lower())
    return host == entry.lower()
