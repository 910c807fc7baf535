"""A row in, everything that was made from it out: what it is, what of, kept or dropped and why."""

from __future__ import annotations

from typing import Any

from synth_assets.lineage.ancestry import Node
from synth_assets.lineage.descent import descend, made_prompts, rows_of_calls
from synth_assets.lineage.find import Found, key_of, read_rows
from synth_assets.store.lake import Lake

Told = dict[str, Any]
ORDER = ("prompt", "completion", "judgment", "example", "pair")
FIRST_WORDS = 12
SHOWN = ("text", "drop_reason", "status", "rating", "criterion", "judge")
"""Columns by which a descendant is told; a set's messages are its completion's text."""


def what_became(lake: Lake, recipe: str, node: Node) -> list[Told]:
    """id, kind, table, made_from, state (kept, dropped, or a judgment's status), reason,
    first_words of every descendant, in the order of the pipeline."""
    cited: dict[str, set[str]] = {}
    start: dict[str, set[str]] = {table: {node.id} for table in node.rows}
    if node.kind == "call":
        start = {}
        for table, id, call in rows_of_calls(lake, recipe, [node.id]):
            start.setdefault(table, set()).add(id)
            cited.setdefault(id, set()).add(call)
    descent = descend(lake, recipe, start)
    by_table = {table: set(ids) for table, ids in descent.rows.items()}
    if node.kind == "call":
        for table, ids in start.items():
            by_table.setdefault(table, set()).update(ids)
    parents = {**descent.parents, **cited}
    told: dict[str, Told] = {}
    order = made_prompts()
    for table in sorted(by_table, key=lambda name: order.index(name) if name in order else 99):
        for row in _states(lake, recipe, table, sorted(by_table[table])):
            made_from = sorted(parents.get(row["id"], ()))
            told.setdefault(row["id"], {**row, "made_from": made_from})
    rank = {kind: place for place, kind in enumerate(ORDER)}
    return sorted(told.values(), key=lambda row: (rank.get(row["kind"], 9), row["id"]))


def _states(lake: Lake, recipe: str, table: str, ids: list[str]) -> list[Told]:
    key = key_of(lake, recipe, table)
    found = read_rows(lake, recipe, table, key, ids, SHOWN)
    rows = {row[key]: row for row in found.iter_rows(named=True)}
    reasons: dict[str, str] = {}
    if table == "completions":
        dropped = read_rows(lake, recipe, "dropped_rows", "row_id", ids, ("reason",))
        reasons = {row["row_id"]: row["reason"] for row in dropped.iter_rows(named=True)}
    told: list[Told] = []
    for id in ids:
        row = rows.get(id)
        state, reason = "gone", None
        if row is not None and "rating" in row:
            state = row["status"]
        elif row is not None:
            reason = row.get("drop_reason") or reasons.get(id)
            state = "dropped" if reason else "kept"
        text = (row or {}).get("text")
        told.append(
            {
                "id": id,
                "kind": Found(id, table, key).kind,
                "table": table,
                "state": state,
                "reason": reason,
                "first_words": text and " ".join(text.split()[:FIRST_WORDS]),
            }
        )
    return told
