"""Where calls are kept: rows of `schemas.CALLS` in, the one canonical reply of each key out.

Every attempt is kept for the accounts. Of several attempts at one key the canonical one is the
newest that is settled; of equal attempts (two processes both paid) the one stored first. A key
with transient failures only has no settled attempt, so it is asked again by the next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

import polars as pl

from synth_assets.llm.request import Reply, ReplyStatus
from synth_assets.schemas import CALLS

Rows = list[dict[str, Any]] | pl.DataFrame

TRANSIENT_KINDS = frozenset(
    {"rate_limit", "timeout", "deadline", "connection", "server", "truncated_body"}
)
"""Kinds of error that another try may mend: a row of this kind is no known reply."""


class StoredCall(NamedTuple):
    """What of a stored call the engine needs. ``error`` begins with its kind: ``timeout: …``.
    raw_reply: only where the request wants the body.

    A tuple, because a million of them are made where a million calls are known."""

    call_id: str
    key: str
    attempt: int
    status: ReplyStatus
    text: str | None
    finish_reason: str | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    raw_reply: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> StoredCall:
        """From a row of `schemas.CALLS`, without its body; other columns are left out."""
        return cls(**{name: row[name] for name in cls._fields if name != "raw_reply"})

    @property
    def is_settled(self) -> bool:
        """False for a transient failure: the next run asks again."""
        if self.status != "failed":
            return True
        return (self.error or "").partition(":")[0] not in TRANSIENT_KINDS

    def reply(self, *, is_cached: bool) -> Reply:
        return Reply(
            self.call_id,
            self.status,
            self.text,
            self.finish_reason,
            self.error,
            self.input_tokens,
            self.output_tokens,
            self.cost_usd,
            is_cached,
            self.raw_reply,
        )


class CallStore(Protocol):
    """The table of calls, as the engine sees it."""

    def lookup(self, keys: Sequence[str], *, with_bodies: bool = False) -> dict[str, StoredCall]:
        """The canonical call of each key that has one (see `canonical`), with its body where it
        is asked for: bodies are long, and few want them."""
        ...

    def append(self, rows: Rows) -> None:
        """Adds rows of exactly the columns of `schemas.CALLS`; one already there, by call_id,
        stays as it is. Durable when it returns."""
        ...

    def for_thread(self) -> AbstractContextManager[CallStore]:
        """The same table for use in another thread at the same time, until the block ends."""
        ...


def canonical(calls: Iterable[StoredCall]) -> StoredCall:
    """Of the calls of one key, in the order of storing: settled first, then the newest attempt,
    then the first stored."""
    return max(calls, key=lambda call: (call.is_settled, call.attempt))  # max keeps the first


class MemoryCallStore:
    """A call store that lives as long as its process: for tests and for trying things out."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._by_key: dict[str, list[StoredCall]] = {}

    def lookup(self, keys: Sequence[str], *, with_bodies: bool = False) -> dict[str, StoredCall]:
        calls = {key: canonical(self._by_key[key]) for key in keys if key in self._by_key}
        if not with_bodies:
            return calls
        return {
            key: call._replace(raw_reply=self._rows[call.call_id]["raw_reply"])
            for key, call in calls.items()
        }

    def append(self, rows: Rows) -> None:
        frame = rows if isinstance(rows, pl.DataFrame) else CALLS.frame(rows)  # checks columns
        for row in frame.iter_rows(named=True):
            if row["call_id"] not in self._rows:
                self._rows[row["call_id"]] = row
                self._by_key.setdefault(row["key"], []).append(StoredCall.from_row(row))

    @contextmanager
    def for_thread(self) -> Iterator[CallStore]:
        yield self

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every call in the order of storing."""
        return list(self._rows.values())
