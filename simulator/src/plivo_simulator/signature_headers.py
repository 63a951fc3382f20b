"""Choose the signature headers of a request, as the switches demand."""

from __future__ import annotations

from uuid import uuid4

from .account import AUTH_ID, TOKENS
from .signing import v2_signature, v3_signature, v3_signature_of_raw_body
from .switches import Switches

RETIRED_TOKEN = "not-a-secret-token-of-before-the-change0"  # noqa: S105 - made up


def signature_headers(
    switches: Switches,
    account: str,
    method: str,
    url: str,
    pairs: list[tuple[str, str]],
    json_body: str | None = None,
) -> dict[str, str]:
    """Return headers over *url* and the decoded parameters *pairs*.

    V3 and V2 use the token of the owning *account*, the `Ma-` headers always the main
    account's. With *json_body* and the switch for it, V3 covers the raw body.
    """
    nonce = str(uuid4().int)[:20]
    raw = json_body if switches["json_signing"] == "raw_body" else None

    def v3(token: str) -> str:
        if raw is not None:
            return v3_signature_of_raw_body(token, url, raw, nonce)
        return v3_signature(token, method, url, pairs, nonce)

    own, main = TOKENS[account], TOKENS[AUTH_ID]
    v2_headers = {
        "X-Plivo-Signature-V2": v2_signature(own, url, nonce),
        "X-Plivo-Signature-Ma-V2": v2_signature(main, url, nonce),
        "X-Plivo-Signature-V2-Nonce": nonce,
    }
    v3_headers = {
        "X-Plivo-Signature-V3": v3(own),
        "X-Plivo-Signature-Ma-V3": v3(main),
        "X-Plivo-Signature-V3-Nonce": nonce,
    }
    signing = switches["signing"]
    if signing == "unsigned":
        return {}
    if signing == "v2_only":
        return v2_headers
    if signing == "ma_only":
        del v3_headers["X-Plivo-Signature-V3"], v2_headers["X-Plivo-Signature-V2"]
    elif signing.startswith("rotating"):
        comma = ", " if signing == "rotating_spaced" else ","
        for name, token in (("V3", own), ("Ma-V3", main)):
            values = (v3(RETIRED_TOKEN), v3(token))
            v3_headers[f"X-Plivo-Signature-{name}"] = comma.join(values)
    elif signing == "wrong":
        for name in ("V3", "Ma-V3"):
            v3_headers[f"X-Plivo-Signature-{name}"] = v3(RETIRED_TOKEN)
    return {**v2_headers, **v3_headers}
