"""Test rented numbers as Plivo's API shows, lists, changes and gives them up."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, CAMPAIGN_ID, SUBACCOUNT_ID
from plivo_simulator.number_routes import next_renewal

from .masking_client import MAIN, SUB
from .stage import NOON

URL = f"/v1/Account/{AUTH_ID}/Number/"
US, GB, INDIA = "12025550180", "442079460100", "912200550101"
TOLL_FREE = "18005550199"


def numbers(client: httpx.Client, **query: Any) -> list[str]:
    """Return the digits on the first page of a list."""
    answer = client.get(URL, params=query, auth=MAIN)
    assert answer.status_code == 200, answer.text
    return [each["number"] for each in answer.json()["objects"]]


def shown(client: httpx.Client, digits: str) -> dict[str, Any]:
    """Return a number as Plivo shows it."""
    document: dict[str, Any] = client.get(f"{URL}{digits}/", auth=MAIN).json()
    return document


def rent(client: httpx.Client, digits: str, **more: Any) -> None:
    """Rent a number by the control API."""
    made = client.post("/_sim/numbers", json={"number": digits, **more})
    made.raise_for_status()


def test_a_number_says_what_it_can_do(served: httpx.Client) -> None:
    able = {
        digits: tuple(
            shown(served, digits)[f"{name}_enabled"] for name in ("voice", "sms", "mms")
        )
        for digits in (US, GB, INDIA)
    }

    assert able == {
        US: (True, True, True),
        GB: (True, True, False),
        INDIA: (True, False, False),
    }


def test_a_us_number_has_every_field_that_plivo_documents(served: httpx.Client) -> None:
    document = shown(served, US)

    assert {*document} == {
        *("added_on", "alias", "application", "caller_reputation_status", "carrier"),
        *("cnam_lookup", "country", "mms_enabled", "mms_rate", "monthly_rental_rate"),
        *("number", "number_type", "region", "renewal_date", "resource_uri"),
        *("sms_enabled", "sms_rate", "sub_account", "tendlc_campaign_id"),
        *("tendlc_registration_status", "toll_free_sms_verification"),
        *("voice_enabled", "voice_rate"),
    }
    assert document["number_type"] == "local"
    assert document["sms_rate"] == "0.00000"
    assert document["tendlc_registration_status"] == "COMPLETED"
    assert document["tendlc_campaign_id"] == CAMPAIGN_ID
    assert document["toll_free_sms_verification"] is None


def test_registration_is_of_us_local_numbers_and_verification_of_toll_free_ones(
    served: httpx.Client,
) -> None:
    rent(served, TOLL_FREE)
    served.patch(f"/_sim/numbers/{US}", json={"registration": "UNREGISTERED"})
    served.patch(f"/_sim/numbers/{TOLL_FREE}", json={"verification": "UNVERIFIED"})

    unregistered, free, british = (shown(served, n) for n in (US, TOLL_FREE, GB))

    fields = ("tendlc_registration_status", "tendlc_campaign_id")
    assert [unregistered[name] for name in fields] == ["UNREGISTERED", None]
    assert [free[name] for name in fields] == [None, None]
    assert free["number_type"] == "tollfree"
    assert free["toll_free_sms_verification"] == "UNVERIFIED"
    assert british["toll_free_sms_verification"] is None
    assert british["cnam_lookup"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"number_startswith": "+44", "subaccount": SUBACCOUNT_ID}, 2),
        ({"number_startswith": "1202", "limit": 1}, 1),
        ({"services": "mms"}, 20),
        ({"services": "voice,sms", "number_startswith": "44"}, 8),
        ({"services": "sms", "number_startswith": "91"}, 0),
        ({"type": "tollfree"}, 1),
        ({"type": "mobile"}, 0),
        ({"alias": "support"}, 1),
        ({"cnam_lookup": "enabled"}, 1),
        ({"tendlc_registration_status": "UNREGISTERED"}, 1),
        ({"tendlc_campaign_id": CAMPAIGN_ID, "number_startswith": "1202555018"}, 9),
        ({"toll_free_sms_verification": "VERIFIED"}, 1),
        ({"renewal_date__lt": "2026-01-01"}, 0),
        ({"renewal_date__gte": "2026-01-05", "number_startswith": "91"}, 6),
        ({"offset": 39}, 0),
    ],
)
def test_lists_take_plivos_filters(
    served: httpx.Client, query: dict[str, Any], expected: int
) -> None:
    rent(served, TOLL_FREE)
    served.patch(f"/_sim/numbers/{US}", json={"registration": "UNREGISTERED"})
    change = {"alias": "support", "cnam_lookup": "enabled"}
    served.post(f"{URL}12025550181/", json=change, auth=MAIN)

    assert len(numbers(served, **query)) == expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"services": "fax"}, "services must be of voice, sms, mms"),
        ({"type": "short"}, "type must be one of"),
        ({"limit": 21}, "limit must be between 1 and 20"),
        ({"renewal_date": "soon"}, "invalid renewal_date"),
    ],
)
def test_a_bad_filter_is_refused(
    served: httpx.Client, query: dict[str, Any], said: str
) -> None:
    answer = served.get(URL, params=query, auth=MAIN)

    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_a_number_is_renewed_on_the_day_of_the_month_when_it_was_rented() -> None:
    assert next_renewal(NOON.date()).isoformat() == "2026-03-05"
    assert next_renewal(NOON.date().replace(day=5)).isoformat() == "2026-03-05"
    assert next_renewal(NOON.date().replace(day=6)).isoformat() == "2026-04-05"
    assert next_renewal(NOON.date().replace(month=12, day=31)).isoformat() == (
        "2027-01-05"
    )


def test_a_number_moves_to_a_subaccount_and_back(served: httpx.Client) -> None:
    url = f"{URL}{US}/"
    sub_url = f"/v1/Account/{SUBACCOUNT_ID}/Number/{US}/"

    before = served.get(sub_url, auth=SUB).status_code
    served.post(url, json={"subaccount": SUBACCOUNT_ID}, auth=MAIN)
    moved = shown(served, US)["sub_account"]
    by_sub = served.post(sub_url, json={"alias": "ours"}, auth=SUB)
    served.post(url, json={"subaccount": None}, auth=MAIN)
    back = shown(served, US)

    assert before == 404
    assert moved.endswith(f"/Subaccount/{SUBACCOUNT_ID}/")
    assert by_sub.status_code == 202
    assert (back["sub_account"], back["alias"]) == (None, "ours")
    assert served.get(sub_url, auth=SUB).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"app_id": "12345"}, 404, "application not found"),
        ({"subaccount": "SA00000000000000000X"}, 400, "subaccount is not valid"),
        ({"cnam_lookup": "yes"}, 400, "cnam_lookup must be enabled or disabled"),
    ],
)
def test_a_bad_change_is_refused_and_changes_nothing(
    served: httpx.Client, body: dict[str, Any], status: int, said: str
) -> None:
    refused = served.post(f"{URL}{US}/", json={"alias": "x", **body}, auth=MAIN)

    assert (refused.status_code, refused.json()["error"]) == (status, said)
    assert shown(served, US)["alias"] is None


def test_an_application_is_detached_with_null(served: httpx.Client) -> None:
    applications = f"/v1/Account/{AUTH_ID}/Application/"
    body = {"app_name": "a", "answer_url": "https://app.example/answer"}
    app_id = served.post(applications, json=body, auth=MAIN).json()["app_id"]
    served.post(f"{URL}{US}/", json={"app_id": app_id}, auth=MAIN)
    attached = shown(served, US)["application"]

    served.post(f"{URL}{US}/", json={"app_id": None}, auth=MAIN)

    assert attached == f"{applications}{app_id}/"
    assert shown(served, US)["application"] is None


def test_a_number_that_was_given_up_is_gone(served: httpx.Client) -> None:
    gone = served.delete(f"{URL}{US}/", auth=MAIN)

    assert gone.status_code == 204
    assert served.get(f"{URL}{US}/", auth=MAIN).status_code == 404
    assert US not in numbers(served, number_startswith=US)


def test_the_control_api_changes_what_a_number_can_do(served: httpx.Client) -> None:
    rent(served, "+12025550165", sms=False)

    changed = served.patch(f"/_sim/numbers/{GB}", json={"sms": False, "voice": False})
    wrong = served.patch(f"/_sim/numbers/{GB}", json={"sms": "no"})
    unknown = served.patch(f"/_sim/numbers/{GB}", json={"registration": "maybe"})

    assert (changed.json()["sms"], changed.json()["voice"]) == (False, False)
    assert shown(served, GB)["sms_enabled"] is False
    assert shown(served, "12025550165")["sms_enabled"] is False
    assert shown(served, "12025550165")["mms_enabled"] is True
    assert (wrong.status_code, wrong.json()["error"]) == (
        400,
        "`sms` must be true or false",
    )
    assert unknown.status_code == 400
    assert served.patch("/_sim/numbers/12125550199", json={}).status_code == 404


def test_the_sdk_lists_changes_and_gives_up_numbers(sdk: Any) -> None:
    listed = sdk.numbers.list(services=["sms", "mms"], subaccount=SUBACCOUNT_ID)
    sdk.numbers.update(US, alias="desk", cnam_lookup="enabled")
    got = sdk.numbers.get(US)
    sdk.numbers.delete(US)

    assert {each.country for each in listed} == {"US"}
    assert (got.alias, got.cnam_lookup, got.mms_enabled) == ("desk", "enabled", True)
    assert US not in [each.number for each in sdk.numbers.list()]
