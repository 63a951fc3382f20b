"""Send requests for Plivo's SDK: once, silently, with errors of our own.

What the SDK's own client does and this one does not (plivo-contract 1.9): it sends a
failed POST up to three times; it prints URLs that hold phone numbers; it drops status
code and headers of errors; it has no setting for its base URL; it follows redirects
with the credentials. What stays the SDK's: its resources, with the names of parameters
and the checks of them.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3
from plivo.utils import is_valid_mainaccount, is_valid_subaccount
from plivo.version import __version__

from masking.core import https
from masking.core.time_limits import limit
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


class SdkClient:
    """What the SDK's resources send by: once, silently, answers whole.

    Not the SDK's own client, because importing it imports requests and 40 resources,
    and builds one of each.
    """

    def __init__(
        self,
        auth_id: str,
        auth_token: str,
        base_url: str,
        timeout: tuple[float, float],
        threads: int = 1,
    ) -> None:
        """Speak to *base_url*; each of *threads* keeps its connection.

        Raises CarrierCredentialsRefusedError for an id that is no account's.
        """
        is_an_account = is_valid_mainaccount(auth_id) or is_valid_subaccount(auth_id)
        if not (is_an_account and auth_token):
            detail = "The secret with Plivo's credentials has not been filled in yet."
            raise CarrierCredentialsRefusedError(detail)
        self.base_uri = f"{base_url}/v1/Account/{auth_id}"
        self.seconds = sum(timeout)
        self.timeout = urllib3.Timeout(connect=timeout[0], read=timeout[1])
        self.headers = {
            **urllib3.make_headers(basic_auth=f"{auth_id}:{auth_token}"),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": f"plivo-python/{__version__}",
        }
        self.pools = https.pools_for(base_url, most=threads)
        self.before: Callable[[], None] = lambda: None

    def request(self, method: str, path: Any = (), data: Any = None, **_: Any) -> Any:
        """Send one request and return the JSON of a 2xx answer."""
        self.before()
        url = "/".join([self.base_uri, *map(str, path)]) + "/"
        body = None
        if method == "GET":
            url = f"{url}?{urlencode(data)}" if data else url
        elif data is not None:
            body = json.dumps(data).encode()
        try:
            with limit(self.seconds, CarrierTimeoutError):
                answer = self.pools.urlopen(
                    method,
                    url,
                    body=body,
                    headers=self.headers,
                    timeout=self.timeout,
                    retries=False,
                    redirect=False,
                )
        except urllib3.exceptions.HTTPError as error:
            raise _unanswered(error) from None
        return read_answer(answer.status, answer.data, answer.headers)


def _unanswered(error: urllib3.exceptions.HTTPError) -> CarrierError:
    """Return the error of a request that has no answer: never sent, or outcome unknown.

    Of TLS's failures a refused certificate alone is sure to come before the request is
    sent. The texts of these errors hold the URL, so none of it is carried on.
    """
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return CarrierUnreachableError()
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return CarrierTimeoutError()
    if isinstance(error, urllib3.exceptions.ProxyError):
        return CarrierUnreachableError()
    is_of_tls = isinstance(error, urllib3.exceptions.SSLError)
    if is_of_tls and isinstance(error.args[0], ssl.SSLCertVerificationError):
        return CarrierUnreachableError()
    return CarrierFailedError("The connection to Plivo broke.")


def read_answer(status: int, content: bytes, headers: Mapping[str, str]) -> Any:
    """Return the JSON of an answer. Raises CarrierError for what is no success."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if 200 <= status < 300:
        if not isinstance(body, dict) and status != 204:
            raise CarrierAnswerInvalidError(carrier_status=status)
        return body or {}
    said = body.get("error") or body.get("message") if isinstance(body, dict) else None
    # Rare, and so not imported with every function.
    from masking.core import numbers

    text = str(numbers.masked(str(said)))[:300] if said else None
    raise _refusal(status, text, headers.get("Retry-After"))


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
