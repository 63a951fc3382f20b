"""Point Plivo's Python SDK at the simulator: send a message and look it up.

Run it beside `python -m plivo_simulator`. PLIVO_SIMULATOR names another address.
"""

from __future__ import annotations

import os
import time

import plivo
from plivo.rest import client as rest_client

ORIGIN = os.environ.get("PLIVO_SIMULATOR", "http://127.0.0.1:8001")
AUTH_ID = "MALOCALDEVELOPMENT00"
AUTH_TOKEN = "not-a-secret-local-development-token-000"  # noqa: S105 - made up

# The SDK has no option for its address: this constant is it for messages.
rest_client.PLIVO_API_BASE_URI = f"{ORIGIN}/v1/Account"

client = plivo.RestClient(AUTH_ID, AUTH_TOKEN)
sent = client.messages.create(
    src="+12025550180", dst="+12025550100", text="Your table is ready."
)
print(sent.message)

message = client.messages.get(sent.message_uuid[0])
while message.message_state in ("queued", "sent"):
    time.sleep(0.2)
    message = client.messages.get(sent.message_uuid[0])
print(message.message_state, "units", message.units, "cost", message.total_amount)

found = client.messages.list(to_number="12025550100", message_direction="outbound")
print("listed", [one.message_uuid for one in found] == sent.message_uuid)
