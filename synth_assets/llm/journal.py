"""Calls in, lines on disk out, before anyone sees a reply; later moved into the store of calls.

A writer appends to one segment at a time under ``<home>/journal/``. A line is written at once, so
that ``kill -9`` loses only what was in flight; it counts as kept after an fsync, which a group of
lines shares (see `group_sync`). For a move the segment is put aside and a new one begun, so that
appending goes on; it is removed when its calls are in the store, and until then whoever starts
next can move it again, which changes nothing, because rows are known by their ids.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from synth_assets.errors import LakeError
from synth_assets.llm import journal_files
from synth_assets.llm.call_store import CallStore

ROWS_PER_MOVE = 20_000
BYTES_PER_MOVE = 64_000_000
"""How much of a segment is in memory at once."""


class JournalError(LakeError):
    """The journal cannot be written: no further reply may be handed out."""


@dataclass(slots=True)
class Segment:
    """One file of a journal, held through its descriptor."""

    path: Path
    descriptor: int
    size: int = 0
    rows: int = 0


class Journal:
    """The journal of one writer. Files are made at the first row, or by `open`.

    `append` and `rotate` belong to one thread, `move_closed` to any other.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "journal"
        self._name = journal_files.writer_name()
        self._numbers = count()
        self._current: Segment | None = None
        self._closed: deque[Segment] = deque()
        self._unsynced: list[int] = []
        self._moving = threading.Lock()
        self._owner: tuple[int, Path] | None = None

    def open(self) -> Path:
        """The segment that is written to, made and held."""
        return self._open().path

    def _open(self) -> Segment:
        if self._current is None:
            descriptor, path = self._make(journal_files.SEGMENT)
            self._current = Segment(path, descriptor)
        return self._current

    def owner(self) -> Path:
        """A file that is held until the journal is closed, over all its segments."""
        if self._owner is None:
            self._owner = self._make(journal_files.OWNER)
        return self._owner[1]

    def _make(self, ending: str) -> tuple[int, Path]:
        try:
            return journal_files.make_file(self._folder, self._name, ending, self._numbers)
        except OSError as error:
            raise JournalError(_cannot("be made", self._folder, error)) from error

    @property
    def position(self) -> tuple[str, int]:
        """Name and size of the segment that is written to; an empty name where there is none."""
        return (self._current.path.name, self._current.size) if self._current else ("", 0)

    @property
    def unmoved(self) -> int:
        """Rows that are here and not yet in the store."""
        return sum(s.rows for s in self._closed) + (self._current.rows if self._current else 0)

    def append(self, row: dict[str, Any]) -> None:
        """Writes one row of `schemas.CALLS`; other fields are for the journal alone. Its reply
        may be handed out once it is synced.

        Errors: `JournalError` where the disk is full; what was half written is taken back.
        """
        segment = self._current or self._open()
        line = journal_files.line_of(row)
        try:
            journal_files.write_whole(segment.descriptor, line)
        except OSError as error:
            os.ftruncate(segment.descriptor, segment.size)
            raise JournalError(_cannot("be written", segment.path, error)) from error
        segment.size += len(line)
        segment.rows += 1

    def unsynced(self) -> list[int]:
        """Descriptors of what was written since the last time, to be synced and closed by the
        caller. They are copies: a segment may be moved and closed meanwhile."""
        copies, self._unsynced = self._unsynced, []
        if self._current is not None:
            copies.append(os.dup(self._current.descriptor))
        return copies

    def rotate(self) -> None:
        """Puts the segment aside for `move_closed`; the next row begins another."""
        if self._current is not None and self._current.rows:
            self._unsynced.append(os.dup(self._current.descriptor))
            self._closed.append(self._current)
            self._current = None

    def move_closed(self, calls: CallStore, removed: Callable[[Path], None] | None = None) -> int:
        """Moves what was put aside into the store, removes its files, gives the number of rows.
        If the store fails, the rows stay here. ``removed`` is told each file."""
        moved = 0
        with self._moving:
            while self._closed:
                segment = self._closed[0]
                os.lseek(segment.descriptor, 0, os.SEEK_SET)
                move(os.dup(segment.descriptor), calls)
                segment.path.unlink(missing_ok=True)
                os.close(segment.descriptor)
                self._closed.popleft()
                if removed is not None:
                    removed(segment.path)
                moved += segment.rows
        return moved

    def move_to(self, calls: CallStore) -> int:
        """Moves all rows into the store; gives their number."""
        self.rotate()
        return self.move_closed(calls)

    def close(self) -> None:
        """Gives the files up: removed where all was moved, else synced and left to recovery."""
        current, self._current = self._current, None
        for segment in [*self._closed, *([current] if current else [])]:
            if segment.rows:
                os.fsync(segment.descriptor)
            else:
                segment.path.unlink(missing_ok=True)
            os.close(segment.descriptor)
        self._closed.clear()
        for descriptor in self.unsynced():
            os.close(descriptor)
        if self._owner is not None:
            descriptor, path = self._owner
            path.unlink(missing_ok=True)
            os.close(descriptor)
            self._owner = None


def move(descriptor: int, calls: CallStore) -> tuple[int, int]:
    """Moves a segment's whole lines into the store, a part at a time; gives the numbers of lines
    moved and of torn ones. Closes the descriptor."""
    moved = torn = size = 0
    lines: list[bytes] = []
    with os.fdopen(descriptor, "rb") as file:
        for payload in journal_files.payloads(file):
            if payload is None:
                torn += 1
                continue
            lines.append(payload)
            size += len(payload)
            if len(lines) == ROWS_PER_MOVE or size >= BYTES_PER_MOVE:
                moved += _append(lines, calls)
                lines, size = [], 0
    return moved + _append(lines, calls), torn


def _append(lines: Sequence[bytes], calls: CallStore) -> int:
    if lines:
        calls.append(journal_files.frame_of(lines))
    return len(lines)


def _cannot(what: str, path: Path | None, error: OSError) -> str:
    return (
        f"the journal {path} cannot {what} ({error.strerror}); every reply handed out so far is "
        "kept: make room or rights there, then run again"
    )
