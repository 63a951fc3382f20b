"""The embedded AWS's journal and checkpoint, over stand-ins for its services."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stack.aws.kept_state import KeptState, prepare

SCOPE = ("000000000000", "us-east-1")


class Scoped(dict[Any, Any]):
    """A stand-in for ministack's dict of things by account, region and name."""

    @property
    def _data(self) -> Scoped:
        return self

    def get_scoped(self, account: str, region: str, name: str) -> Any:
        assert (account, region) == SCOPE
        return self.get(name)

    def set_scoped(self, account: str, region: str, name: str, value: Any) -> None:
        assert (account, region) == SCOPE
        self[name] = value


class Emulator:
    """One run of an emulator with one table, one queue and one reader of a stream."""

    def __init__(self, folder: Path) -> None:
        self.items: dict[str, Any] = {}
        self.messages: list[dict[str, Any]] = []
        self.tables = SimpleNamespace(
            _tables=Scoped(sessions={"pk_name": "pk", "sk_name": "sk"}),
            _stream_records=Scoped(),
            _stream_trimmed=Scoped(),
            _extract_key_val=lambda value: value["S"],
            _set_item=self._set,
            _remove_item=lambda _table, pk, sk: self.items.pop(f"{pk} {sk}", None),
        )
        self.functions = SimpleNamespace(
            _dynamodb_stream_positions={"reader": 0},
            _restore_esm_positions=lambda store, found: store.update(found),
        )
        self.queues = SimpleNamespace(
            _queues=Scoped(work={"messages": self.messages}),
            get_state=lambda: {"queues": {"work": {"messages": self.messages}}},
            load_persisted_state=self._load_queues,
        )
        self.kept = KeptState(
            folder,
            tables=self.tables,
            functions=self.functions,
            queues=self.queues,
            codec=SimpleNamespace(_json_default=None, _json_object_hook=None),
            scope=lambda: SCOPE,
        )
        self.emit = self.kept.journaled(self._emit)

    def put(self, name: str, **attributes: str) -> None:
        """Put an item, as a request does."""
        keys = {"pk": {"S": name}, "sk": {"S": "-"}}
        image = {**keys, **{key: {"S": value} for key, value in attributes.items()}}
        self._set({}, name, "-", image)
        self.emit("sessions", keys, image)

    def delete(self, name: str) -> None:
        """Delete an item."""
        self.items.pop(f"{name} -")
        self.emit("sessions", {"pk": {"S": name}, "sk": {"S": "-"}}, None)

    def start(self) -> None:
        """Load what an earlier run has left."""
        self.kept.restored(lambda: None)()

    def snapshot(self) -> None:
        """Take a snapshot, as at an orderly end."""
        self.kept.saved(lambda _: None)({})

    def records(self) -> list[str]:
        """Return the ids of the stream's records."""
        return [each["eventID"] for each in self.tables._stream_records["sessions"]]

    def _set(self, _table: Any, pk: str, sk: str, image: Any) -> None:
        self.items[f"{pk} {sk}"] = image

    def _emit(self, table: str, keys: Any, image: Any) -> None:
        records = self.tables._stream_records.setdefault(table, [])
        change = {"Keys": keys} | ({"NewImage": image} if image else {})
        records.append({"eventID": f"e{len(records)}", "dynamodb": change})

    def _load_queues(self, state: Any) -> None:
        self.queues._queues.update(state["queues"])


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    prepare(folder)
    return folder


def test_a_killed_run_has_lost_no_change(folder: Path) -> None:
    killed = Emulator(folder)
    killed.put("first", state="active")
    killed.put("second", state="active")
    killed.put("first", state="over")
    killed.delete("second")

    after = Emulator(folder)
    after.start()

    assert after.items == killed.items
    assert after.records() == ["e0", "e1", "e2", "e3"]


def test_a_line_that_was_cut_short_is_no_change(folder: Path) -> None:
    killed = Emulator(folder)
    killed.put("first", state="active")
    with (folder / "journal").open("ab") as journal:
        journal.write(b'["000000000000", "us-east-1", "sess')

    after = Emulator(folder)
    after.start()

    assert list(after.items) == ["first -"]


def test_a_snapshot_has_the_stream_and_the_journal_begins_anew(folder: Path) -> None:
    before = Emulator(folder)
    before.put("first", state="active")
    before.snapshot()
    before.put("second", state="active")

    after = Emulator(folder)
    after.start()

    assert (folder / "journal").read_text().count("\n") == 1
    assert list(after.items) == ["second -"]
    assert after.records() == ["e0", "e1"]


def test_a_record_in_both_snapshot_and_journal_comes_once(folder: Path) -> None:
    before = Emulator(folder)
    before.put("first", state="active")
    journal = (folder / "journal").read_bytes()
    before.snapshot()
    # Killed before it could begin the journal anew.
    (folder / "journal").write_bytes(journal)

    after = Emulator(folder)
    after.start()

    assert after.records() == ["e0"]


def test_readers_and_queues_go_on_from_the_checkpoint(folder: Path) -> None:
    before = Emulator(folder)
    before.functions._dynamodb_stream_positions["reader"] = 7
    before.messages += [
        {"id": "held", "receipt_handle": "r1", "visible_at": 9e9},
        {"id": "delayed", "receipt_handle": None, "visible_at": 9e9},
    ]
    before.kept.checkpoint()

    after = Emulator(folder)
    after.start()

    held, delayed = after.queues._queues["work"]["messages"]
    assert after.functions._dynamodb_stream_positions == {"reader": 7}
    # Who had received it is gone; what waits for its time goes on waiting.
    assert held["visible_at"] < 9e9
    assert delayed["visible_at"] == 9e9


def test_a_checkpoint_is_written_when_something_has_changed(folder: Path) -> None:
    emulator = Emulator(folder)
    emulator.kept.checkpoint()
    written = folder / "checkpoint.json"
    written.unlink()

    emulator.kept.checkpoint()
    unchanged = written.exists()
    emulator.functions._dynamodb_stream_positions["reader"] = 1
    emulator.kept.checkpoint()

    assert not unchanged
    assert json.loads(written.read_text())["positions"] == {"reader": 1}


def test_what_never_got_as_far_as_a_snapshot_is_removed(folder: Path) -> None:
    (folder / "journal").write_text("old")
    prepare(folder)
    removed = not (folder / "journal").exists()
    Emulator(folder).snapshot()
    prepare(folder)

    assert removed
    assert (folder / "journal").exists()
