"""The addresses that Plivo calls us back at are ours, and nobody else can make one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masking.plivo import callback_urls

KEY = b"a key of callbacks"
BASE = "https://masks.example.com/stage"
SESSION = "0b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"
OTHER = "1b0c7e0a-5a7e-4a53-9d5e-1a2b3c4d5e6f"


def test_both_addresses_name_session_attempt_and_token_and_are_posted_to() -> None:
    registered = callback_urls.registration(KEY, BASE, SESSION, 2)
    token = callback_urls.token_for(KEY, SESSION, 2)

    assert registered == {
        "callback_url": f"{BASE}/v1/plivo/sessions/{SESSION}/2/{token}/events",
        "callback_method": "POST",
        "recording_callback_url": (
            f"{BASE}/v1/plivo/sessions/{SESSION}/2/{token}/recordings"
        ),
        "recording_callback_method": "POST",
    }


@given(st.uuids(), st.integers(1, 999_999))
def test_what_was_registered_is_recognized_with_its_attempt(
    session: object, attempt: int
) -> None:
    registered = callback_urls.registration(KEY, BASE, str(session), attempt)

    for name in ("callback_url", "recording_callback_url"):
        assert callback_urls.attempt_in(registered[name], KEY, str(session)) == attempt


@pytest.mark.parametrize(
    ("key", "session", "attempt"),
    [(b"another", SESSION, 1), (KEY, OTHER, 1), (KEY, SESSION, 2)],
    ids=["key", "session", "attempt"],
)
def test_a_token_opens_one_attempt_of_one_session(
    key: bytes, session: str, attempt: int
) -> None:
    token = callback_urls.token_for(KEY, SESSION, 1)

    assert callback_urls.is_token(KEY, SESSION, 1, token)
    assert not callback_urls.is_token(key, session, attempt, token)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://elsewhere.example.com/hook",
        callback_urls.registration(KEY, BASE, OTHER, 1)["callback_url"],
        callback_urls.registration(b"another", BASE, SESSION, 1)["callback_url"],
        callback_urls.registration(KEY, BASE, SESSION, 1)["callback_url"] + "/more",
        callback_urls.registration(KEY, BASE, SESSION, 1)["callback_url"][:-1],
    ],
    ids=["none", "elsewhere", "session", "key", "longer", "shorter"],
)
def test_any_other_address_is_not_ours(url: str) -> None:
    assert callback_urls.attempt_in(url, KEY, SESSION) is None


def test_an_address_fits_plivos_limit_with_room_for_a_long_base() -> None:
    base = "https://" + "h" * 253 + "/" + "p" * 100

    registered = callback_urls.registration(KEY, base, SESSION, 999_999)

    assert max(map(len, registered.values())) < 1_000
