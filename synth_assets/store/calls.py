"""The call table in the lake: rows of calls in, the canonical call of each key out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl

from synth_assets.llm.call_store import Rows, StoredCall, canonical
from synth_assets.schemas import CALLS
from synth_assets.store.lake import Lake
from synth_assets.store.staging import StagedColumns

SCHEMA = "llm"
TABLE = Lake.relation(SCHEMA, CALLS.name)
INDEX = "temp.main.calls_index"
COLUMNS = ", ".join(StoredCall._fields)
NO_BODIES = COLUMNS.replace("raw_reply", "CAST(NULL AS VARCHAR) AS raw_reply")


class LakeCalls:
    """`llm.calls`, shared by all recipes and runs (see `synth_assets.llm.call_store.CallStore`)."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def lookup(self, keys: Sequence[str], *, with_bodies: bool = False) -> dict[str, StoredCall]:
        """The canonical call of each key that has one.

        An index of the keys' hashes, kept beside the connection, says which rows to read: a key
        that is not stored costs next to nothing, and calls asked for in the order in which they
        were stored are read without the rest of the table.
        """
        if not keys or not self.lake.has(SCHEMA, CALLS.name):
            return {}
        self._index_new_calls()
        wanted = pl.DataFrame({"key": list(set(keys))})
        with self.lake.temporary("keys", wanted) as relation:
            ((first, last),) = self.lake.execute(
                f"SELECT min(number), max(number) FROM {INDEX} "
                f"WHERE hash IN (SELECT hash(key) FROM {relation})"
            )
            if first is None:
                return {}
            columns = COLUMNS if with_bodies else NO_BODIES
            found = self.lake.frame(
                f"SELECT {columns}, rowid FROM {TABLE} WHERE rowid BETWEEN {first} AND {last} "
                f"AND key IN (SELECT key FROM {relation})"
            )
        if found["key"].is_duplicated().any():
            # rowid counts up in the order of storing: of equal attempts the one stored first
            # stays the canonical one, whenever the other was sent.
            found = found.sort("rowid")
            calls: dict[str, StoredCall] = {}
            for row in found.drop("rowid").iter_rows():
                call = StoredCall._make(row)
                earlier = calls.get(call.key)
                calls[call.key] = call if earlier is None else canonical((earlier, call))
            return calls
        rows = map(StoredCall._make, found.drop("rowid").iter_rows())
        return dict(zip(found["key"].to_list(), rows, strict=True))

    def _index_new_calls(self) -> None:
        """Brings the index up to the newest calls of whatever process. Row numbers only grow, and
        the files of those that are known are not opened."""
        self.lake.execute(f"CREATE TEMP TABLE IF NOT EXISTS {INDEX} (hash UBIGINT, number BIGINT)")
        ((known,),) = self.lake.execute(f"SELECT coalesce(max(number), -1) FROM {INDEX}")
        self.lake.execute(
            f"INSERT INTO {INDEX} SELECT hash(key), rowid FROM {TABLE} WHERE rowid > {known}"
        )

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
        names = ", ".join(CALLS.polars.names())
        with self.lake.temporary("calls", frame) as relation:

            def write(connection: Any) -> None:
                connection.execute(
                    f"INSERT INTO {TABLE} ({names}) SELECT {names} FROM {relation} "
                    # Of the table only what is given anew is held in memory, however large it is.
                    f"WHERE call_id NOT IN (SELECT call_id FROM {TABLE} "
                    f"WHERE call_id IN (SELECT call_id FROM {relation}))"
                )
                connection.execute(
                    "CALL lake.set_commit_message(?, ?)", ["synth_assets", "llm.calls"]
                )

            self.lake.transaction(write)
