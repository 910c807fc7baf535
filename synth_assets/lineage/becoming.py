"""A row in, everything that was made from it out: what it is, what of, kept or dropped and why.

A row that a retraction reaches is told as dropped, `retracted`, and why, wherever that stands: in
its table, or only in the journal (a withdrawn judge's rating of what is kept, say).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synth_assets.lineage.ancestry import Node
from synth_assets.lineage.descent import descend, made_prompts, rows_of_calls
from synth_assets.lineage.find import Found, key_of
from synth_assets.lineage.journal import NAMES_A_MODEL, Journal
from synth_assets.lineage.rows import read_rows
from synth_assets.methods.retraction import RETRACTED
from synth_assets.store.lake import Lake

Told = dict[str, Any]
ORDER = ("prompt", "completion", "judgment", "example", "pair")
FIRST_WORDS = 12
SHOWN = ("text", "drop_reason", "status", "rating", "criterion", *NAMES_A_MODEL)
"""Columns by which a descendant is told; a set's messages are its completion's text."""


def what_became(
    lake: Lake, recipe: str, node: Node, journal: Journal, retractions: Sequence[Told] = ()
) -> list[Told]:
    """id, kind, table, made_from, state (kept, dropped, or a judgment's status), reason, because
    (what the journal says where the reason is a retraction), first_words of every descendant, in
    the order of the pipeline.

    retractions: those that reach the row itself.
    """
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
    reached = _Reached(journal, parents, {node.id: reasons_of(retractions)})
    order = made_prompts()
    about = {row["prompt_id"] for row in node.rows.values() if row.get("prompt_id")}
    about |= {id for name in order for id in by_table.get(name, ())}
    for table in sorted(by_table, key=lambda name: order.index(name) if name in order else 99):
        for row in _states(lake, recipe, table, sorted(by_table[table]), about):
            made_from = sorted(parents.get(row["id"], ()))
            if row["id"] not in told:
                told[row["id"]] = {**_shown(row), "made_from": made_from}
                reached.named[row["id"]] = reasons_of(journal.naming({row["id"]}, [row]))
    for row in told.values():
        reached.tell(row)
    rank = {kind: place for place, kind in enumerate(ORDER)}
    return sorted(told.values(), key=lambda row: (rank.get(row["kind"], 9), row["id"]))


def _states(
    lake: Lake, recipe: str, table: str, ids: list[str], prompts: Collection[str]
) -> list[Told]:
    key = key_of(lake, recipe, table)
    found = read_rows(lake, recipe, table, key, ids, SHOWN, prompts=prompts)
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
            reason = RETRACTED if state == RETRACTED else None
        elif row is not None:
            is_marked = row.get("status") == RETRACTED
            reason = row.get("drop_reason") or (RETRACTED if is_marked else reasons.get(id))
            state = "dropped" if reason else "kept"
        text = (row or {}).get("text")
        told.append(
            {
                "id": id,
                "kind": Found(id, table, key).kind,
                "table": table,
                "state": state,
                "reason": reason,
                "because": None,
                "first_words": text and " ".join(text.split()[:FIRST_WORDS]),
                **{name: (row or {}).get(name) for name in NAMES_A_MODEL},
            }
        )
    return told


def _shown(row: Told) -> Told:
    return {name: value for name, value in row.items() if name not in NAMES_A_MODEL}


def reasons_of(retractions: Sequence[Told]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each["reason"] for each in retractions))


@dataclass
class _Reached:
    """named: row → why it was withdrawn itself, of the row asked about and its descendants."""

    journal: Journal
    parents: Mapping[str, set[str]]
    named: dict[str, tuple[str, ...]]
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def tell(self, row: Told) -> None:
        """Says of a row that a retraction reaches it, and why."""
        if not self.journal.rows or row["reason"] not in (None, RETRACTED):
            return
        found = self.of(row["id"])
        if found or row["reason"] == RETRACTED:
            row["state"] = "dropped" if row["state"] != "gone" else "gone"
            row["reason"], row["because"] = RETRACTED, "; ".join(found) or None

    def of(self, id: str) -> tuple[str, ...]:
        """Why the row, or one that it was made from, was withdrawn."""
        if id not in self.known:
            self.known[id] = self.named.get(id, ())  # of a circle, which no lineage has
            above = [why for parent in sorted(self.parents.get(id, ())) for why in self.of(parent)]
            self.known[id] = tuple(dict.fromkeys([*self.named.get(id, ()), *above]))
        return self.known[id]
