"""Test Plivo's API of messages: send, get, list, through its SDK and without."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests
from plivo import exceptions

from plivo_simulator import simulator
from plivo_simulator.account import AUTH_ID, CAMPAIGN_ID, SUBACCOUNT_ID

from ..masking_client import MAIN, SUB

URL = f"/v1/Account/{AUTH_ID}/Message/"
SUB_URL = f"/v1/Account/{SUBACCOUNT_ID}/Message/"
US, GB, ALICE, BOB = "12025550180", "442079460100", "12025550100", "12025550101"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def send(client: httpx.Client, **body: Any) -> httpx.Response:
    """Send a text, unless *body* says otherwise."""
    asked = {"src": US, "dst": ALICE, "text": "hello", **body}
    return client.post(URL, json=asked, auth=MAIN)


def sent(client: httpx.Client, **body: Any) -> str:
    """Send a text and wait for its last state; return its UUID."""
    answer = send(client, **body)
    assert answer.status_code == 202, answer.text
    (uuid,) = answer.json()["message_uuid"]
    client.get(f"/_sim/messages/{uuid}", params={"wait": 10}).raise_for_status()
    return str(uuid)


def listed(client: httpx.Client, **query: Any) -> list[str]:
    """Return the UUIDs of a page."""
    answer = client.get(URL, params=query, auth=MAIN)
    assert answer.status_code == 200, answer.text
    return [each["message_uuid"] for each in answer.json()["objects"]]


def truth(client: httpx.Client) -> list[dict[str, Any]]:
    """Return every message that the simulator knows."""
    messages: list[dict[str, Any]] = client.get("/_sim/messages").json()["messages"]
    return messages


def test_the_sdk_sends_looks_up_and_lists_messages(
    sdk: Any, served: httpx.Client
) -> None:
    answer = sdk.messages.create(src=US, dst=f"{ALICE}<{BOB}", text="hello")
    first, second = answer.message_uuid
    for uuid in answer.message_uuid:
        served.get(f"/_sim/messages/{uuid}", params={"wait": 10})

    got = sdk.messages.get(first)
    page = sdk.messages.list(
        from_number=US, message_state="delivered", message_direction="outbound"
    )

    assert answer.message == "message(s) queued"
    assert (got.from_number, got.to_number, got.units) == (US, ALICE, 1)
    assert (got.message_state, got.error_code) == ("delivered", "000")
    assert [each.message_uuid for each in page] == [second, first]
    assert page.meta.total_count == 2


def test_the_sdk_sends_from_a_pool_with_every_parameter(
    sdk: Any, served: httpx.Client
) -> None:
    served.put("/_sim/powerpacks/pool", json={"numbers": ["+12025550186"]})

    answer = sdk.messages.create(
        powerpack_uuid="pool",
        dst=ALICE,
        text="look",
        type_="mms",
        media_urls=[f"{served.base_url}/prompts/pin.wav"],
        url=f"{served.base_url}/_sim/inbox/status",
        method="GET",
        log="number_only",
        message_expiry=60,
    )
    (uuid,) = answer.message_uuid
    message = served.get(f"/_sim/messages/{uuid}", params={"wait": 10}).json()
    got = sdk.messages.get(uuid)

    assert message["from"] == "+12025550186"
    assert [each["content_type"] for each in message["media"]] == ["audio/wav"]
    assert {each["method"] for each in message["callbacks"]} == {"GET"}
    assert (got.powerpack_id, got.message_type, got.log) == (
        "pool",
        "mms",
        "number_only",
    )
    assert got.message_state == "delivered"


def test_a_record_has_what_plivo_documents_and_no_text(served: httpx.Client) -> None:
    uuid = sent(served, text="a" * 161)

    record = served.get(f"{URL}{uuid}/", auth=MAIN).json()

    for name in ("api_id", "message_time", "message_sent_time", "message_updated_time"):
        assert record.pop(name)
    assert record == {
        "carrier_fees": "0.00600",
        "carrier_fees_rate": "0.00300",
        "destination_country_iso2": "US",
        "error_code": "000",
        "error_message": None,
        "from_number": US,
        "is_domestic": True,
        "log": "true",
        "message_direction": "outbound",
        "message_state": "delivered",
        "message_type": "sms",
        "message_uuid": uuid,
        "powerpack_id": None,
        "requester_ip": "127.0.0.1",
        "resource_uri": f"{URL}{uuid}/",
        "tendlc_campaign_id": CAMPAIGN_ID,
        "tendlc_registration_status": "COMPLETED",
        "to_number": ALICE,
        "total_amount": "0.00700",
        "total_rate": "0.00350",
        "units": 2,
    }


def test_a_failure_says_why(served: httpx.Client) -> None:
    uuid = sent(served, src="33199001234")

    record = served.get(f"{URL}{uuid}/", auth=MAIN).json()

    assert record["message_state"] == "failed"
    assert record["error_code"] == "40"
    assert record["error_message"] == "invalid source number"


def test_destinations_are_cleaned_and_wrong_ones_named(served: httpx.Client) -> None:
    answer = send(served, dst=f"+1 (202) 555-0100<{ALICE}<{BOB}<nobody<12")

    assert answer.status_code == 202
    assert len(answer.json()["message_uuid"]) == 2
    assert answer.json()["invalid_number"] == ["nobody", "12"]
    assert [each["to"] for each in truth(served)] == [f"+{ALICE}", f"+{BOB}"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"src": None}, "src or powerpack_uuid is missing"),
        ({"powerpack_uuid": "x"}, "only one of src and powerpack_uuid may be sent"),
        ({"src": None, "powerpack_uuid": "x"}, "powerpack_uuid is not valid"),
        ({"src": "0123"}, None),
        ({"src": "a name that is long"}, "src is not valid"),
        ({"dst": None}, "dst is missing"),
        ({"dst": "nobody"}, "dst is not valid"),
        ({"dst": US}, "src and dst must be different"),
        ({"dst": "<".join(f"1202{n:07}" for n in range(1001))}, "dst has more than"),
        ({"text": None}, "text is missing"),
        ({"text": ""}, "text is missing"),
        ({"text": 7}, "text must be a string"),
        ({"type": "whatsapp"}, "type must be sms or mms"),
        ({"type": "mms", "text": ""}, "text or media is missing"),
        ({"media_urls": ["https://a.example/x.png"]}, "media needs the type mms"),
        ({"type": "mms", "media_urls": ["x"]}, "media_urls must be a valid URL"),
        ({"type": "mms", "media_urls": 7}, "media_urls must be a list"),
        (
            {"type": "mms", "media_urls": ["https://a.example/x.png"] * 11},
            "media must be at most 10 files",
        ),
        ({"type": "mms", "media_ids": [UNKNOWN]}, "media_ids is not valid"),
        ({"url": "app.example/status"}, "url must be a valid URL"),
        ({"method": "PUT"}, "method must be GET or POST"),
        ({"log": "maybe"}, "log must be one of"),
        ({"message_expiry": 4}, "message_expiry must be 5 to 10799"),
        ({"message_expiry": 10801}, "message_expiry must be 5 to 10799"),
        ({"message_expiry": "soon"}, "message_expiry must be an integer"),
    ],
)
def test_a_bad_request_is_refused_and_nothing_is_sent(
    served: httpx.Client, body: dict[str, Any], said: str | None
) -> None:
    answer = send(served, **body)

    if said is None:
        assert answer.status_code == 202
        return
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert truth(served) == []


@pytest.mark.parametrize("raw", ["{", "[]", '"text"'])
def test_a_body_that_is_no_object_is_refused(served: httpx.Client, raw: str) -> None:
    answer = served.post(URL, content=raw, auth=MAIN)

    assert answer.status_code == 400


def test_what_is_bound_to_fail_is_refused_by_a_switch(served: httpx.Client) -> None:
    served.put("/_sim/switches", json={"doomed_message": "refused"})

    refused = send(served, dst=f"{ALICE}<447700900123", src="ACME")

    assert (refused.status_code, refused.json()["error"]) == (400, "src is not rented")
    assert truth(served) == []


def test_strangers_are_let_into_nothing(served: httpx.Client) -> None:
    uuid = sent(served)

    answers = [
        served.post(URL, json={}, auth=("MALOCALDEVELOPMENT00", "wrong")),
        served.get(f"{URL}{uuid}/"),
        served.get(f"{SUB_URL}{uuid}/", auth=SUB),
        served.get(f"{URL}{UNKNOWN}/", auth=MAIN),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 404, 404]


def test_a_subaccount_sends_from_its_own_numbers_alone(served: httpx.Client) -> None:
    body = {"dst": ALICE, "text": "hello"}
    own = served.post(SUB_URL, json={**body, "src": "12025550170"}, auth=SUB).json()
    other = served.post(SUB_URL, json={**body, "src": US}, auth=SUB).json()

    states = [
        served.get(f"/_sim/messages/{made['message_uuid'][0]}?wait=10").json()["state"]
        for made in (own, other)
    ]

    assert states == ["delivered", "failed"]
    assert len(listed(served, subaccount=SUBACCOUNT_ID)) == 2
    of_sub = served.get(SUB_URL, auth=SUB).json()
    assert of_sub["meta"]["total_count"] == 2


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "IFBA"),
        ({"message_direction": "inbound"}, "I"),
        ({"message_direction": "outbound", "to_number": f"+{BOB}"}, "B"),
        ({"from_number": BOB}, "I"),
        ({"message_state": "failed"}, "F"),
        ({"message_state": "received"}, "I"),
        ({"error_code": "100"}, "F"),
        ({"message_type": "mms"}, "F"),
        ({"destination_country_iso2": "GB"}, "F"),
        ({"tendlc_campaign_id": CAMPAIGN_ID}, "IFBA"),
        ({"tendlc_registration_status": "UNREGISTERED"}, ""),
        ({"subaccount": SUBACCOUNT_ID}, ""),
        ({"powerpack_id": "x"}, ""),
        ({"limit": 1, "offset": 1}, "F"),
        ({"message_time__gte": "2030-01-01 00:00"}, ""),
        ({"message_time__gte": "2020-01-01 00:00"}, "IFBA"),
        ({"message_time__lt": "2020-01-01 00:00:00"}, ""),
    ],
)
def test_lists_take_plivos_filters_newest_first(
    served: httpx.Client, query: dict[str, Any], expected: str
) -> None:
    letters = {
        sent(served): "A",
        sent(served, dst=BOB): "B",
        sent(served, dst="447700900123", type="mms"): "F",
    }
    text = {"from": f"+{BOB}", "to": f"+{US}", "text": "hi"}
    written = served.post("/_sim/messages", json=text).json()
    letters[written["message_uuid"]] = "I"

    assert "".join(letters[uuid] for uuid in listed(served, **query)) == expected


def test_hidden_digits_hide_a_sender_from_lookups_as_well(
    served: httpx.Client,
) -> None:
    app = {
        "app_name": "quiet",
        "answer_url": "https://app.example/answer",
        "log_incoming_messages": False,
    }
    base = f"/v1/Account/{AUTH_ID}"
    app_id = served.post(f"{base}/Application/", json=app, auth=MAIN).json()["app_id"]
    served.post(f"{base}/Number/{US}/", json={"app_id": app_id}, auth=MAIN)
    text = {"from": f"+{ALICE}", "to": f"+{US}", "text": "hi"}
    uuid = served.post("/_sim/messages", json=text).json()["message_uuid"]

    record = served.get(f"{URL}{uuid}/", auth=MAIN).json()

    assert record["from_number"] == "12025550***"
    assert record["to_number"] == US
    assert listed(served, from_number=ALICE) == []
    assert listed(served, to_number=US) == [uuid]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"message_state": "lost"}, "message_state must be one of"),
        ({"message_direction": "up"}, "message_direction must be inbound or outbound"),
        ({"limit": 21}, "limit must be between 1 and 20"),
        ({"message_time__gte": "yesterday"}, "invalid message_time__gte"),
    ],
)
def test_a_bad_filter_is_refused(
    served: httpx.Client, query: dict[str, Any], said: str
) -> None:
    answer = served.get(URL, params=query, auth=MAIN)

    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_a_list_goes_back_a_day_or_with_a_bound_ninety(served: httpx.Client) -> None:
    served.put("/_sim/clock", json={"speed": 0})
    try:
        uuid = send(served).json()["message_uuid"][0]
        bound = {"message_time__gt": "2020-01-01 00:00"}
        served.post("/_sim/clock/advance", json={"seconds": 86_399})
        within = listed(served)
        served.post("/_sim/clock/advance", json={"seconds": 2})
        beyond, bounded = listed(served), listed(served, **bound)
        served.post("/_sim/clock/advance", json={"seconds": 89 * 86_400})
        forgotten = listed(served, **bound)
    finally:
        served.put("/_sim/clock", json={"speed": 20})

    assert within == bounded == [uuid]
    assert beyond == forgotten == []


def test_the_account_lists_twenty_times_a_minute(
    sdk: Any, served: httpx.Client
) -> None:
    served.put("/_sim/clock", json={"speed": 0})
    try:
        for _ in range(20):
            sdk.messages.list()
        refused = served.get(URL, auth=MAIN)
        # The SDK stumbles over any error of this list.
        with pytest.raises(TypeError):
            sdk.messages.list()
        by_sub = served.get(SUB_URL, auth=SUB)
        # Getting one isn't listing.
        got = served.get(f"{URL}{UNKNOWN}/", auth=MAIN)
        served.post("/_sim/clock/advance", json={"seconds": 60})
        later = sdk.messages.list()
    finally:
        served.put("/_sim/clock", json={"speed": 20})

    assert refused.status_code == by_sub.status_code == 429
    assert refused.json()["error"] == "too many requests to list messages"
    assert got.status_code == 404
    assert list(later) == []


def test_messages_count_to_the_rate_of_requests(
    served: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is.
    monkeypatch.setattr(simulator, "RATE_SECONDS", 300)
    served.put("/_sim/switches", json={"rate_limit": "on"})

    statuses = [
        served.get(f"{URL}{UNKNOWN}/", auth=MAIN).status_code for _ in range(301)
    ]

    assert statuses == [404] * 300 + [429]


@pytest.mark.parametrize(
    ("fault", "error", "taken"),
    [
        ("message_send_reset_before_commit", requests.exceptions.ConnectionError, 0),
        ("message_send_reset_after_commit", requests.exceptions.RequestException, 1),
        ("message_send_timeout_before_commit", requests.exceptions.ReadTimeout, 0),
        ("message_send_timeout_after_commit", requests.exceptions.ReadTimeout, 1),
        ("message_send_5xx_before_commit", exceptions.PlivoServerError, 0),
        ("message_send_5xx_after_commit", exceptions.PlivoRestError, 1),
        ("message_send_429", exceptions.PlivoRestError, 0),
        ("message_send_401", exceptions.AuthenticationError, 0),
        ("message_send_403", exceptions.GeoPermissionError, 0),
    ],
)
def test_the_outcome_of_a_send_may_stay_unknown(
    sdk: Any, served: httpx.Client, fault: str, error: type[Exception], taken: int
) -> None:
    served.put("/_sim/faults", json={fault: {"times": 1, "match": {"dst": ALICE}}})
    patience, sdk.timeout = sdk.timeout, 0.3 if "timeout" in fault else sdk.timeout

    with pytest.raises(error):
        sdk.messages.create(src=US, dst=ALICE, text="hello")

    sdk.timeout = patience
    assert len(truth(served)) == taken
    # The SDK sends a message once, unlike what it sends to the voice API.
    assert sdk.messages.create(src=US, dst=ALICE, text="again").message_uuid


def test_an_answer_may_be_html_and_the_message_taken(
    sdk: Any, served: httpx.Client
) -> None:
    served.put("/_sim/faults", json={"message_send_non_json": {"times": 1}})

    assert sdk.messages.create(src=US, dst=ALICE, text="hello") is None
    assert len(truth(served)) == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [("5xx", 500), ("429", 429), ("non_json", 200), ("403", 403)],
)
def test_lookups_have_faults_of_their_own(
    served: httpx.Client, fault: str, status: int
) -> None:
    uuid = sent(served)
    faults = {f"message_{kind}_{fault}": {"times": 1} for kind in ("get", "list")}
    served.put("/_sim/faults", json=faults)

    spoilt = [served.get(url, auth=MAIN) for url in (f"{URL}{uuid}/", URL)]
    whole = [served.get(url, auth=MAIN) for url in (f"{URL}{uuid}/", URL)]

    assert [answer.status_code for answer in spoilt] == [status] * 2
    assert [answer.status_code for answer in whole] == [200] * 2
    assert uuid not in spoilt[0].text + spoilt[1].text
    assert all(uuid in answer.text for answer in whole)


def test_a_list_may_lag_behind(served: httpx.Client) -> None:
    uuid = sent(served)
    served.put("/_sim/faults", json={"message_list_lag": {"seconds": 3600, "times": 1}})

    assert (listed(served), listed(served)) == ([], [uuid])


def test_what_plivo_sends_by_itself_is_not_the_accounts(served: httpx.Client) -> None:
    text = {"from": f"+{ALICE}", "to": f"+{US}", "text": "HELP"}
    written = served.post("/_sim/messages", json=text).json()

    inbound, own = truth(served)
    assert inbound["message_uuid"] == written["message_uuid"]
    assert own["by_plivo"]
    assert listed(served) == [written["message_uuid"]]
    assert served.get(f"{URL}{own['message_uuid']}/", auth=MAIN).status_code == 404
