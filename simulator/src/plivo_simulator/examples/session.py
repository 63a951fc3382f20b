"""Point Plivo's Python SDK at the simulator: a session, a call, its end.

Run it beside `python -m plivo_simulator`. PLIVO_SIMULATOR names another address.
"""

from __future__ import annotations

import os
import time

import plivo
import requests
from plivo.rest import client as rest_client

ORIGIN = os.environ.get("PLIVO_SIMULATOR", "http://127.0.0.1:8001")
AUTH_ID = "MALOCALDEVELOPMENT00"
AUTH_TOKEN = "not-a-secret-local-development-token-000"  # noqa: S105 - made up

# The SDK has no option for its address: these constants are it, all of them.
for name in (
    "PLIVO_API_BASE_URI",
    "API_VOICE_BASE_URI",
    "API_VOICE_BASE_URI_FALLBACK_1",
    "API_VOICE_BASE_URI_FALLBACK_2",
):
    setattr(rest_client, name, f"{ORIGIN}/v1/Account")

client = plivo.RestClient(AUTH_ID, AUTH_TOKEN)
session = client.masking_sessions.create_masking_session(
    first_party="+12025550100", second_party="+12025550101", record=True
)
print("virtual number", session.virtual_number)

call = requests.post(
    f"{ORIGIN}/_sim/calls",
    json={"from": "+12025550100", "to": session.virtual_number, "talk_seconds": 1},
    timeout=5,
).json()
while call["state"] != "ended":
    time.sleep(0.2)
    call = requests.get(f"{ORIGIN}/_sim/calls/{call['call_uuid']}", timeout=5).json()
print("call", call["outcome"])

after = client.masking_sessions.get_masking_session(session.session_uuid).response
print("legs", after.total_call_count, "cost", after.total_call_amount)
print(client.masking_sessions.delete_masking_session(session.session_uuid).message)
