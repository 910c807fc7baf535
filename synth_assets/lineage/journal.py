"""Rows in, the retractions that reach them out, as the journal has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from synth_assets.lineage.ancestry import Node
from synth_assets.methods.pair_rows import BETWEEN_JUDGES
from synth_assets.schemas import RETRACTIONS
from synth_assets.store.lake import Lake

NAMES_A_MODEL = ("model", "teacher", "judge")


def retractions_of(lake: Lake, recipe: str, nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """The retractions that name a row or one of its ancestors, its seed file, or a model of
    theirs; ``affected`` (table → rows) and ``tagged`` (tag → table → rows) as they were then."""
    if not lake.has(recipe, RETRACTIONS.name):
        return []
    columns = [row for node in nodes for row in node.rows.values()]
    ids = {node.id for node in nodes}
    files = {row.get("source_file") for row in columns}
    told = (row.get(name) for row in columns for name in NAMES_A_MODEL)
    models = {name for value in told if value for name in str(value).split(BETWEEN_JUDGES)}
    named = {"row": ids, "seed_file": files, "model": models}
    return [
        row | {name: json.loads(row[name] or "{}") for name in ("affected", "tagged")}
        for row in lake.read(recipe, RETRACTIONS).to_dicts()
        if row["target"] in named[row["kind"]] or not ids.isdisjoint(row["row_ids"])
    ]


def why_erased(lake: Lake, recipe: str, id: str) -> str | None:
    """The reason of the retraction that erased a row by its id; None where none did."""
    if not lake.has(recipe, RETRACTIONS.name):
        return None
    for row in lake.read(recipe, RETRACTIONS, "is_erased").to_dicts():
        if any(known.startswith(id) for known in (row["target"], *row["row_ids"])):
            return row["reason"]
    return None
