"""List the faults of messages: those of the API's operations are in the catalogue."""

from __future__ import annotations

_Row = tuple[str, str, str, str, dict[str, float]]

MESSAGE_FAULTS: tuple[_Row, ...] = (
    (
        "message_list_lag",
        "message_list",
        "lag",
        "leaves out messages younger than {seconds} s",
        {"seconds": 60},
    ),
    (
        "message_rejected",
        "message_dispatch",
        "rejected",
        "the carrier takes no message: it fails with error {code}",
        {"code": 30},
    ),
    (
        "message_undelivered",
        "message_arrival",
        "undelivered",
        "never reaches the phone: it is undelivered with error {code}",
        {"code": 80},
    ),
    ("message_webhook_lost", "message", "lost", "is never sent", {}),
    (
        "message_webhook_doubled",
        "message",
        "doubled",
        "is sent again, {copies} more, {seconds} s apart",
        {"copies": 1, "seconds": 0},
    ),
    (
        "message_webhook_late",
        "message",
        "late",
        "is sent {seconds} s late",
        {"seconds": 60},
    ),
    ("message_status_missing", "message_status", "lost", "is never sent", {}),
    (
        "message_status_doubled",
        "message_status",
        "doubled",
        "is sent again, {copies} more, {seconds} s apart",
        {"copies": 1, "seconds": 0},
    ),
    (
        "message_status_late",
        "message_status",
        "late",
        "is sent {seconds} s late",
        {"seconds": 60},
    ),
    ("media_gone", "message_media", "gone", "the file is 404", {}),
    (
        "media_5xx",
        "message_media",
        "5xx",
        "the file is answered with {status}",
        {"status": 503},
    ),
)
