"""Let the SDK lose answers of AWS, so that it sends its requests again."""

from __future__ import annotations

from typing import Any

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from tests.support.framed_client import stay_on_https


class LostAnswers:
    """Loses the next answers of a client, as a broken connection does."""

    def __init__(self, client: Any) -> None:
        self._left = 0
        stay_on_https(client)
        client.meta.events.register("before-send.dynamodb", self._send)
        self._session = URLLib3Session(verify=client._endpoint.http_session._verify)

    def lose(self, count: int) -> None:
        """Lose so many answers from now on."""
        self._left = count

    def _send(self, request: AWSRequest, **_: object) -> AWSResponse | None:
        if not self._left:
            return None
        self._left -= 1
        # It arrives and is carried out; what comes back is a server's failure.
        done: AWSResponse = self._session.send(request)
        headers: Any = done.headers
        return AWSResponse(done.url, 500, headers, _Nothing())


class _Nothing:
    """The body of an answer that did not come."""

    def stream(self, **_: object) -> list[bytes]:
        return [b"{}"]
