"""Test what the ledger keeps of a request: its body, and the names sent in vain."""

from __future__ import annotations

import httpx
import pytest

from .masking_client import MAIN, PROMPT, URL, create


def test_the_ledger_keeps_bodies_and_the_names_that_plivo_ignores(
    served: httpx.Client,
) -> None:
    sent = {
        "first_party": "+12025550100",
        "second_party": "+12025550101",
        "Ring_Timeout": 30,
        "call_backs_url": "https://app.example/",
        "pin_retry": 3,
    }
    made = served.post(URL, json=sent, auth=MAIN).json()
    url = f"{URL}{made['session_uuid']}/"
    changed = {"session_uuid": made["session_uuid"], "ring_timeout": 20, "pin": "1234"}
    served.post(url, json=changed, auth=MAIN)
    served.get(URL, params={"limit": 1, "sort": "asc"}, auth=MAIN)
    served.delete(url, auth=MAIN)

    entries = served.get("/_sim/ledger").json()["requests"]

    assert [(e["body"], e["ignored"]) for e in entries] == [
        (sent, ["call_backs_url", "pin_retry"]),
        (changed, ["pin"]),
        (None, ["sort"]),
        (None, []),
    ]


def test_the_ledger_keeps_a_body_that_is_no_json_object(served: httpx.Client) -> None:
    refused = served.post(URL, content=b"first_party=%2B1202", auth=MAIN)

    (entry,) = served.get("/_sim/ledger").json()["requests"]

    assert refused.status_code == 400
    assert (entry["body"], entry["ignored"]) == ("first_party=%2B1202", [])


@pytest.mark.parametrize(
    ("mode", "ignored"), [("reject", []), ("ignore", ["geomatch"])]
)
def test_what_a_switch_has_plivo_ignore_is_listed(
    served: httpx.Client, mode: str, ignored: list[str]
) -> None:
    served.put("/_sim/switches", json={"frozen_update": mode})
    url = f"{URL}{create(served).json()['session_uuid']}/"
    served.post(url, json={"record": True, "geomatch": True}, auth=MAIN)

    entry = served.get("/_sim/ledger").json()["requests"][-1]

    assert (entry["status"], entry["ignored"]) == (200, ignored)


def test_a_generated_pins_length_is_ignored_without_generation(
    served: httpx.Client,
) -> None:
    pins = {
        "is_pin_authentication_required": True,
        "pin_prompt_play": PROMPT,
        "first_party_pin": "1111",
        "second_party_pin": "2222",
        "generate_pin_length": 6,
    }
    create(served, **pins)
    create(served, **pins, generate_pin=True)

    entries = served.get("/_sim/ledger").json()["requests"]

    assert [e["ignored"] for e in entries] == [["generate_pin_length"], []]
