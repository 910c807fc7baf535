"""What a person withdraws in, every row that it reaches out: the rows named, and all that was made
from them, table by table, today and in the tagged versions. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from synth_assets.lineage.descent import descend
from synth_assets.lineage.find import NoSuchRow, key_of, prompt_tables
from synth_assets.lineage.roots import (
    Kind,
    Roots,
    find_roots,
    find_tagged_roots,
    ids_in,
    rows_of_file,
    rows_of_model,
)
from synth_assets.method import Kind as MethodKind
from synth_assets.method import method_tables
from synth_assets.recipe import Recipe
from synth_assets.store.lake import Lake
from synth_assets.store.tags import tags_of

RESTING = (
    ("judgments", "completion_id"),
    ("verifications", "completion_id"),
    ("teacher_logprobs", "completion_id"),
    ("scored_completions", "completion_id"),
)
"""Tables whose rows go with a completion, and by which column."""


OF_ALL_METHODS: Mapping[str, tuple[MethodKind, ...]] = {
    "preference_candidates": ("pairs",),
    "completion_filters": ("filters",),
}
"""Tables of all methods' rows, which have the ids of the methods' own tables."""


@dataclass(frozen=True)
class Tagged:
    """A tagged version that holds rows of what is withdrawn. affected: table → how many."""

    tag: str
    version: int
    affected: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        return {"tag": self.tag, "version": self.version, "affected": dict(self.affected)}


@dataclass(frozen=True)
class Withdrawal:
    """What is withdrawn. row_ids: rows named by id, none for a file or a model; and, where it is
    erased, seeds and source texts that repeat its words. named: the rows that the id, the file or
    the model stands for.

    rows: table → ids of all rows that it reaches, the named ones among them. tagged: the tagged
    versions that hold rows of it. gone: the rows named where today's tables do not have them, while
    the tagged version ``gone_since`` does.
    """

    kind: Kind
    target: str
    row_ids: tuple[str, ...]
    through_context: bool
    named: frozenset[str] = frozenset()
    rows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tagged: tuple[Tagged, ...] = ()
    gone: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gone_since: int | None = None

    @property
    def affected(self) -> dict[str, int]:
        """Table → how many rows."""
        return _counted(self.rows)

    def ids(self, *tables: str) -> set[str]:
        return {id for table in tables for id in self.rows.get(table, ())}

    @property
    def prompts(self) -> set[str]:
        return self.ids(*prompt_tables(), "evaluation_prompts")

    @property
    def completions(self) -> set[str]:
        return self.ids("completions")

    @property
    def judgments(self) -> set[str]:
        return self.ids("judgments", *method_tables("judgments"))


def plan_withdrawal(
    lake: Lake, recipe: Recipe, source: str, *, through_context: bool = False
) -> Withdrawal:
    """What withdrawing ``source`` would reach.

    Errors: `QueryError` where it is neither model, seed file nor id, of today's rows or of a tagged
    version's, or an id that nothing rests on.
    """
    gone_since: int | None = None
    try:
        kind, target, roots = find_roots(lake, recipe, source)
    except NoSuchRow:
        tagged = find_tagged_roots(lake, recipe, source)
        if tagged is None:
            raise
        kind = "row"
        gone_since, target, roots = tagged
    named = frozenset(id for ids in roots.values() for id in ids)
    row_ids = tuple(sorted(named)) if kind == "row" else ()
    reached = reach(lake, recipe.name, roots, through_context=through_context)
    gone: Mapping[str, frozenset[str]] = {}
    if gone_since is not None:
        gone = {table: frozenset(ids) for table, ids in roots.items()}
        reached = _standing(lake, recipe.name, reached)
    found = Withdrawal(
        kind, target, row_ids, through_context, named, reached, gone=gone, gone_since=gone_since
    )
    return with_tagged(lake, recipe.name, found)


def with_tagged(lake: Lake, recipe: str, withdrawal: Withdrawal) -> Withdrawal:
    """The withdrawal with each tagged version of the recipe that holds rows of it, oldest first."""
    return replace(withdrawal, tagged=tuple(_tagged(lake, recipe, withdrawal)))


def _tagged(lake: Lake, recipe: str, withdrawal: Withdrawal) -> Iterator[Tagged]:
    known: dict[int, dict[str, int]] = {}
    for tag in tags_of(lake):
        if tag.recipe != recipe or tag.erased:
            continue
        if tag.version not in known:
            with Lake(lake.home, read_only=True, at=tag.version) as past, past.reading():
                known[tag.version] = _counted(_reached_in(past, recipe, withdrawal))
        if known[tag.version]:
            yield Tagged(tag.tag, tag.version, known[tag.version])


def _reached_in(past: Lake, recipe: str, withdrawal: Withdrawal) -> dict[str, frozenset[str]]:
    """Rows of an earlier version that the withdrawal reaches: those of today that stood there, and
    what that version alone has of the same file or model, or made of those."""
    roots: Roots = {table: set(ids) for table, ids in withdrawal.rows.items()}
    for table, ids in withdrawal.gone.items():
        roots.setdefault(table, set()).update(ids)
    of_kind = {"model": rows_of_model, "seed_file": rows_of_file}.get(withdrawal.kind)
    for table, ids in of_kind(past, recipe, withdrawal.target).items() if of_kind else ():
        roots.setdefault(table, set()).update(ids)
    reached = reach(past, recipe, roots, through_context=withdrawal.through_context)
    return _standing(past, recipe, reached)


def _standing(
    lake: Lake, recipe: str, reached: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Those of the rows that the lake's tables have."""
    standing: dict[str, frozenset[str]] = {}
    for table, ids in reached.items():
        if lake.has(recipe, table):
            key = key_of(lake, recipe, table)
            standing[table] = frozenset(ids_in(lake, recipe, table, key, key, ids))
    return standing


def _counted(rows: Mapping[str, frozenset[str]]) -> dict[str, int]:
    return {table: len(ids) for table, ids in sorted(rows.items()) if ids}


def reach(
    lake: Lake, recipe: str, roots: Mapping[str, set[str]], *, through_context: bool
) -> dict[str, frozenset[str]]:
    """The roots (table → ids), in every table that they stand in, and all that was made of them."""
    descent = descend(lake, recipe, roots, through_context=through_context)
    rows = {table: set(ids) for table, ids in roots.items()}
    for table, ids in descent.rows.items():
        rows.setdefault(table, set()).update(ids)
    prompts = [id for table in prompt_tables() for id in rows.get(table, ())]
    for table in prompt_tables():
        rows[table] = ids_in(lake, recipe, table, "prompt_id", "prompt_id", prompts)
    completions = rows.get("completions", set())
    for table, column in RESTING:
        key = "judgment_id" if table == "judgments" else column
        found = ids_in(lake, recipe, table, key, column, completions)
        rows[table] = rows.get(table, set()) | found
    for table, kinds in OF_ALL_METHODS.items():
        made = [id for each in method_tables(*kinds) for id in rows.get(each, ())]
        key = key_of(lake, recipe, table)
        rows[table] = rows.get(table, set()) | ids_in(lake, recipe, table, key, key, made)
    for table in method_tables("completions"):
        key = "completion_id"
        rows[table] = rows.get(table, set()) | ids_in(lake, recipe, table, key, key, completions)
    rows["dpo_set"] = rows.get("dpo_set", set()) | _chosen_pairs(
        lake, recipe, rows.get("preference_candidates", ())
    )
    return {table: frozenset(ids) for table, ids in rows.items() if ids}


def _chosen_pairs(lake: Lake, recipe: str, candidates: Iterable[str]) -> set[str]:
    """Ids in `dpo_set` of the pairs that were chosen among these candidates."""
    ids = sorted(candidates)
    if not ids or not lake.has(recipe, "dpo_set"):
        return set()
    with lake.temporary("candidates", pl.DataFrame({"id": ids})) as wanted:
        found = lake.execute(
            f"SELECT pair_id FROM {Lake.relation(recipe, 'dpo_set')} AS d "
            f"JOIN {Lake.relation(recipe, 'preference_candidates')} AS p "
            "ON p.chosen_completion_id = d.chosen_completion_id "
            "AND p.rejected_completion_id = d.rejected_completion_id AND p.method = d.pairing "
            f"WHERE p.pair_candidate_id IN (SELECT id FROM {wanted})"
        )
    return {id for (id,) in found}
