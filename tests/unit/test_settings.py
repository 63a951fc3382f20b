"""Settings are read when they are asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from masking.core.errors import SettingMissingError
from masking.core.settings import Setting, Settings, settings

REQUIRED = {
    "table_name": "TABLE_NAME",
    "bucket_name": "BUCKET_NAME",
    "bus_name": "BUS_NAME",
    "carrier_secret": "CARRIER_SECRET_ARN",
    "signing_secret": "SIGNING_SECRET_ARN",
    "carrier_base_url": "CARRIER_BASE_URL",
    "recording_hosts": "RECORDING_HOSTS",
    "recording_queue_url": "RECORDING_QUEUE_URL",
    "recording_dead_letters_url": "RECORDING_DEAD_LETTERS_URL",
    "recording_patience": "RECORDING_RETRY_SECONDS",
    "recording_retention_days": "RECORDING_RETENTION_DAYS",
    "deletes_at_carrier": "DELETE_RECORDINGS_AT_CARRIER",
    "check_queue_url": "CHECK_QUEUE_URL",
    "change_queue_url": "CHANGE_QUEUE_URL",
    "change_dead_letters_url": "CHANGE_DEAD_LETTERS_URL",
    "erasure_queue_url": "ERASURE_QUEUE_URL",
    "webhook_queue_url": "WEBHOOK_QUEUE_URL",
    "webhook_dead_letters_url": "WEBHOOK_DEAD_LETTERS_URL",
    "retention": "RETENTION_DAYS",
    "most_pin_guesses": "PIN_GUESSING_THRESHOLD",
    "carrier_requests_per_second": "CARRIER_REQUESTS_PER_SECOND",
    "goodbye_text": "GOODBYE_TEXT",
    "goodbye_language": "GOODBYE_LANGUAGE",
}


@pytest.mark.parametrize(("setting", "variable"), REQUIRED.items())
@pytest.mark.parametrize("environment", [{}, {"empty": ""}], ids=["unset", "empty"])
def test_a_missing_variable_is_named_in_a_sentence(
    setting: str, variable: str, environment: dict[str, str]
) -> None:
    empty = dict.fromkeys([variable] if environment else [], "")

    with pytest.raises(SettingMissingError) as missing:
        getattr(Settings(empty), setting)

    assert str(missing.value) == f"The environment variable {variable} is not set."


def test_every_setting_that_must_be_set_is_tested() -> None:
    properties = {n for n, v in vars(Settings).items() if isinstance(v, Setting)}

    ours = {"public_base_url", "goodbye_play_url"}
    optional = {*ours, "webhook_auth", "webhook_targets", "bus_events", "log_level"}
    assert properties == {*REQUIRED, *optional}


def test_settings_are_what_the_template_sets() -> None:
    found = Settings(
        {
            "TABLE_NAME": "table",
            "CARRIER_BASE_URL": "https://api.plivo.com/",
            "PUBLIC_BASE_URL": "https://masks.example.com/",
            "RECORDING_HOSTS": " *.plivo.com,, http://127.0.0.1:8001 ",
            "RETENTION_DAYS": "400",
            "CARRIER_REQUESTS_PER_SECOND": "20",
            "GOODBYE_TEXT": "Goodbye.",
            "GOODBYE_PLAY_URL": "https://app.example.com/goodbye.mp3",
        }
    )

    assert found.table_name == "table"
    assert found.carrier_base_url == "https://api.plivo.com"
    assert found.public_base_url == "https://masks.example.com"
    assert found.recording_hosts == ("*.plivo.com", "http://127.0.0.1:8001")
    assert found.retention == timedelta(days=400)
    assert found.carrier_requests_per_second == 20.0
    assert found.goodbye_text == "Goodbye."
    assert found.goodbye_play_url == "https://app.example.com/goodbye.mp3"


def test_the_public_address_need_not_be_set() -> None:
    assert Settings({}).public_base_url == ""


def test_what_a_caller_hears_may_be_text_alone() -> None:
    assert Settings({}).goodbye_play_url == ""


def test_a_process_has_one_set_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "table")

    assert settings() is settings()
    assert settings().table_name == "table"
