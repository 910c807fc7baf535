"""Files of a journal: how they are named, held, written and read.

A file is held by ``flock`` while its writer lives (a pid may be another's by now). A line is
``<crc32 in hex> <JSON of a row of calls>``; one that does not match was torn when its writer
died.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import polars as pl

from synth_assets.llm.replies import well_formed
from synth_assets.schemas import CALLS

SEGMENT = ".jsonl"
OWNER = ".owner"
"""An empty file that is held as long as its writer lives, whichever segment it writes."""

_TIMES = [name for name, dtype in CALLS.polars.items() if dtype == pl.Datetime("us")]
_SCHEMA_OF_LINES = {
    name: pl.String if name in _TIMES else dtype for name, dtype in CALLS.polars.items()
}


def writer_name() -> str:
    """A name for one writer, which all its files begin with."""
    return f"{os.getpid()}-{secrets.token_hex(8)}"


def segments_of(owner: Path) -> list[Path]:
    """The segments that the writer of an ``.owner`` file left, in their order."""
    writer = owner.name.partition(".")[0]
    return sorted(owner.parent.glob(f"{writer}.*{SEGMENT}"))


def make_file(folder: Path, writer: str, ending: str, numbers: Iterator[int]) -> tuple[int, Path]:
    """A new file of one writer, held: its descriptor and its path. ``numbers`` never repeats, so
    that nobody takes a file for an earlier one that is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f"{writer}.{number:06d}{ending}"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # someone looks for dead writers at this very moment
            os.close(descriptor)
            continue
        if is_still_the_file(descriptor, path):
            _sync_folder(folder)
            return descriptor, path
        os.close(descriptor)  # taken for a dead writer's and removed before it was locked
    raise AssertionError("unreachable")


def take_from_dead(path: Path) -> int | None:
    """A descriptor of a dead writer's file, held; None where its writer lives or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if not is_still_the_file(descriptor, path):
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """True while the writer of the file at ``path`` lives."""
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


def is_still_the_file(descriptor: int, path: Path) -> bool:
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


def write_whole(descriptor: int, data: bytes) -> None:
    """Errors: `OSError` where the disk is full; a part may be written then."""
    written = os.write(descriptor, data)
    while written < len(data):  # a disk that fills up takes a part first
        written += os.write(descriptor, data[written:])


def line_of(row: dict[str, Any]) -> bytes:
    """One row as a line."""
    try:
        payload = orjson.dumps(row)
    except TypeError:  # a lone surrogate, which no UTF-8 file can hold
        payload = orjson.dumps(
            {
                name: well_formed(value) if isinstance(value, str) else value
                for name, value in row.items()
            }
        )
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


def payloads(file: BinaryIO) -> Iterator[bytes | None]:
    """The JSON of each line, None for a line that is not whole."""
    for line in file:
        payload = line[9:-1]
        is_whole = line.endswith(b"\n") and line[:9] == b"%08x " % zlib.crc32(payload)
        yield payload if is_whole else None


def frame_of(lines: Sequence[bytes]) -> pl.DataFrame:
    """Rows of `schemas.CALLS` from their JSON. A journal may be older than a column: what it does
    not know is null; what only the journal needs is left out."""
    if not lines:
        return CALLS.empty()
    found = pl.read_ndjson(b"\n".join(lines), schema=_SCHEMA_OF_LINES)
    return found.with_columns(
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us") for name in _TIMES
    )
