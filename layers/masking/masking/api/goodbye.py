"""Say goodbye to a caller whose session is over: Plivo XML, made without its SDK.

Once a session has expired its virtual number is answered by the number's own
application (plivo-contract 3.3). The caller waits while we think, so nothing heavy is
imported and no session is looked up: every call gets the same polite end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from masking.core.settings import Settings

PATH = "/v1/plivo/answer"
FALLBACK_PATH = f"{PATH}/fallback"

# How Plivo is to ask: by default it tries once more, and after time-outs alone, so a
# 429 or 5xx would end the call (plivo-contract 4.2). Milliseconds: to connect, to the
# answer, for all tries together; then tries after the first, on whatever failure.
RETRIES = "ct=2000&rt=4000&tt=12000&rc=3&rp=all"

CONTENT_TYPE = "application/xml"

TEXT = "This call can't be connected any more. Goodbye."
LANGUAGE = "en-US"


@dataclass(frozen=True)
class Goodbye:
    """What a caller hears: *play_url* if it is set, else *text* in *language*."""

    text: str = TEXT
    language: str = LANGUAGE
    play_url: str = ""

    def xml(self) -> str:
        """Return the document that Plivo carries out: one sound and a hang-up."""
        if self.play_url:
            sound = f"<Play>{escape(self.play_url)}</Play>"
        else:
            language = quoteattr(self.language)
            sound = f"<Speak language={language}>{escape(self.text)}</Speak>"
        return f"<Response>{sound}<Hangup/></Response>"


DEFAULT = Goodbye()


def from_settings(settings: Settings) -> Goodbye:
    """Return what the deployment lets callers hear."""
    return Goodbye(
        settings.goodbye_text, settings.goodbye_language, settings.goodbye_play_url
    )


def response(goodbye: Goodbye) -> dict[str, Any]:
    """Return the answer to API Gateway."""
    return {
        "statusCode": 200,
        "headers": {"content-type": CONTENT_TYPE, "cache-control": "no-store"},
        "body": goodbye.xml(),
    }
