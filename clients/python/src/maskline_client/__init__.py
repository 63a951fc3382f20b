"""Create, read, change and end masked calls, and verify webhooks.

from maskline_client import Maskline
from maskline_client.models import CreateSession

with Maskline("http://127.0.0.1:8000", key="local-dev-key") as maskline:
    created = maskline.create_session(
        CreateSession(first_party="+12025550100", second_party="+12025550101")
    )
    print(created.virtual_number)
"""

from maskline_client.client import Maskline
from maskline_client.failures import MasklineError, NoAnswerError
from maskline_client.webhooks import WebhookRefusedError, event_in, verify

__all__ = [
    "Maskline",
    "MasklineError",
    "NoAnswerError",
    "WebhookRefusedError",
    "event_in",
    "verify",
]
