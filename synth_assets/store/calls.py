"""The call table in the lake: rows of calls in, the canonical call of each key out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import polars as pl

from synth_assets.llm.call_store import Rows, StoredCall, canonical
from synth_assets.schemas import CALLS
from synth_assets.store.lake import Lake
from synth_assets.store.staging import StagedColumns

SCHEMA = "llm"


class LakeCalls:
    """`llm.calls`, shared by all recipes and runs (see `synth_assets.llm.call_store.CallStore`)."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def lookup(self, keys: Sequence[str]) -> dict[str, StoredCall]:
        """The canonical call of each key that has one."""
        if not keys or not self.lake.has(SCHEMA, CALLS.name):
            return {}
        columns = ", ".join(f"calls.{name}" for name in StoredCall.__slots__)
        wanted = pl.DataFrame({"key": sorted(set(keys))})
        with self.lake.temporary("keys", wanted) as relation:
            # rowid counts up in the order of storing: of equal attempts the one stored first
            # stays the canonical one, whenever the other was sent.
            found = self.lake.frame(
                f"SELECT {columns} FROM {Lake.relation(SCHEMA, CALLS.name)} AS calls "
                f"WHERE calls.key IN (SELECT key FROM {relation}) "
                "ORDER BY calls.key, calls.rowid"
            )
        calls = (StoredCall.from_row(row) for row in found.iter_rows(named=True))
        return {
            key: canonical(attempts) for key, attempts in groupby(calls, key=lambda call: call.key)
        }

    @contextmanager
    def for_thread(self) -> Iterator[LakeCalls]:
        """The same table for use in another thread at the same time, until the block ends."""
        with self.lake.for_thread() as lake:
            yield LakeCalls(lake)

    def append(self, rows: Rows) -> None:
        """Adds calls in one commit; those already there, by call_id, stay as they are."""
        given = CALLS.conform(rows) if isinstance(rows, pl.DataFrame) else CALLS.frame(rows)
        if given.is_empty():
            return
        frame = given.unique("call_id", keep="first", maintain_order=True)
        self.lake.ensure_table(SCHEMA, StagedColumns.of(CALLS).types, CALLS.name)
        target = Lake.relation(SCHEMA, CALLS.name)
        names = ", ".join(CALLS.polars.names())
        with self.lake.temporary("calls", frame) as relation:

            def write(connection: Any) -> None:
                connection.execute(
                    f"INSERT INTO {target} ({names}) SELECT {names} FROM {relation} "
                    f"WHERE call_id NOT IN (SELECT call_id FROM {target})"
                )
                connection.execute(
                    "CALL lake.set_commit_message(?, ?)", ["synth_assets", "llm.calls"]
                )

            self.lake.transaction(write)
