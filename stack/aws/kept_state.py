"""Keep the embedded AWS's state over a restart, however it ended.

ministack saves all services when it ends in good order, without the records of tables'
streams and with the positions of their readers, which then wait for records that
never come. Here

- a snapshot holds the streams as well; it is taken after each deployment and at an
  orderly end;
- a journal has each change of a table since then, written before the change is
  answered, so that a killed emulator has lost none;
- a checkpoint has the queues and the positions in the streams, a moment old at most.
  After a kill, what was done since comes again, as it may from any queue or stream.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CHECKPOINT_SECONDS = 0.2
# Other threads take messages while a checkpoint copies them.
_COPY_ATTEMPTS = 50


def prepare(folder: Path) -> None:
    """Make *folder*; what never got as far as a snapshot is removed."""
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


class KeptState:
    """The files in which one emulator keeps its state.

    Args:
        folder: Folder for them.
        tables, functions, queues: ministack's services DynamoDB, Lambda and SQS.
        codec: Its module that writes and reads state.
        scope: Returns the account and the region of the current request.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tables: Any,
        functions: Any,
        queues: Any,
        codec: Any,
        scope: Callable[[], tuple[str, str]],
    ) -> None:
        self._folder = folder
        self._tables = tables
        self._functions = functions
        self._queues = queues
        self._codec = codec
        self._scope = scope
        self._checkpointed = ""
        self._journal = os.open(
            folder / "journal", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600
        )

    def journaled(self, emit: Callable[..., None]) -> Callable[..., None]:
        """Return *emit*, which adds a record to a stream, with its record journaled."""

        def emit_stream_event(table: str, *change: Any, **options: Any) -> None:
            before = self._newest(table)
            emit(table, *change, **options)
            record = self._newest(table)
            if record is not None and record is not before:
                entry = json.dumps([*self._scope(), table, record])
                os.write(self._journal, f"{entry}\n".encode())

        return emit_stream_event

    def restored(self, load: Callable[[], None]) -> Callable[[], None]:
        """Return *load*, which loads a snapshot, with what came after it."""

        def load_persisted_state() -> None:
            load()
            if streams := self._read("streams.json"):
                self._tables._stream_records.update(streams["records"])
                self._tables._stream_trimmed.update(streams["trimmed"])
            self._replay()
            if checkpoint := self._read("checkpoint.json"):
                self._queues._queues._data.clear()
                self._queues.load_persisted_state(checkpoint["queues"])
                self._release()
                self._functions._restore_esm_positions(
                    self._functions._dynamodb_stream_positions, checkpoint["positions"]
                )

        return load_persisted_state

    def saved(self, save: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return *save*, which saves services, as a whole snapshot."""

        def save_all(services: Any) -> None:
            save(services)
            streams = {
                "records": self._tables._stream_records,
                "trimmed": self._tables._stream_trimmed,
            }
            self._write("streams.json", self._encode(streams))
            self.checkpoint()
            (self._folder / "complete").touch()
            os.ftruncate(self._journal, 0)

        return save_all

    def checkpoint(self) -> None:
        """Write queues and positions if they have changed."""
        for attempt in range(1, _COPY_ATTEMPTS + 1):
            try:
                # In this order: what a reader is past is in a queue, or was.
                positions = self._encode(self._functions._dynamodb_stream_positions)
                queues = self._encode(self._queues.get_state())
                break
            except RuntimeError:
                if attempt == _COPY_ATTEMPTS:
                    raise
        checkpoint = f'{{"positions": {positions}, "queues": {queues}}}'
        if checkpoint != self._checkpointed:
            self._write("checkpoint.json", checkpoint)
            self._checkpointed = checkpoint

    def _newest(self, table: str) -> Any:
        records = self._tables._stream_records.get(table)
        return records[-1] if records else None

    def _release(self) -> None:
        """Let messages be received again whose receivers ended with the emulator."""
        now = time.time()
        for queue in self._queues._queues._data.values():
            for message in queue["messages"]:
                if message["receipt_handle"]:
                    message["visible_at"] = min(message["visible_at"], now)

    def _replay(self) -> None:
        streams = self._tables._stream_records
        # A snapshot that was cut short may hold what the journal has as well.
        known = {
            each["eventID"] for records in streams._data.values() for each in records
        }
        for account, region, name, record in self._entries():
            table = self._tables._tables.get_scoped(account, region, name)
            if table is None:
                continue
            keys = record["dynamodb"]["Keys"]
            place = [
                self._tables._extract_key_val(keys[table[part]])
                for part in ("pk_name", "sk_name")
            ]
            if image := record["dynamodb"].get("NewImage"):
                self._tables._set_item(table, *place, image)
            else:
                self._tables._remove_item(table, *place)
            records = streams.get_scoped(account, region, name)
            if records is None:
                streams.set_scoped(account, region, name, records := [])
            if record["eventID"] not in known:
                records.append(record)

    def _entries(self) -> Iterator[list[Any]]:
        for line in (self._folder / "journal").read_bytes().splitlines(keepends=True):
            # The last one may have been cut short, and was not answered then.
            if line.endswith(b"\n"):
                yield json.loads(line)

    def _encode(self, state: Any) -> str:
        return json.dumps(state, default=self._codec._json_default)

    def _read(self, name: str) -> Any:
        path = self._folder / name
        if not path.exists():
            return None
        return json.loads(path.read_text(), object_hook=self._codec._json_object_hook)

    def _write(self, name: str, text: str) -> None:
        partial = self._folder / f"{name}.partial"
        partial.write_text(text)
        partial.replace(self._folder / name)
