"""The fault plan: every kind strikes equally often, and can be aimed."""

from __future__ import annotations

from collections import Counter

from proofs import faults
from proofs.faults import History


def test_what_has_struck_too_rarely_gets_the_higher_rate() -> None:
    struck = Counter({"create_429": 10, "create_slow": 1})
    history = History(struck, Counter(create=2_000), Counter(create=20))

    rates = faults.rates(history)

    assert rates["create_slow"] > rates["create_429"] > 0
    assert sum(rates[k] for k in faults.KINDS["create"]) <= faults.MOST_OF_ONE + 1e-9


def test_without_rates_nothing_is_armed_and_a_hidden_listing_stays_hidden() -> None:
    assert faults.armed({}, hide_listing=False) == {}
    assert faults.armed({"list_5xx": 0.5, "get_5xx": 0.5}, hide_listing=True) == {
        "get_5xx": {"rate": 0.5},
        "list_lag": {"rate": 1, "seconds": 10**7},
    }


def test_faults_are_aimed_at_sessions_and_webhooks_dropped_for_all() -> None:
    kinds = {"a": "recording_late", "b": "webhook_delayed", "c": "fine"}

    assert faults.aimed(kinds, without_webhooks=True) == {
        "recording_late": {"seconds": 6, "match": {"session_uuid": "a"}},
        "webhook_delayed": {
            "seconds": 3,
            "match": {"session_uuid": "b", "channel": "recording"},
        },
        "webhook_dropped": {"rate": 1},
    }
