"""An id as a person has it in, the row that it names out: of any table of a recipe, of the calls,
of refused rows, or as it stands in exported rows.

A lake has no index. What was measured on 1,000,000 completions with 4,000,000 judgments, two
cores: reading one column of ids takes 12 to 140 ms a table, so each table is asked in turn, the
small ones first, and a whole id ends the search where it is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from synth_assets.errors import QueryError
from synth_assets.identity import ID_LENGTH, content_id
from synth_assets.lineage.rows import ABOUT
from synth_assets.method import Kind, all_methods, all_tables, method_tables
from synth_assets.recipe import Recipe
from synth_assets.schemas import CALLS
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.lake import Lake
from synth_assets.store.sql_types import quote_name

SHORTEST_PREFIX = 8
REJECTED = "__rejected"
SAME_IDS = frozenset(
    {"verifications", "teacher_logprobs", "scored_completions", "round_pool", "edges"}
)
"""Tables whose key is the key of another table that is searched, or names no row of its own;
those of methods whose rows stand in a table of all methods come on top."""

NO_ROW_IDS = frozenset({"rounds", "commits", "retractions", "erasures"})


class NoSuchRow(QueryError):
    """No row of any table has the id."""


@dataclass(frozen=True)
class Found:
    """One row. table: without its schema; ``calls`` for a call. prompts: the prompt that it is
    about, where the table says one."""

    id: str
    table: str
    key: str
    prompts: tuple[str, ...] = field(default=(), compare=False)

    @property
    def kind(self) -> str:
        """prompt, completion, judgment, call, example, pair, evaluation prompt … or the table."""
        table = self.table.removesuffix(REJECTED)
        for method in all_methods().values():
            if method.table.name == table and method.kind in KIND_OF_METHOD:
                return KIND_OF_METHOD[method.kind]
        return KINDS.get(table, table)


KIND_OF_METHOD: Mapping[Kind, str] = {
    "prompts": "prompt",
    "completions": "completion",
    "judgments": "judgment",
}
KINDS = {
    "mutated_prompts": "prompt",
    "seed_prompts": "prompt",
    "source_texts": "source text",
    "evaluation_prompts": "evaluation prompt",
    "completions": "completion",
    "judgments": "judgment",
    "calls": "call",
    "sft_set": "example",
    "control_set": "control example",
    "dpo_set": "pair",
}


def prompt_tables() -> tuple[str, ...]:
    """Tables that a prompt_id stands in; the first that has it speaks for the others."""
    return ("mutated_prompts", "seed_prompts", *method_tables("prompts"))


def first_tables() -> tuple[str, ...]:
    """Which table an id that stands in several is told of, and the order of the search."""
    completions = ("completions", *method_tables("completions"))
    given = ("source_texts", "evaluation_prompts")
    sets = ("sft_set", "control_set", "dpo_set")
    return (*sets, *prompt_tables(), *given, *completions)


def find_row(lake: Lake, recipe: Recipe, text: str) -> Found:
    """The one row whose id is ``text`` or begins with it.

    Errors: `NoSuchRow` where it is no id, or no row has it (with the tables that were searched),
    `QueryError` where several have.
    """
    wanted = text.strip().lower()
    if not re.fullmatch(r"[0-9a-z_-]+", wanted) or len(wanted) < SHORTEST_PREFIX:
        raise NoSuchRow(
            f"{text!r} is no id: give a whole one, such as a prompt_id or example_id, or at least "
            f"its first {SHORTEST_PREFIX} characters"
        )
    found: dict[str, Found] = {}
    searched: list[str] = []
    for schema, table, key in searched_tables(lake, recipe):
        searched.append(table)
        for id, prompt in _ids_that_begin(lake, schema, table, key, wanted):
            found.setdefault(id, Found(id, table, key, () if prompt is None else (prompt,)))
        if len(wanted) >= ID_LENGTH and wanted in found:
            return found[wanted]
    if not found:
        for row in _exported(lake, recipe, wanted):
            found.setdefault(row.id, row)
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise NoSuchRow(
            f"{recipe.name}: no row has the id {text!r}; searched: {', '.join(searched)}, and the "
            "exported rows. A row of an earlier version is found with `synth-assets query … --at`"
        )
    listed = ", ".join(f"{row.id} ({row.table})" for row in list(found.values())[:5])
    raise QueryError(f"{recipe.name}: several ids begin with {text!r}: {listed}; give more of it")


def searched_tables(lake: Lake, recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """(schema, table, key) of every table whose rows have ids of their own, in search order."""
    same = SAME_IDS.union(method_tables("judgments", "pairs", "filters"))
    names = [n for n in lake.table_names(recipe.name) if n not in same | NO_ROW_IDS]
    rank = {name: place for place, name in enumerate(first_tables())}
    refused = [name for name in names if name.endswith(REJECTED)]
    own = sorted((n for n in names if n not in refused), key=lambda n: (rank.get(n, 99), n))
    large = [name for name in ("judgments",) if name in own]
    for name in (name for name in own if name not in large):
        yield recipe.name, name, key_of(lake, recipe.name, name)
    if lake.has(CALLS_SCHEMA, CALLS.name):
        yield CALLS_SCHEMA, CALLS.name, CALLS.key
    for name in (*large, *refused):
        yield recipe.name, name, key_of(lake, recipe.name, name)


def key_of(lake: Lake, schema: str, table: str) -> str:
    """The id column: as declared, else the table's first, as every SQL model of ours has it."""
    name = table.removesuffix(REJECTED)
    declared = all_tables().get(name)
    return declared.key if declared else next(iter(lake.column_types(schema, table)))


def _ids_that_begin(
    lake: Lake, schema: str, table: str, key: str, wanted: str
) -> list[tuple[str, str | None]]:
    """Each id, with the prompt that its row is about."""
    column, types = quote_name(key), lake.column_types(schema, table)
    if types.get(key) != "VARCHAR":
        return []
    about = f"min({ABOUT})" if types.get(ABOUT) == "VARCHAR" and key != ABOUT else "NULL"
    # A range, and not starts_with: it prunes files by their smallest and largest id.
    rows = lake.execute(
        f"SELECT {column}, {about} FROM {Lake.relation(schema, table)} "
        f"WHERE {column} >= ? AND {column} < ? GROUP BY 1 ORDER BY 1 LIMIT 6",
        [wanted, wanted + "\U0010ffff"],
    )
    return [(id, prompt) for id, prompt in rows]


def _exported(lake: Lake, recipe: Recipe, wanted: str) -> Iterator[Found]:
    """Labelled completions have ids in the export only; they are made of the pairs' completions."""
    if not lake.has(recipe.name, "dpo_set"):
        return
    sides = lake.frame(
        "SELECT chosen_completion_id, rejected_completion_id "
        f"FROM {Lake.relation(recipe.name, 'dpo_set')}"
    )
    for label, column in ((True, sides.columns[0]), (False, sides.columns[1])):
        for id in sides.get_column(column).unique().drop_nulls():
            if content_id("unpaired", id, label).startswith(wanted):
                yield Found(id, "completions", "completion_id")
