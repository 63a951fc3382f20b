"""Test applications as Plivo keeps them: names, defaults, fragments."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plivo_simulator.account import AUTH_ID

from .masking_client import MAIN

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


@pytest.mark.parametrize("field", ["answer_url", "hangup_url", "fallback_answer_url"])
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
