"""Fetch recordings from Plivo as streams, from hosts that are allowed and no others.

| host                                   | as the first hop         | credentials     |
|----------------------------------------|--------------------------|-----------------|
| listed in RecordingHosts               | yes                      | if it wants any |
| S3's, as Plivo's oldest addresses name | yes                      | never           |
| any other that is public, by https on  | if an operator has let   | never           |
| its usual port                         | the recording in         |                 |

Up to 3 redirects may lead to any of them. A host wants credentials if it answers 401 or
403 without; then it is asked once more with them. `http://` is never spoken with a host
that is allowed by its name: its TLS port is tried. Each hop is resolved once and the
connection made to the address that was looked at.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError

from masking.core import addresses
from masking.core.errors import RecordingNotReadyError, RecordingRefusedError
from masking.plivo.download import Download, promise_of

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
TIMEOUT = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
MOST_REDIRECTS = 3
WANTS_CREDENTIALS = frozenset({401, 403})
REDIRECTS = frozenset({301, 302, 303, 307, 308})

PORTS = {"http": 80, "https": 443}
HTTP, HTTPS = PORTS.items()

SETTING = "RecordingHosts"

# Where Plivo's page of recordings has them; its files there are public. Buckets of
# anybody have names under this domain, and so credentials never go there.
OLD_HOST = "s3.amazonaws.com"
SHARED_DOMAIN = ".amazonaws.com"

# Left as they are in a path or query; all else is escaped, what is escaped stays so.
UNESCAPED = "/%:=&?~#+!$,;'@()*[]"

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class Place:
    """The target of a hop: what to request, and the one address to connect to.

    *url* is what is really asked, after a change to TLS; *is_trusted* says that the
    host may see credentials.
    """

    url: str
    scheme: str
    host: str
    port: int
    address: str
    target: str
    authority: str
    is_trusted: bool


class Media:
    """Plivo's servers of recordings.

    *hosts* are host names and `*.domains`, which mean https on its usual port at a
    public address, and whole origins such as `http://127.0.0.1:8001`, which mean
    just that. *credentials* go to one of these alone, and only if it wants them.
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
    def open(
        self, url: str, suspect: str | None = None, *, accepted: bool = False
    ) -> Iterator[Download]:
        """Open a recording for reading; *suspect* is as in `Download`.

        With *accepted* an operator lets it in: from any public host, and whatever the
        file is.

        Raises RecordingRefusedError for a host that is not allowed, and
        RecordingNotReadyError if the file can't be had now.
        """
        response = self._follow(url, accepted=accepted)
        try:
            if response.status != 200:
                message = f"the origin answered {response.status}"
                raise RecordingNotReadyError(message, reason="not_available")
            promise = promise_of(response.headers)
            yield Download(
                response, promise.length, promise, suspect, accepted=accepted
            )
        finally:
            response.close()

    def _follow(self, url: str, *, accepted: bool) -> urllib3.BaseHTTPResponse:
        place = self._place(url, may_be_any=accepted)
        for _ in range(1 + MOST_REDIRECTS):
            response = self._ask(place)
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or not location:
                return response
            response.close()
            place = self._place(_joined(place.url, location), may_be_any=True)
        message = f"the origin redirects more than {MOST_REDIRECTS} times"
        raise RecordingNotReadyError(message, reason="not_available")

    def _ask(self, place: Place) -> urllib3.BaseHTTPResponse:
        """Ask without credentials, and once more with them if they are wanted."""
        response = self._get(place, {})
        if not (place.is_trusted and response.status in WANTS_CREDENTIALS):
            return response
        response.close()
        basic = urllib3.make_headers(basic_auth=":".join(self._credentials))
        return self._get(place, dict(basic))

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

    def _place(self, url: str, *, may_be_any: bool) -> Place:
        """Resolve the target of *url*. Raises RecordingRefusedError if it is barred.

        With *may_be_any* every public host will do, by https on its usual port.
        """
        parts, host, port = _split(url)
        is_origin = any(_is_origin(entry, parts, host, port) for entry in self._hosts)
        is_listed = any(_is_host(entry, host) for entry in self._hosts)
        is_old = host == OLD_HOST or host.endswith(f".{OLD_HOST}")
        if not is_origin and (is_listed or is_old) and (parts.scheme, port) == HTTP:
            return self._place(_over_tls(parts, host), may_be_any=may_be_any)
        is_usual = (parts.scheme, port) == HTTPS
        if not is_origin and not (is_usual and (is_listed or is_old or may_be_any)):
            raise _refused(host, "is not among")
        return Place(
            url=url,
            scheme=parts.scheme,
            host=host,
            port=port,
            address=self._address(host, port, must_be_public=not is_origin),
            target=_target_of(parts),
            authority=_authority_of(parts.scheme, host, port),
            is_trusted=(is_origin or is_listed) and not host.endswith(SHARED_DOMAIN),
        )

    def _address(self, host: str, port: int, *, must_be_public: bool) -> str:
        try:
            addresses.dialable(host)
        except OSError:
            message = "the recording's URL names a host that cannot be"
            raise RecordingRefusedError(message, reason="malformed") from None
        try:
            found = self._resolve(host, port)
        except OSError:
            found = ()
        if not found:
            message = f"the name {host} could not be resolved"
            raise RecordingNotReadyError(message, reason="unreachable")
        # All of them: a name with one address inside and one outside is a trick.
        if must_be_public and not all(map(self._is_public, found)):
            raise _refused(host, "is at an address that is not public, and not among")
        return found[0]


def _split(url: str) -> tuple[SplitResult, str, int]:
    """Return the parts of a URL, its host in lower case and its port.

    Raises RecordingRefusedError if it can't be read, or names a user or no host.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        message = "the recording's URL cannot be read"
        raise RecordingRefusedError(message, reason="malformed") from None
    if parts.username is not None or parts.password is not None or not host:
        message = "the recording's URL names a user, or no host"
        raise RecordingRefusedError(message, reason="malformed")
    if not host.isascii() or parts.scheme not in PORTS:
        message = "the recording's URL is not one of http or https in ASCII"
        raise RecordingRefusedError(message, reason="malformed")
    return parts, host, port or PORTS[parts.scheme]


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        message = "the origin redirects to what cannot be read"
        raise RecordingRefusedError(message, reason="malformed") from None


def _over_tls(parts: SplitResult, host: str) -> str:
    return urlunsplit(parts._replace(scheme="https", netloc=host))


def _target_of(parts: SplitResult) -> str:
    """Return the path and query to request, whatever characters they are made of."""
    query = f"?{parts.query}" if parts.query else ""
    return quote((parts.path or "/") + query, safe=UNESCAPED)


def _authority_of(scheme: str, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == PORTS[scheme] else f"{name}:{port}"


def _refused(host: str, how: str) -> RecordingRefusedError:
    message = f"the host {host} {how} the setting {SETTING}"
    return RecordingRefusedError(message, reason="host_refused", host=host)


def _is_origin(entry: str, parts: SplitResult, host: str, port: int) -> bool:
    if "://" not in entry:
        return False
    allowed = urlsplit(entry)
    allowed_port = allowed.port or PORTS.get(allowed.scheme)
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
