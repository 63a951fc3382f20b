"""List the faults of calls that XML directs; `answer_urls` carries them out."""

from __future__ import annotations

VOICE_FAULTS: tuple[tuple[str, str, str, str, dict[str, float]], ...] = (
    (
        "answer_slow",
        "answer",
        "slow",
        "a document of the application comes {seconds} s late, by the simulated clock",
        {"seconds": 10},
    ),
    (
        "answer_5xx",
        "answer",
        "5xx",
        "the application's answer is lost: Plivo sees {status}",
        {"status": 503},
    ),
    ("answer_bad_xml", "answer", "bad_xml", "the document breaks off", {}),
    ("dial_callback_lost", "dial_callback", "lost", "is never sent", {}),
    ("dial_callback_doubled", "dial_callback", "doubled", "is sent twice", {}),
    (
        "dial_callback_late",
        "dial_callback",
        "late",
        "is sent {seconds} s late",
        {"seconds": 30},
    ),
    ("hangup_lost", "hangup", "lost", "the hangup URL hears nothing", {}),
    (
        "hangup_late",
        "hangup",
        "late",
        "the hangup URL hears of the end {seconds} s late",
        {"seconds": 30},
    ),
)
