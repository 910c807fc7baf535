"""Ids of rows in, all that was made from them out: along `derived_from`, and `shown_with` where
asked, through the table of edges.

Each step reads the edges of those tables alone that can follow: a commit writes the edges of one
table into a file of its own, which the others' smallest and largest table name rule out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import polars as pl

from synth_assets.lineage.rows import among
from synth_assets.method import all_methods, method_tables
from synth_assets.schemas import EDGES
from synth_assets.store.lake import Lake

GIVEN = ("seed_prompts", "source_texts")
"""Tables of what people gave, whose rows prompts are made from."""


def made_prompts() -> tuple[str, ...]:
    """Tables of prompts that were made."""
    return ("mutated_prompts", *method_tables("prompts"))


def judged() -> tuple[str, ...]:
    """Tables whose rows rest on completions."""
    return (*method_tables("judgments", "pairs", "filters"), "sft_set", "control_set", "dpo_set")


def cited_columns(columns: Collection[str]) -> list[str]:
    """The columns of a table that name calls."""
    return [name for name in ("call_ids", "earlier_call_ids", "call_id") if name in columns]


def citing_tables() -> list[tuple[str, str]]:
    """(table, key) of what rests on calls."""
    found = [("completions", "completion_id")]
    return [*((m.table.name, m.table.key) for m in all_methods().values()), *found]


@dataclass
class Descent:
    """table → ids of its rows that were made from what was asked for; parents: id → ids it was
    made from, as far as the way led over them; calls: those in whose context a row stood."""

    rows: dict[str, set[str]] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)

    def of(self, *tables: str) -> set[str]:
        return {id for table in tables for id in self.rows.get(table, ())}

    def add(self, found: Iterable[tuple[str, str, str]], roots: AbstractSet[str]) -> set[str]:
        """Keeps (table, child, parent)s; gives the children that were not known before."""
        new: set[str] = set()
        for table, child, parent in found:
            if child == parent or child in roots:
                continue
            self.parents.setdefault(child, set()).add(parent)
            known = self.rows.setdefault(table, set())
            if child not in known:
                known.add(child)
                new.add(child)
        return new


def descend(
    lake: Lake, recipe: str, start: Mapping[str, Iterable[str]], *, through_context: bool = False
) -> Descent:
    """All rows made from the rows of ``start`` (table → ids), which are not among them.

    Prompts first, generation by generation; then all their completions in one step, and what
    rests on those in another. through_context: also what was made by a call in whose context a
    prompt stood.
    """
    descent = Descent()
    given = {table: set(ids) for table, ids in start.items()}
    roots = {id for ids in given.values() for id in ids}
    prompts = {id for t in (*made_prompts(), *GIVEN) for id in given.get(t, ())}
    waiting = set(prompts)
    while waiting:
        found = _children(lake, recipe, waiting, made_prompts())
        if through_context:
            found += _made_beside(lake, recipe, waiting, descent)
        waiting = descent.add(found, roots)
    prompts |= descent.of(*made_prompts())
    descent.add(_children(lake, recipe, prompts, ("completions",)), roots)
    completions = given.get("completions", set()) | descent.of("completions")
    descent.add(_children(lake, recipe, completions, judged()), roots)
    return descent


def rows_of_calls(lake: Lake, recipe: str, calls: Iterable[str]) -> list[tuple[str, str, str]]:
    """(table, id, call) of every row that rests on one of the calls."""
    ids = sorted(set(calls))
    found: list[tuple[str, str, str]] = []
    if not ids:
        return found
    with lake.temporary("calls", pl.DataFrame({"id": ids})) as wanted:
        for table, key in citing_tables():
            for column in cited_columns(lake.column_types(recipe, table)):
                cited = column if column == "call_id" else f"unnest({column})"
                rows = lake.execute(
                    f"SELECT DISTINCT id, call FROM (SELECT {key} AS id, {cited} AS call "
                    f"FROM {Lake.relation(recipe, table)}) "
                    f"WHERE call IN (SELECT id FROM {wanted}) ORDER BY ALL"
                )
                found += [(table, id, call) for id, call in rows]
    return found


def shown_with(lake: Lake, recipe: str, calls: Iterable[str]) -> dict[str, list[str]]:
    """call → the rows that stood in its context."""
    ids = sorted(set(calls))
    found: dict[str, list[str]] = {}
    if not ids or not lake.has(recipe, EDGES.name):
        return found
    with among(lake, "child_id", ids) as (condition, values):
        rows = lake.execute(
            "SELECT DISTINCT child_id, parent_id "
            f"FROM {Lake.relation(recipe, EDGES.name)} WHERE kind = 'shown_with' "
            f"AND {condition} ORDER BY ALL",
            values,
        )
    for call, shown in rows:
        found.setdefault(call, []).append(shown)
    return found


def shown_with_any(lake: Lake, recipe: str, ids: AbstractSet[str]) -> set[str]:
    """The calls in whose context one of the rows stood."""
    return {call for _, call, _ in _edges(lake, recipe, "shown_with", ids, ())}


def _made_beside(
    lake: Lake, recipe: str, ids: AbstractSet[str], descent: Descent
) -> list[tuple[str, str, str]]:
    shown = {call: id for _, call, id in _edges(lake, recipe, "shown_with", ids, ())}
    new = shown.keys() - descent.calls
    descent.calls |= new
    made = rows_of_calls(lake, recipe, new)
    return [(table, id, shown[call]) for table, id, call in made if table in made_prompts()]


def _children(
    lake: Lake, recipe: str, ids: AbstractSet[str], tables: tuple[str, ...]
) -> list[tuple[str, str, str]]:
    return _edges(lake, recipe, "derived_from", ids, tables)


def _edges(
    lake: Lake, recipe: str, kind: str, parents: AbstractSet[str], tables: tuple[str, ...]
) -> list[tuple[str, str, str]]:
    """(table, child, parent) of the edges of one kind; of all tables where none is named."""
    if not parents or not lake.has(recipe, EDGES.name):
        return []
    which = f"AND table_name IN ({', '.join('?' for _ in tables)})" if tables else ""
    with among(lake, "parent_id", parents) as (condition, values):
        return lake.execute(
            f"SELECT DISTINCT table_name, child_id, parent_id "
            f"FROM {Lake.relation(recipe, EDGES.name)} WHERE kind = ? {which} "
            f"AND {condition} ORDER BY ALL",
            [kind, *tables, *values],
        )
