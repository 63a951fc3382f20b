"""Send requests for Plivo's SDK: once, silently, with errors of our own.

What the SDK's own client does and this one does not (plivo-contract 1.9): it sends a
failed POST up to three times; it prints URLs that hold phone numbers; it drops status
code and headers of errors; it has no setting for its base URL; it follows redirects
with the credentials. What stays the SDK's: its resources, with the names of parameters
and the checks of them.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import certifi
import requests
from plivo.utils import is_valid_mainaccount, is_valid_subaccount
from plivo.version import __version__
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError, SSLError

from masking.core import https
from masking.plivo.errors import (
    CarrierAnswerInvalidError,
    CarrierCredentialsRefusedError,
    CarrierError,
    CarrierFailedError,
    CarrierForbiddenError,
    CarrierRefusedError,
    CarrierSessionMissingError,
    CarrierThrottledError,
    CarrierTimeoutError,
    CarrierUnreachableError,
    NumberPoolExhaustedError,
)

T = TypeVar("T")

# Seconds to wait where Plivo does not say how long, and the most that is believed.
USUAL_WAIT = 5
LONGEST_WAIT = 86_400


class SharedContext(HTTPAdapter):
    """Connections whose TLS context is the process's, with its authorities loaded.

    Both methods are there to be overridden; what is not to be verified by the usual
    authorities goes the usual way.
    """

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a connection is made with, the context among it."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify is True:
            tls["ssl_context"] = https.trusting(certifi.where())
        return host, tls

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Load no authorities into a context that has them."""
        if verify is not True:
            super().cert_verify(conn, url, verify, cert)


class SdkClient:
    """What the SDK's resources send by: once, silently, answers whole.

    Not the SDK's own client, because importing it imports 40 resources and builds one
    of each. Raises CarrierCredentialsRefusedError for an id that is no account's.
    """

    def __init__(
        self,
        auth_id: str,
        auth_token: str,
        base_url: str,
        timeout: tuple[float, float],
    ) -> None:
        is_an_account = is_valid_mainaccount(auth_id) or is_valid_subaccount(auth_id)
        if not (is_an_account and auth_token):
            detail = "The secret with Plivo's credentials has not been filled in yet."
            raise CarrierCredentialsRefusedError(detail)
        self.base_uri = f"{base_url}/v1/Account/{auth_id}"
        self.timeout = timeout
        self.session = requests.Session()
        self.session.auth = (auth_id, auth_token)
        self.session.headers["User-Agent"] = f"plivo-python/{__version__}"
        self.session.mount("https://", SharedContext())
        self.before: Callable[[], None] = lambda: None

    def request(self, method: str, path: Any = (), data: Any = None, **_: Any) -> Any:
        """Send one request and return the JSON of a 2xx answer."""
        self.before()
        url = "/".join([self.base_uri, *map(str, path)]) + "/"
        content = {"params" if method == "GET" else "json": data}
        request = requests.Request(method, url, **content)
        try:
            response = self.session.send(
                self.session.prepare_request(request),
                timeout=self.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise _unanswered(error) from None
        return read_answer(response)


def _unanswered(error: requests.RequestException) -> CarrierError:
    """Return the error of a request that has no answer: never sent, or outcome unknown.

    The texts of these errors hold the URL, so none of it is carried on.
    """
    if isinstance(error, requests.ConnectTimeout):
        return CarrierUnreachableError()
    if isinstance(error, requests.Timeout):
        return CarrierTimeoutError()
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError) and _is_unsent(cause.reason):
        return CarrierUnreachableError()
    return CarrierFailedError("The connection to Plivo broke.")


def _is_unsent(reason: Exception | None) -> bool:
    """Return whether a connection failed before a request could go out on it.

    Of TLS's failures that is sure of a refused certificate alone: the others may come
    after the request was sent.
    """
    if isinstance(reason, SSLError):
        return isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, NewConnectionError)


def read_answer(response: requests.Response) -> Any:
    """Return the JSON of an answer. Raises CarrierError for what is no success."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if 200 <= status < 300:
        if not isinstance(body, dict) and status != 204:
            raise CarrierAnswerInvalidError(carrier_status=status)
        return body or {}
    said = body.get("error") or body.get("message") if isinstance(body, dict) else None
    # Rare, and so not imported with every function.
    from masking.core import numbers

    text = str(numbers.masked(str(said)))[:300] if said else None
    raise _refusal(status, text, response.headers.get("Retry-After"))


def _refusal(status: int, text: str | None, retry_after: str | None) -> CarrierError:
    """Translate an answer that is not 2xx; *text* is Plivo's, numbers hidden."""
    if status == 400 and text and re.search(r"pool|not available", text, re.I):
        return NumberPoolExhaustedError(carrier_status=status, retry_after=60)
    if status == 401:
        return CarrierCredentialsRefusedError(carrier_status=status)
    if status == 403:
        return CarrierForbiddenError(text, carrier_status=status)
    if status == 404:
        return CarrierSessionMissingError(carrier_status=status)
    if status == 429:
        # Rare, and so not imported with every function.
        from masking.core import amounts

        told = amounts.digits(retry_after or "")
        wait = told if told is not None and told <= LONGEST_WAIT else USUAL_WAIT
        return CarrierThrottledError(carrier_status=status, retry_after=wait)
    if 400 <= status < 500 and status != 408:
        return CarrierRefusedError(
            f"Plivo refused the request: {text}" if text else None,
            carrier_status=status,
        )
    return CarrierFailedError(carrier_status=status)


def unless_unsent(send: Callable[[], T]) -> T:
    """Send; once more if no connection came about, so that nothing is sent twice."""
    try:
        return send()
    except CarrierUnreachableError:
        return send()


def twice(send: Callable[[], T]) -> T:
    """Send a request that may safely be repeated; once more if Plivo failed."""
    try:
        return send()
    except (CarrierUnreachableError, CarrierFailedError, CarrierAnswerInvalidError):
        return send()
