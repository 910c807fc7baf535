"""Rows that were deleted in, a lake that no longer holds them anywhere out: not in an old version,
not in a data file, not in the catalog's own notes.

A deleted row is only hidden: its Parquet file stays for the versions before. So the files are
written anew, the versions that held the row expire, and their files go. The catalog notes the
smallest and largest value of each column, texts too, and SQLite keeps deleted pages, Postgres
deleted rows: all are cleaned.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

import polars as pl

from synth_assets.schemas import CALLS
from synth_assets.store.attachment import write_lock
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.postgres import vacuum_catalog
from synth_assets.store.sql_types import quote_literal, quote_name
from synth_assets.store.writes import CATALOG

LARGEST = chr(0x10FFFF) * 8
"""No text of people or models sorts behind it. Bounds that are wide, because for a column without
bounds DuckLake takes those of the next rows written, and then finds none of the older ones."""

BLANKED = ("request", "raw_reply", "text", "error")


def first_version_of(lake: Lake, schema: str, table: str, column: str, ids: Iterable[str]) -> int:
    """The oldest version of the lake, of those kept, that brought one of the rows; the newest
    version where none did."""
    newest = lake.version()
    wanted = sorted(set(ids))
    if not wanted or column not in lake.column_types(schema, table):
        return newest
    oldest = lake.execute("SELECT min(snapshot_id) FROM ducklake_snapshots('lake')")[0][0]
    with lake.temporary("wanted", pl.DataFrame({"id": wanted})) as relation:
        found = lake.execute(
            "SELECT min(snapshot_id) FROM ducklake_table_changes("
            f"'lake', {quote_literal(schema)}, {quote_literal(table)}, {int(oldest)}, {newest}) "
            f"WHERE {quote_name(column)} IN (SELECT id FROM {relation})"
        )[0][0]
    return newest if found is None else int(found)


def delete_rows(lake: Lake, schema: str, table: str, column: str, ids: Iterable[str]) -> int:
    """Deletes the rows whose ``column`` is one of the ids; gives their number."""
    wanted = sorted(set(ids))
    if not wanted or column not in lake.column_types(schema, table):
        return 0
    target, where = Lake.relation(schema, table), f"{quote_name(column)} IN (SELECT id FROM "
    with lake.temporary("wanted", pl.DataFrame({"id": wanted})) as relation:
        count = lake.execute(f"SELECT count(*) FROM {target} WHERE {where}{relation})")[0][0]
        if count:
            lake.transaction(
                lambda connection: connection.execute(
                    f"DELETE FROM {target} WHERE {where}{relation})"
                )
            )
    return count


def blank_calls(lake: Lake, call_ids: Iterable[str]) -> int:
    """Takes request, reply and error out of calls; what they cost and when stays for the accounts.
    Their key goes too, so that no such call is ever taken for a known reply."""
    wanted = sorted(set(call_ids))
    if not wanted or not lake.has(CALLS_SCHEMA, CALLS.name):
        return 0
    target = Lake.relation(CALLS_SCHEMA, CALLS.name)
    nulls = ", ".join(f"{name} = NULL" for name in BLANKED)
    with lake.temporary("wanted", pl.DataFrame({"id": wanted})) as relation:
        lake.transaction(
            lambda connection: connection.execute(
                f"UPDATE {target} SET key = 'erased:' || call_id, {nulls} "
                f"WHERE call_id IN (SELECT id FROM {relation})"
            )
        )
    return len(wanted)


def forget_versions(lake: Lake, since: int) -> tuple[int, int] | None:
    """Writes data files without their deleted rows, and expires every version from ``since`` on
    but the newest; gives the first and the last that are gone, or None where there are none."""
    _call(lake, "CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)")
    kept = lake.execute(
        "SELECT snapshot_id FROM ducklake_snapshots('lake') "
        "WHERE snapshot_id >= ? AND snapshot_id < ? ORDER BY 1",
        [since, lake.version()],
    )
    gone = [version for (version,) in kept]
    if gone:
        _call(lake, "CALL ducklake_expire_snapshots('lake', versions => ?::BIGINT[])", [gone])
    _call(lake, "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
    widen_bounds(lake)
    return (gone[0], gone[-1]) if gone else None


def widen_bounds(lake: Lake) -> None:
    """The catalog's bounds of each column of texts, as wide as can be: they show no text, and rule
    out no row. Who opens the lake next reads by them."""
    _call(
        lake,
        f"UPDATE {CATALOG}.ducklake_table_column_stats SET min_value = '', max_value = ? "
        f"WHERE (table_id, column_id) IN (SELECT table_id, column_id "
        f"FROM {CATALOG}.ducklake_column WHERE column_type = 'varchar')",
        [LARGEST],
    )


def _call(lake: Lake, sql: str, parameters: Sequence[Any] = ()) -> None:
    lake.transaction(lambda connection: connection.execute(sql, list(parameters)).fetchall())


def clean_catalog(home: Home) -> None:
    """Writes the catalog without what was deleted in it: SQLite's pages and log, Postgres' rows.
    Every connection of ours to the lake is closed by then."""
    if home.catalog_file is None:
        vacuum_catalog(home)
        return
    with write_lock(home), closing(sqlite3.connect(home.catalog_file, timeout=30)) as catalog:
        clean_pages(catalog)


def clean_pages(database: sqlite3.Connection) -> None:
    """Empties a SQLite file of what was deleted in it."""
    database.isolation_level = None
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
