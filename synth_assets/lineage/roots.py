"""What a person names to withdraw it in, the rows that it stands for out: an id, a seed file, or a
model of the recipe. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal

from synth_assets.errors import QueryError
from synth_assets.lineage.ancestry import climb
from synth_assets.lineage.descent import rows_of_calls
from synth_assets.lineage.find import Found, NoSuchRow, find_row
from synth_assets.lineage.rows import read_rows
from synth_assets.method import all_methods, method_tables
from synth_assets.methods.pair_rows import BETWEEN_JUDGES
from synth_assets.recipe import Recipe
from synth_assets.recipe_errors import did_you_mean
from synth_assets.store.lake import Lake
from synth_assets.store.tags import tags_of

Kind = Literal["row", "seed_file", "model"]
Roots = dict[str, set[str]]
"""Table → ids of its rows."""


def by_model() -> list[tuple[str, str, str]]:
    """(table, key, column that holds the recipe's name of the model, or the names of a panel)."""
    column = {"prompts": "model", "completions": "teacher", "judgments": "judge", "pairs": "judge"}
    found = [
        ("mutated_prompts", "prompt_id", "model"),
        ("completions", "completion_id", "teacher"),
        ("judgments", "judgment_id", "judge"),
        ("preference_candidates", "pair_candidate_id", "judge"),
    ]
    for method in all_methods().values():
        if method.kind in column:
            found.append((method.table.name, method.table.key, column[method.kind]))
    return found


WITH_FILES = (("seed_prompts", "prompt_id"), ("source_texts", "source_text_id"))
"""(table, key) of what is read from a person's files."""


def find_roots(lake: Lake, recipe: Recipe, source: str) -> tuple[Kind, str, Roots]:
    """What ``source`` is, how the recipe calls it, and its rows.

    Errors: `NoSuchRow` where it is neither model, seed file nor id, `QueryError` where it is an id
    that nothing rests on.
    """
    if source in _models(lake, recipe):
        return "model", source, rows_of_model(lake, recipe.name, source)
    file = _seed_file(lake, recipe, source)
    if file is not None:
        return "seed_file", file, rows_of_file(lake, recipe.name, file)
    try:
        row = find_row(lake, recipe, source)
    except NoSuchRow as error:
        near = did_you_mean(source, [*_models(lake, recipe), *_seed_files(lake, recipe)]) or ";"
        raise NoSuchRow(
            f"{source!r} is neither a model of {recipe.name} nor a file of its seeds{near} and as "
            f"an id: {error}"
        ) from error
    return "row", row.id, _rows_named(lake, recipe, row)


def find_tagged_roots(lake: Lake, recipe: Recipe, source: str) -> tuple[int, str, Roots] | None:
    """The newest tagged version that has a row of the id, its whole id, and the rows that it stands
    for there; None where no tag of the recipe has it. For rows that today's tables do not have."""
    versions = dict.fromkeys(
        tag.version
        for tag in reversed(tags_of(lake))
        if tag.recipe == recipe.name and not tag.erased
    )
    for version in versions:
        with Lake(lake.home, read_only=True, at=version) as past, past.reading():
            try:
                row = find_row(past, recipe, source)
            except NoSuchRow:
                continue
            return version, row.id, _rows_named(past, recipe, row)
    return None


def rows_of_model(lake: Lake, recipe: str, model: str) -> Roots:
    """What the model wrote or judged, alone or in a panel."""
    found: Roots = {}
    for table, key, column in by_model():
        named = _named_in(lake, recipe, table, column)
        values = [value for value in named if model in value.split(BETWEEN_JUDGES)]
        found[table] = ids_in(lake, recipe, table, key, column, values)
    for table in ("mutated_prompts", *method_tables("prompts")):
        found[table] |= _ids_with_other_model(lake, recipe, table, model)
    return {table: ids for table, ids in found.items() if ids}


def rows_of_file(lake: Lake, recipe: str, file: str) -> Roots:
    """What was read from the file, named as `seed_prompts` or `source_texts` has it."""
    found = {
        table: ids_in(lake, recipe, table, key, "source_file", [file]) for table, key in WITH_FILES
    }
    return {table: ids for table, ids in found.items() if ids}


def ids_in(
    lake: Lake, recipe: str, table: str, key: str, column: str, values: Iterable[str]
) -> set[str]:
    """Ids of the rows whose ``column`` holds one of the values."""
    rows = read_rows(lake, recipe, table, column, list(values), (key,))
    return set(rows[key].drop_nulls().to_list()) if key in rows.columns else set()


def _rows_named(lake: Lake, recipe: Recipe, row: Found) -> dict[str, set[str]]:
    """The rows of the pipeline that an id stands for: an example is its completion."""
    if row.kind == "call":
        found: dict[str, set[str]] = {}
        for table, id, _ in rows_of_calls(lake, recipe.name, [row.id]):
            found.setdefault(table, set()).add(id)
        if not found:
            raise QueryError(f"call {row.id}: no row of {recipe.name} rests on it")
        return found
    if row.kind == "judgment":
        return {table: {row.id} for table in ("judgments", *method_tables("judgments"))}
    if row.kind in ("prompt", "completion", "evaluation prompt", "source text"):
        return {row.table: {row.id}}
    parents = climb(lake, recipe.name, row)[0].parents
    if len(parents) == 1:
        kind = "completions" if row.table != "dropped_rows" else None
        found_parent = find_row(lake, recipe, parents[0])
        return {kind or found_parent.table: {parents[0]}}
    if not parents:
        raise QueryError(f"{row.id} of {row.table} is a sum over rows; withdraw one of those")
    raise QueryError(
        f"{row.id} of {row.table} is made of {', '.join(parents)}; withdraw one of those, or their "
        "prompt"
    )


def _models(lake: Lake, recipe: Recipe) -> list[str]:
    """Models that the recipe declares, or that rows name: one may have left the recipe."""
    named = set(recipe.models)
    for table, _, column in by_model():
        for value in _named_in(lake, recipe.name, table, column):
            named.update(value.split(BETWEEN_JUDGES))
    return sorted(named)


def _named_in(lake: Lake, recipe: str, table: str, column: str) -> list[str]:
    """What a column of models' names holds: a name, or those of a panel."""
    if not lake.has(recipe, table):
        return []
    rows = lake.execute(f"SELECT DISTINCT {column} FROM {Lake.relation(recipe, table)}")
    return sorted(value for (value,) in rows if value)


def _seed_files(lake: Lake, recipe: Recipe) -> list[str]:
    found: set[str] = set()
    for table, _ in WITH_FILES:
        if lake.has(recipe.name, table):
            relation = Lake.relation(recipe.name, table)
            rows = lake.execute(f"SELECT DISTINCT source_file FROM {relation}")
            found |= {file for (file,) in rows if file}
    return sorted(found)


def _seed_file(lake: Lake, recipe: Recipe, source: str) -> str | None:
    """The file as `seed_prompts` or `source_texts` names it; its last parts will do where no other
    ends so."""
    files = _seed_files(lake, recipe)
    if source in files:
        return source
    parts = PurePosixPath(source).parts
    ending = [file for file in files if parts and PurePosixPath(file).parts[-len(parts) :] == parts]
    if len(ending) > 1:
        raise QueryError(f"{source!r} is the end of several seed files: {', '.join(ending)}")
    return ending[0] if ending else None


def _ids_with_other_model(lake: Lake, recipe: str, table: str, model: str) -> set[str]:
    """Ids of the prompts that hold words of the model beside those of the one that wrote them."""
    if "other_models" not in lake.column_types(recipe, table):
        return set()
    relation = Lake.relation(recipe, table)
    rows = lake.execute(
        f"SELECT prompt_id FROM {relation} WHERE list_contains(other_models, ?)", [model]
    )
    return {id for (id,) in rows}
