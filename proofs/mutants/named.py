"""Mutants that once survived: each is tried first, with the tests that were written."""

from __future__ import annotations

from proofs.defenses.defenses import LAYER, Defense

RACES = "tests/proofs/erasure_races"

NAMED = (
    Defense(
        "an erasure that keeps the snapshot's calls",
        f"{LAYER}/storage/redacted_items.py",
        '[redacted_call(each) for each in kept.get("calls", ())]',
        'list(kept.get("calls", ()))',
        (
            "tests/unit/test_redaction.py::test_a_snapshot_keeps_of_its_calls_what_is_named",
            f"{RACES}/test_recordings.py::test_a_snapshot_from_before_is_redacted",
        ),
    ),
    Defense(
        "callbacks that are redacted once",
        f"{LAYER}/erasure/erase_session.py",
        "        self._redact_callbacks(\n"
        "            self.stores.callbacks.of_session(plan.session_uuid), None\n"
        "        )\n",
        "",
        (
            f"{RACES}/test_callbacks.py::"
            "test_a_callback_stored_while_the_session_is_erased_is_redacted_with_it",
        ),
    ),
    Defense(
        "a recording that is hidden one moment late",
        f"{LAYER}/domain/recordings.py",
        "now >= recording.expires_at",
        "now > recording.expires_at",
        (
            "tests/unit/test_recordings.py::"
            "test_a_recording_is_hidden_from_the_very_moment_that_its_retention_ends",
        ),
    ),
    Defense(
        "a deletion that looks at no session's hold",
        f"{LAYER}/recording/delete_recording.py",
        "if known.held or self.stores.recordings.is_held(known.session_uuid):",
        "if known.held:",
        (
            "tests/handlers/test_delete_recording.py::"
            "test_the_hold_of_a_session_alone_keeps_a_recording_from_being_deleted",
        ),
    ),
)
