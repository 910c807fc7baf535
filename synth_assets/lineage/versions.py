"""Rows with the version of the lake that wrote them in, the commits that they lie in out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from synth_assets.schemas import COMMITS
from synth_assets.store.lake import Lake

Told = dict[str, Any]


class RowVersions:
    """The commits of a recipe, read once."""

    def __init__(self, lake: Lake, recipe: str) -> None:
        self._by_table: dict[str, list[Told]] = {}
        if not lake.has(recipe, COMMITS.name):
            return
        rows = lake.frame(
            "SELECT number, table_name, round, run_id, committed_at, snapshot_id AS version "
            f"FROM {Lake.relation(recipe, COMMITS.name)} ORDER BY number"
        )
        for row in rows.iter_rows(named=True):
            self._by_table.setdefault(row["table_name"], []).append(row)

    def told(self, rows: Iterable[tuple[str, dict[str, Any]]]) -> list[Told]:
        """For each (table, row): the commit that wrote it, its run and time, and the newest commit
        of the table, in which it lies still."""
        told: list[Told] = []
        for table, row in rows:
            commits = [
                commit
                for commit in self._by_table.get(table, ())
                if commit["round"] in (0, row.get("round"))
            ]
            wrote = next((c for c in commits if c["version"] >= row["_snapshot"]), None)
            told.append(
                {
                    "table": table,
                    "version": row["_snapshot"],
                    "commit": wrote and wrote["number"],
                    "run_id": wrote and wrote["run_id"],
                    "committed_at": wrote and wrote["committed_at"],
                    "newest_commit": commits[-1]["number"] if commits else None,
                }
            )
        return told
