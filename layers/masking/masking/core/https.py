"""Send requests over TLS with one context and one pool of connections for a process.

One session makes all clients of AWS. botocore loads all authorities anew for each
connection, which costs more CPU than the request. Here they are loaded once; what is
trusted, and how a certificate is checked, is the same.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore
import certifi
import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.utils import get_environ_proxies
from urllib3.util.ssl_ import create_urllib3_context

if TYPE_CHECKING:
    from botocore.session import Session

DOCS = "botocore.docs"
DOCSTRINGS = ("ClientMethodDocstring", "PaginatorDocstring", "WaiterDocstring")


@contextmanager
def _without_docstrings() -> Iterator[None]:
    """Import botocore without what writes the docstrings of its methods.

    That is a parser of HTML and a writer of documents, and some 4 % of a start. Whoever
    imports them later, as boto3 does, gets them.
    """
    if DOCS in sys.modules:
        yield
        return
    docs, docstring = ModuleType(DOCS), ModuleType(f"{DOCS}.docstring")
    docs.__path__ = [f"{each}/docs" for each in botocore.__path__]
    vars(docstring).update(dict.fromkeys(DOCSTRINGS, _no_docstring))
    sys.modules |= {DOCS: docs, docstring.__name__: docstring}
    try:
        yield
    finally:
        del sys.modules[DOCS], sys.modules[docstring.__name__]


def _no_docstring(**_: object) -> str:
    return ""


with _without_docstrings():
    import botocore.session

# All that have no streams, by the names of their events.
SERVICES = (
    "dynamodb",
    "dynamodb-streams",
    "eventbridge",
    "secrets-manager",
    "sqs",
)

# At most so many connections to one host are kept.
MOST_KEPT = 16


@lru_cache(maxsize=2)
def trusting(ca_file: str) -> ssl.SSLContext:
    """Return the context that trusts the authorities of a file."""
    context = create_urllib3_context()
    context.load_verify_locations(ca_file)
    return context


def pools_for(url: str, ca_file: str = "", most: int = 1) -> urllib3.PoolManager:
    """Return connections to a host, by the proxy of the environment if it has one.

    So many are kept as are used at once, *most*.
    """
    context = trusting(ca_file or certifi.where())
    proxy = get_environ_proxies(url).get(urlsplit(url).scheme)
    if proxy:
        return urllib3.ProxyManager(proxy, maxsize=most, ssl_context=context)
    return urllib3.PoolManager(maxsize=most, ssl_context=context)


@lru_cache(maxsize=8)
def lean(config: Config) -> Config:
    """Return a configuration without a sixth of what a request takes.

    botocore would check its parameters against their description, as it does in tests,
    and write into a header what this machine is, twice.
    """
    agent = f"maskline botocore/{botocore.__version__}"
    return config.merge(Config(parameter_validation=False, user_agent=agent))


@lru_cache(maxsize=1)
def session() -> Session:
    """Return the session that makes the clients of this process."""
    made = botocore.session.get_session()
    Sender(made)
    return made


class Sender:
    """Sends what the clients of a session ask for, over connections that all share."""

    def __init__(self, session: Session) -> None:
        """Take over the requests of *session*'s clients, as made from now on.

        `before-send` is botocore's event for whoever sends in its stead. What it tries
        again and how it reads an answer stays as it is, and so do requests that have to
        go by a proxy.
        """
        ca_file = session.get_config_variable("ca_bundle") or certifi.where()
        self._pools = urllib3.PoolManager(
            maxsize=MOST_KEPT, ssl_context=trusting(ca_file)
        )
        self._by_proxy: dict[tuple[str, str], bool] = {}
        send: Any = self.send
        for service in SERVICES:
            session.register(f"before-send.{service}", send)

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        """Send a request once; failures are named as botocore names them."""
        url = request.url
        if self._goes_by_proxy(url):
            return None
        config = vars(request)["context"]["client_config"]
        limits = urllib3.Timeout(
            connect=config.connect_timeout, read=config.read_timeout
        )
        try:
            answer = self._pools.urlopen(
                request.method,
                url,
                body=request.body,
                headers=request.headers,
                timeout=limits,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            headers: Any = answer.headers
            response = AWSResponse(url, answer.status, headers, answer)
            # Read to its end, so that the connection can be used again.
            response.content  # noqa: B018 - it is kept
        except urllib3.exceptions.SSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except urllib3.exceptions.NewConnectionError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        except urllib3.exceptions.ConnectTimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except urllib3.exceptions.ProtocolError as error:
            raise ConnectionClosedError(endpoint_url=url, error=error) from error
        except urllib3.exceptions.HTTPError as error:
            raise HTTPClientError(error=error) from error
        return response

    def _goes_by_proxy(self, url: str) -> bool:
        """Return whether the environment names a proxy for a host.

        It is asked once for each host: that takes a twelfth of a request's CPU.
        """
        parts = urlsplit(url)
        host = parts.scheme, parts.netloc
        if host not in self._by_proxy:
            self._by_proxy[host] = bool(get_environ_proxies(url))
        return self._by_proxy[host]
