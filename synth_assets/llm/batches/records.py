"""Batches on disk: what was meant to be submitted, what was, and what it holds.

One folder a batch under ``<home>/batches/``: ``items.jsonl``, then ``intent.json`` (synced before
anything is submitted), then ``submitted.json``. The folder's name is made of what the batch holds,
so that the same requests are the same batch. It goes when all replies are in the store.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from synth_assets.identity import content_id

FOLDER = "batches"


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch. canonical: `Request.canonical`, without secrets."""

    key: str
    attempt: int
    canonical: str

    @property
    def custom_id(self) -> str:
        """What the provider knows it by: at most 64 letters, digits and hyphens."""
        return f"{self.key[:48]}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """model: the recipe's name of it. intended_at, submitted_at: Unix times. bound: calls, tokens
    and picodollars at most. batch_id: the provider's; None until it is submitted. is_sure: False
    where it was found again by its looks only. not_ours: batches that looked like it and were not.
    """

    name: str
    recipe: str
    model: str
    asked_for: str
    run_id: str
    count: int
    bound: tuple[int, int, int]
    intended_at: float
    batch_id: str | None = None
    is_sure: bool = True
    not_ours: tuple[str, ...] = ()
    submitted_at: float | None = None


class BatchRecords:
    """The batches of one home. Everything but reading belongs under `locked`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time looks at what is pending and submits: between an intent and its
        submission nobody else may take it for one that was left behind."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def all(self) -> list[BatchRecord]:
        """Every batch that is intended or submitted, oldest first."""
        found = [self._read(path.parent) for path in self._folder.glob("*/intent.json")]
        return sorted(found, key=lambda record: (record.intended_at, record.name))

    def items(self, record: BatchRecord) -> list[Item]:
        """What a batch holds, in the order of its lines."""
        with (self._folder / record.name / "items.jsonl").open("rb") as file:
            return [Item(**orjson.loads(line)) for line in file]

    def intend(self, record: BatchRecord, items: Sequence[Item]) -> None:
        """On disk when it returns, whatever happens to the host."""
        folder = self._folder / record.name
        folder.mkdir(exist_ok=True)
        _write(folder / "items.jsonl", b"".join(orjson.dumps(asdict(i)) + b"\n" for i in items))
        _write(folder / "intent.json", orjson.dumps(asdict(record)))
        _sync_folder(self._folder)

    def intent(self, record: BatchRecord) -> Path:
        """The file that stands for a batch until all that it brought is in the store."""
        return self._folder / record.name / "intent.json"

    def submitted(self, record: BatchRecord) -> None:
        """Keeps the provider's id, or that there is none after all."""
        _write(self._folder / record.name / "submitted.json", orjson.dumps(asdict(record)))

    def forget(self, record: BatchRecord) -> None:
        """All that it brought is in the store, or it never was submitted."""
        folder = self._folder / record.name
        (folder / "intent.json").unlink(missing_ok=True)  # without it the rest is nothing
        shutil.rmtree(folder, ignore_errors=True)

    def _read(self, folder: Path) -> BatchRecord:
        path = folder / "submitted.json"
        value = orjson.loads((path if path.exists() else folder / "intent.json").read_bytes())
        bound, not_ours = tuple(value.pop("bound")), tuple(value.pop("not_ours"))
        record = BatchRecord(**value, bound=bound, not_ours=not_ours)
        return replace(record, name=folder.name)


def batch_name(items: Sequence[Item]) -> str:
    """The name of a batch with these requests, in whatever order."""
    return content_id("batch", sorted([item.key, item.attempt] for item in items))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on disk."""
    being_written = path.with_suffix(".part")
    with being_written.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    being_written.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
