"""The URLs that Plivo calls back.

    {base}/v1/plivo/sessions/{session_uuid}/{attempt}/{token}/events
    {base}/v1/plivo/sessions/{session_uuid}/{attempt}/{token}/recordings

The path says which session and which attempt of its create a callback belongs to, so
that a session at Plivo can always be matched to what we did. The token is an HMAC of
both, so nobody else can make such an address up.
"""

from __future__ import annotations

import base64
import hmac
import re
from hashlib import sha256
from urllib.parse import unquote

TOKEN_BYTES = 18
PATH = "/v1/plivo/sessions/{session_uuid}/{attempt}/{token}/{kind}"
OURS = re.compile(
    r"/v1/plivo/sessions/(?P<session_uuid>[0-9a-f-]{36})/(?P<attempt>[1-9][0-9]{0,5})/"
    r"(?P<token>[A-Za-z0-9_-]{24})/(events|recordings)/*(?:[?#].*)?$",
    re.ASCII,
)


def token_for(key: bytes, session_uuid: str, attempt: int) -> str:
    """Return the token of an attempt: 24 characters, 144 bits."""
    digest = hmac.new(key, f"{session_uuid}/{attempt}".encode(), sha256).digest()
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode()


def is_token(key: bytes, session_uuid: str, attempt: int, token: str) -> bool:
    """Return whether *token* belongs to the attempt, in constant time."""
    expected = token_for(key, session_uuid, attempt)
    return hmac.compare_digest(expected.encode(), token.encode())


def path_for(session_uuid: str, attempt: int, token: str, kind: str) -> str:
    """Return the path of a callback; *kind* is `events` or `recordings`."""
    return PATH.format(
        session_uuid=session_uuid, attempt=attempt, token=token, kind=kind
    )


def registration(
    key: bytes, base_url: str, session_uuid: str, attempt: int
) -> dict[str, str]:
    """Return the callback parameters of a create. Always POST: GET would be logged."""
    token = token_for(key, session_uuid, attempt)
    return {
        "callback_url": base_url + path_for(session_uuid, attempt, token, "events"),
        "callback_method": "POST",
        "recording_callback_url": base_url
        + path_for(session_uuid, attempt, token, "recordings"),
        "recording_callback_method": "POST",
    }


def attempt_in(url: str, key: bytes, session_uuid: str) -> int | None:
    """Return which attempt of the session registered *url*; None if it is not ours.

    Plivo may echo it in another writing: with a slash more, escaped, with a query. Its
    token is proof enough.
    """
    match = OURS.search(unquote(url))
    if not match or match["session_uuid"] != session_uuid:
        return None
    attempt = int(match["attempt"])
    return attempt if is_token(key, session_uuid, attempt, match["token"]) else None


def tells_nothing(url: str, session_uuid: str) -> bool:
    """Return whether *url* is what is left of any address: empty, cut or changed.

    One that names the session but lacks its token may be ours in another writing. An
    address that is whole and not ours is another's.
    """
    plain = unquote(url).strip().lower()
    if not plain.startswith(("http://", "https://")) or session_uuid in plain:
        return True
    path = plain.partition("://")[2].partition("/")[2]
    beginning = PATH.partition("{")[0].strip("/")
    return f"{beginning}/".startswith(path) or (
        path.startswith(beginning) and session_uuid.startswith(path.rsplit("/", 1)[1])
    )
