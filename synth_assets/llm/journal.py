"""Calls in, lines on disk out, before anyone sees a reply; later moved into the store of calls.

One append-only file per writer under ``<home>/journal/``, held by ``flock`` while its writer
lives (a pid may be another's by now). A line is written at once, so that ``kill -9`` loses only
what was in flight; it counts as kept after an fsync, which a group of lines shares. A line is
``<crc32 in hex> <JSON>``; one that does not match (torn when its writer died) is skipped and
counted.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from synth_assets.errors import LakeError
from synth_assets.llm.call_store import CallStore
from synth_assets.llm.replies import well_formed
from synth_assets.schemas import CALLS

GROUP_S = 0.05
"""How long a reply may wait for others to share its fsync."""

ROWS_PER_MOVE = 5_000
"""How many recovered rows are in memory at once."""


class JournalError(LakeError):
    """The journal cannot be written: no further reply may be handed out."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `recover` found: calls moved into the store, lines that were torn, files removed."""

    calls: int = 0
    torn_lines: int = 0
    files: int = 0


class Journal:
    """The journal of one writer. The file is made at the first row, or by `open`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "journal"
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._rows: list[dict[str, Any]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None

    def open(self) -> Path:
        """The file, made and locked: as long as its writer lives, `is_held` says so of it."""
        if self._path is None:
            try:
                self._descriptor, self._path = _new_file(self._folder)
            except OSError as error:
                raise JournalError(_cannot("be made", self._folder, error)) from error
        return self._path

    @property
    def unmoved(self) -> int:
        """Rows that are here and not yet in the store."""
        return len(self._rows)

    def append(self, row: dict[str, Any]) -> None:
        """Writes one row of `schemas.CALLS`. Wait for `durable` before its reply is handed out.

        Errors: `JournalError` where the disk is full; what was half written is taken back.
        """
        path = self.open()
        assert self._descriptor is not None
        row = {
            name: well_formed(value) if isinstance(value, str) else value
            for name, value in row.items()
        }
        line = _line(row)
        try:
            _write_whole(self._descriptor, line)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise JournalError(_cannot("be written", path, error)) from error
        self._size += len(line)
        self._rows.append(row)

    async def durable(self) -> None:
        """Returns when all that was appended before is on disk, whatever happens to the host."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync_groups())
        await future

    async def _sync_groups(self) -> None:
        while self._waiting:
            await asyncio.sleep(GROUP_S)
            group, self._waiting = self._waiting, []
            try:
                assert self._descriptor is not None
                await asyncio.to_thread(os.fsync, self._descriptor)
            except OSError as error:
                failure = JournalError(_cannot("be synced", self._path, error))
                for future in group:
                    if not future.done():
                        future.set_exception(failure)
            else:
                for future in group:
                    if not future.done():
                        future.set_result(None)

    def move_to(self, calls: CallStore) -> int:
        """Moves all rows into the store and empties the file; gives their number. If the store
        fails, the rows stay here."""
        moved = len(self._rows)
        if moved:
            assert self._descriptor is not None
            calls.append(self._rows)
            os.ftruncate(self._descriptor, 0)
            self._size, self._rows = 0, []
        return moved

    def close(self) -> None:
        """Gives the file up: removed where all was moved, else synced and left to `recover`."""
        if self._descriptor is None or self._path is None:
            return
        if self._rows:
            os.fsync(self._descriptor)
        else:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor, self._path = None, None


def recover(home: Path, calls: CallStore) -> Recovered:
    """Moves what dead writers left into the store and removes their files.

    Moving twice changes nothing, because rows are known by their ids; so a death between moving
    and removing does no harm. The file of a writer that lives is left alone.
    """
    moved = torn = files = 0
    for path in sorted((home / "journal").glob("*.jsonl")):
        descriptor = _lock(path)
        if descriptor is None:
            continue
        with os.fdopen(descriptor, "rb") as file:
            rows: list[dict[str, Any]] = []
            for row in _rows(file):
                if row is None:
                    torn += 1
                    continue
                rows.append(row)
                moved += 1
                if len(rows) == ROWS_PER_MOVE:
                    calls.append(rows)
                    rows = []
            if rows:
                calls.append(rows)
            path.unlink()
            files += 1
    return Recovered(moved, torn, files)


def is_held(path: Path) -> bool:
    """True while the writer of the journal at ``path`` lives."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at the same time do not take each other for the writer.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _new_file(folder: Path) -> tuple[int, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / f"{os.getpid()}-{secrets.token_hex(8)}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # someone looks for dead writers at this very moment
            os.close(descriptor)
            continue
        if _is_still_the_file(descriptor, path):
            break
        os.close(descriptor)  # taken for a dead writer's and removed before it was locked
    _sync_folder(folder)
    return descriptor, path


def _lock(path: Path) -> int | None:
    """A descriptor of a dead writer's file, locked; None where it is held or gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if not _is_still_the_file(descriptor, path):
        os.close(descriptor)
        return None
    return descriptor


def _is_still_the_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """A new file's name is on disk only after its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(row: dict[str, Any]) -> bytes:
    payload = orjson.dumps(row)
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


def _rows(file: BinaryIO) -> Iterator[dict[str, Any] | None]:
    """The row of each line, None for a line that is not whole."""
    for line in file:
        payload = line[9:-1]
        if not line.endswith(b"\n") or line[:9] != b"%08x " % zlib.crc32(payload):
            yield None
            continue
        row = orjson.loads(payload)
        row["asked_at"] = datetime.fromisoformat(row["asked_at"])
        # A journal may be older than a column: what it does not know is null.
        yield {column.name: row.get(column.name) for column in CALLS.columns}


def _write_whole(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):  # a disk that fills up takes a part first
        written += os.write(descriptor, data[written:])


def _cannot(what: str, path: Path | None, error: OSError) -> str:
    return (
        f"the journal {path} cannot {what} ({error.strerror}); every reply handed out so far is "
        "kept: make room or rights there, then run again"
    )
