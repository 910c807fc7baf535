"""A version in, the recipe's tables as they were then out, as new commits: nothing is lost, and
what was there before can be restored in its turn."""

from __future__ import annotations

import json
from typing import Any

from synth_assets.errors import QueryError
from synth_assets.history.causes import State
from synth_assets.recipe_errors import did_you_mean
from synth_assets.schemas import COMMITS, EDGES, ROUND_POOL
from synth_assets.stages.workshop import Workshop
from synth_assets.store.commits import Commit, Provenance, StagedCommit
from synth_assets.store.past import columns_at, relation_at
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import StagedTable, stage_query

MADE_OF_NOTHING = Provenance("", {}, {})
"""Of a round that the version did not have: equal to nothing a stage is made from, so that the
round, once it is opened again, is made again."""


def restore(
    workshop: Workshop, version: int, *, tables: tuple[str, ...] = (), run_id: str = "restore"
) -> list[Commit]:
    """Brings tables (all of the recipe's, or those named) back to how they were at a version.

    Calls are never taken back. Errors: `QueryError` where a table was not there then.
    """
    lake, recipe = workshop.lake, workshop.recipe.name
    if not columns_at(lake, recipe, COMMITS.name, version):
        raise QueryError(f"recipe {recipe} had made nothing yet at version {version}")
    at = relation_at(recipe, COMMITS.name, version)
    then = State.of(lake.frame(f"SELECT * FROM {at}").to_dicts())
    had = sorted({table for table, _ in then.commits})
    for name in tables:
        if name not in had:
            raise QueryError(
                f"recipe {recipe} had no table {name!r} at version {version}"
                f"{did_you_mean(name, had)}"
            )
    commits: list[Commit] = []
    for table in workshop.stages:
        if (table in had) and (not tables or table in tables):
            commits += _restore_table(workshop, table, version, then, run_id)
    return commits


def _restore_table(
    workshop: Workshop, table: str, version: int, then: State, run_id: str
) -> list[Commit]:
    now = {
        round: commit for (name, round), commit in workshop.log.latest().items() if name == table
    }
    was = {round: row for (name, round), row in then.commits.items() if name == table}
    commits: list[Commit] = []
    for round in sorted({*now, *was}):
        row, commit = was.get(round), now.get(round)
        if row is not None and commit is not None and row["number"] == commit.number:
            continue
        provenance = MADE_OF_NOTHING
        if row is not None:
            provenance = Provenance(
                row["fingerprint"], json.loads(row["fingerprint_parts"]), json.loads(row["inputs"])
            )
        staged = _staged(workshop, table, version, round, workshop.stages[table].key)
        companions = _companions(workshop, table, version, round)
        try:
            made = workshop.log.commit(
                StagedCommit(
                    staged,
                    provenance,
                    round,
                    row["items_parsed"] if row else None,
                    row["failed_replies"] if row else 0,
                    companions,
                ),
                run_id=run_id,
            )
            if made != commit:
                commits.append(made)
        finally:
            for each in (staged, *companions):
                each.drop()
    return commits


def _companions(workshop: Workshop, table: str, version: int, round: int) -> list[StagedTable]:
    """What was committed with the table: its edges, and with the rounds their pools."""
    found: list[StagedTable] = []
    if workshop.stages[table].parents is not None:
        extra = {"table_name": table}
        found.append(_staged(workshop, EDGES.name, version, round, EDGES.key, extra))
    if table == "rounds":
        found.append(_staged(workshop, ROUND_POOL.name, version, 0, ROUND_POOL.key))
    return found


def _staged(
    workshop: Workshop,
    table: str,
    version: int,
    round: int,
    key: str,
    scope: dict[str, Any] | None = None,
) -> StagedTable:
    lake, recipe = workshop.lake, workshop.recipe.name
    wanted = {**(scope or {}), **({"round": round} if round else {})}
    columns = [c for c in columns_at(lake, recipe, table, version) if c != "row_hash"]
    relation = relation_at(recipe, table, version)
    where = " AND ".join(f"{quote_name(name)} = ?" for name in wanted) or "true"
    sql = f"SELECT {', '.join(map(quote_name, columns))} FROM {relation} WHERE {where}"
    return stage_query(lake, recipe, table, key, sql, list(wanted.values()), scope=wanted)
