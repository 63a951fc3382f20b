"""Test applications as Plivo keeps them: names, defaults, fragments."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID, SUBACCOUNT_ID

from .masking_client import MAIN, SUB

URL = f"/v1/Account/{AUTH_ID}/Application/"
ANSWER_URL = "https://app.example/answer"


def create(client: httpx.Client, **body: Any) -> httpx.Response:
    """Create an application called goodbye, unless *body* says otherwise."""
    asked = {"app_name": "goodbye", "answer_url": ANSWER_URL, **body}
    return client.post(URL, json=asked, auth=MAIN)


def shown(client: httpx.Client, created: httpx.Response) -> dict[str, Any]:
    """Return the application as Plivo shows it."""
    assert created.status_code == 201, created.text
    answer = client.get(f"{URL}{created.json()['app_id']}/", auth=MAIN)
    document: dict[str, Any] = answer.json()
    return document


def test_the_hangup_url_is_the_answer_url_unless_another_is_set(
    served: httpx.Client,
) -> None:
    default = shown(served, create(served))
    other = shown(served, create(served, hangup_url="https://app.example/hangup"))

    assert default["hangup_url"] == ANSWER_URL
    assert other["hangup_url"] == "https://app.example/hangup"


def test_the_fallback_is_kept_under_the_names_of_requests_and_objects(
    served: httpx.Client,
) -> None:
    url = "https://static.example/goodbye.xml"

    made = shown(served, create(served, fallback_answer_url=url, fallback_method="get"))

    assert made["fallback_answer_url"] == url
    assert made["fallback_answer_method"] == "GET"
    assert "fallback_method" not in made


@pytest.mark.parametrize("name", ["goodbye", "Good-bye_2", "-", "0"])
def test_a_name_of_letters_digits_hyphens_and_underscores_is_taken(
    served: httpx.Client, name: str
) -> None:
    assert shown(served, create(served, app_name=name))["app_name"] == name


@pytest.mark.parametrize(
    "name", ["support line", "goodbye.", "gr\u00fcn", "a/b", "a\n", "\u0661", "(x)"]
)
def test_any_other_name_is_refused_at_creation_and_at_an_update(
    served: httpx.Client, name: str
) -> None:
    made = create(served)
    url = f"{URL}{made.json()['app_id']}/"

    answers = [
        create(served, app_name=name),
        served.post(url, json={"app_name": name}, auth=MAIN),
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert all("letters, digits, - and _" in a.json()["error"] for a in answers)
    assert shown(served, made)["app_name"] == "goodbye"


@pytest.mark.parametrize("missing", ["app_name", "answer_url"])
def test_name_and_answer_url_are_required(served: httpx.Client, missing: str) -> None:
    refused = create(served, **{missing: None})

    assert (refused.status_code, refused.json()["error"]) == (
        400,
        f"{missing} is missing",
    )


@pytest.mark.parametrize(
    "field", ["answer_url", "hangup_url", "fallback_answer_url", "message_url"]
)
def test_a_switch_has_fragments_taken_or_refused(
    served: httpx.Client, field: str
) -> None:
    url = f"{ANSWER_URL}#rc=3"

    taken = shown(served, create(served, **{field: url}))
    served.put("/_sim/switches", json={"url_fragment": "refused"})
    refused = create(served, **{field: url})

    assert taken[field] == url
    assert (refused.status_code, refused.json()["error"]) == (
        400,
        f"{field} must be a valid URL",
    )


DEFAULTS = {
    "answer_method": "POST",
    "answer_url": ANSWER_URL,
    "app_name": "goodbye",
    "application_type": "XML",
    "default_app": False,
    "default_endpoint_app": False,
    "enabled": True,
    "fallback_answer_method": "POST",
    "fallback_answer_url": "",
    "hangup_method": "POST",
    "hangup_url": ANSWER_URL,
    "log_incoming_messages": True,
    "message_method": "POST",
    "message_url": "",
    "public_uri": False,
    "sub_account": None,
}


def test_what_is_not_sent_has_plivos_defaults(served: httpx.Client) -> None:
    made = shown(served, create(served))

    app_id = made["app_id"]
    assert {name: made[name] for name in DEFAULTS} == DEFAULTS
    assert {*made} - {*DEFAULTS} == {"api_id", "app_id", "resource_uri", "sip_uri"}
    assert made["resource_uri"] == f"{URL}{app_id}/"
    assert made["sip_uri"].startswith(f"sip:{app_id}@")


def test_every_field_is_kept_and_an_update_leaves_the_others(
    served: httpx.Client,
) -> None:
    sent = {
        "answer_method": "get",
        "hangup_method": "GET",
        "message_url": "https://app.example/messages",
        "message_method": "GET",
        "default_endpoint_app": True,
        "log_incoming_messages": False,
        "public_uri": "true",
    }
    created = create(served, **sent)
    before = shown(served, created)

    url = f"{URL}{created.json()['app_id']}/"
    changed = served.post(url, json={"hangup_method": "POST"}, auth=MAIN)

    after = shown(served, created)
    expected = {**sent, "answer_method": "GET", "public_uri": True}
    assert {name: before[name] for name in expected} == expected
    assert (changed.status_code, changed.json()["message"]) == (202, "changed")
    for document in (before, after):
        del document["api_id"]
    assert after == {**before, "hangup_method": "POST"}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"answer_url": "app.example/answer"}, "answer_url must be a valid URL"),
        ({"message_url": "ftp://app.example/m"}, "message_url must be a valid URL"),
        (
            {"hangup_url": f"https://a.example/{'x' * 1000}"},
            "hangup_url must be under 1000 characters",
        ),
        ({"answer_method": "PUT"}, "answer_method must be GET or POST"),
        ({"message_method": 7}, "message_method must be GET or POST"),
        (
            {"log_incoming_messages": "perhaps"},
            "log_incoming_messages must be true/false",
        ),
        ({"default_number_app": 2}, "default_number_app must be true/false"),
        ({"subaccount": "SA00000000000000000X"}, "subaccount is not valid"),
        ({"app_name": 7}, "app_name may have letters, digits, - and _ only"),
    ],
)
def test_a_bad_value_is_refused_and_nothing_is_changed(
    served: httpx.Client, bad: dict[str, Any], said: str
) -> None:
    created = create(served)
    before = shown(served, created)
    url = f"{URL}{created.json()['app_id']}/"

    answers = [
        create(served, **bad),
        served.post(url, json={"public_uri": True, **bad}, auth=MAIN),
    ]

    assert [(a.status_code, a.json()["error"]) for a in answers] == [(400, said)] * 2
    after = shown(served, created)
    assert {**after, "api_id": ""} == {**before, "api_id": ""}
    assert served.get(URL, auth=MAIN).json()["meta"]["total_count"] == 1


def test_an_answer_url_is_never_taken_away(served: httpx.Client) -> None:
    created = create(served)
    url = f"{URL}{created.json()['app_id']}/"

    refused = served.post(url, json={"answer_url": ""}, auth=MAIN)

    assert (refused.status_code, refused.json()["error"]) == (
        400,
        "answer_url is missing",
    )


def test_a_switch_names_the_fallbacks_method_in_the_object(
    served: httpx.Client,
) -> None:
    created = create(served, fallback_method="GET")

    before = shown(served, created)
    served.put("/_sim/switches", json={"fallback_name": "fallback_method"})
    after = shown(served, created)

    assert before["fallback_answer_method"] == "GET"
    assert "fallback_method" not in before
    assert after["fallback_method"] == "GET"
    assert "fallback_answer_method" not in after


def test_a_subaccounts_application_is_the_subaccounts(served: httpx.Client) -> None:
    create(served, app_name="main")
    created = create(served, app_name="sub", subaccount=SUBACCOUNT_ID)
    sub_url = f"/v1/Account/{SUBACCOUNT_ID}/Application/"

    of_main = served.get(URL, params={"subaccount": SUBACCOUNT_ID}, auth=MAIN).json()
    of_sub = served.get(sub_url, auth=SUB).json()
    named = served.get(URL, params={"app_name": "main"}, auth=MAIN).json()

    for listed in (of_main, of_sub):
        assert [each["app_name"] for each in listed["objects"]] == ["sub"]
    assert [each["app_name"] for each in named["objects"]] == ["main"]
    sub_account = shown(served, created)["sub_account"]
    assert sub_account.endswith(f"/Subaccount/{SUBACCOUNT_ID}/")


def test_one_application_is_the_default_of_new_numbers(served: httpx.Client) -> None:
    first = create(served, default_number_app=True).json()["app_id"]
    second = create(served, default_number_app=True).json()["app_id"]
    own, sub = "+12025550165", {"number": "+12025550166", "account": SUBACCOUNT_ID}

    rented = served.post("/_sim/numbers", json={"number": own}).json()
    elsewhere = served.post("/_sim/numbers", json=sub).json()

    defaults = {
        each["app_id"]: each["default_app"]
        for each in served.get(URL, auth=MAIN).json()["objects"]
    }
    assert defaults == {first: False, second: True}
    assert rented["app_id"] == second
    assert elsewhere["app_id"] is None


def test_a_deleted_application_leaves_its_numbers(served: httpx.Client) -> None:
    app_id = create(served).json()["app_id"]
    number = f"/v1/Account/{AUTH_ID}/Number/12025550180/"
    served.post(number, json={"app_id": app_id}, auth=MAIN)
    attached = served.get(number, auth=MAIN).json()["application"]

    deleted = served.delete(f"{URL}{app_id}/", auth=MAIN)

    assert attached == f"{URL}{app_id}/"
    assert deleted.status_code == 204
    assert served.get(number, auth=MAIN).json()["application"] is None
    assert served.get(f"{URL}{app_id}/", auth=MAIN).status_code == 404


def test_the_sdk_makes_reads_lists_changes_and_deletes_applications(sdk: Any) -> None:
    made = sdk.applications.create(
        app_name="texts",
        answer_url=ANSWER_URL,
        message_url="https://app.example/messages",
        log_incoming_messages=False,
        subaccount=SUBACCOUNT_ID,
    )
    got = sdk.applications.get(made.app_id)
    changed = sdk.applications.update(
        made.app_id, answer_url=ANSWER_URL, message_method="GET"
    )
    (listed,) = sdk.applications.list(subaccount=SUBACCOUNT_ID)
    sdk.applications.delete(made.app_id)

    assert got.message_url == "https://app.example/messages"
    assert got.log_incoming_messages is False
    assert changed.message == "changed"
    assert (listed.app_id, listed.message_method) == (made.app_id, "GET")
    # The SDK sends its default with every update.
    assert listed.log_incoming_messages is True
    assert list(sdk.applications.list()) == []
