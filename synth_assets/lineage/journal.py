"""Rows in, the retractions that reach them out, as the journal has them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from synth_assets.lineage.ancestry import Node
from synth_assets.lineage.rows import read_rows
from synth_assets.methods.pair_rows import BETWEEN_JUDGES
from synth_assets.schemas import RETRACTIONS
from synth_assets.store.lake import Lake

Row = Mapping[str, Any]
NAMES_A_MODEL = ("model", "teacher", "judge")
SETS = ("sft_set", "control_set", "dpo_set")
"""Tables that a row leaves with its retraction; in every other one it stays, marked."""


class Journal:
    """The retractions of a recipe, read once."""

    def __init__(self, lake: Lake, recipe: str) -> None:
        self.rows: list[dict[str, Any]] = []
        if lake.has(recipe, RETRACTIONS.name):
            ids = lake.read(recipe, RETRACTIONS)["retraction_id"].to_list()
            found = read_rows(lake, recipe, RETRACTIONS.name, "retraction_id", ids)
            self.rows = [_told(row) for row in found.iter_rows(named=True)]

    def naming(self, ids: Collection[str], rows: Iterable[Row]) -> list[dict[str, Any]]:
        """The retractions that name one of the ids, or a seed file or a model of the rows."""
        if not self.rows:
            return []
        columns = list(rows)
        files = {row.get("source_file") for row in columns}
        told = (row.get(name) for row in columns for name in NAMES_A_MODEL)
        models = {name for value in told if value for name in str(value).split(BETWEEN_JUDGES)}
        named = {"row": ids, "seed_file": files, "model": models}
        return [
            row
            for row in self.rows
            if row["target"] in named[row["kind"]] or not set(ids).isdisjoint(row["row_ids"])
        ]


def retractions_of(journal: Journal, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """The retractions that name a row or one of its ancestors, its seed file, or a model of
    theirs; ``affected`` (table → rows) and ``tagged`` (tag → table → rows) as they were then."""
    return journal.naming(
        {node.id for node in nodes}, [row for node in nodes for row in node.rows.values()]
    )


def why_erased(lake: Lake, recipe: str, id: str) -> str | None:
    """The reason of the retraction that erased a row by its id; None where none did."""
    if not lake.has(recipe, RETRACTIONS.name):
        return None
    for row in lake.read(recipe, RETRACTIONS, "is_erased").to_dicts():
        if any(known.startswith(id) for known in (row["target"], *row["row_ids"])):
            return row["reason"]
    return None


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """left: table → rows that it reached there and that left; last_version: of the lake, in which
    they last stood; None where none left, or what it named was erased."""
    affected: dict[str, int] = json.loads(row["affected"] or "{}")
    left = {} if row["is_erased"] else {name: affected[name] for name in SETS if name in affected}
    return {
        **{name: row.get(name) for name in RETRACTIONS.polars.names()},
        "affected": affected,
        "tagged": json.loads(row.get("tagged") or "{}"),
        "left": left,
        "last_version": row["_snapshot"] - 1 if left else None,
    }
