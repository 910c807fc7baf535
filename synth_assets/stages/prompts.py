"""The stage that ends the second group: every method's candidates → all prompts, with reasons."""

from __future__ import annotations

import polars as pl

from synth_assets.method import methods_of
from synth_assets.methods import licences, prompt_filters, retraction
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA
from synth_assets.methods.seed import seeds_as_prompts
from synth_assets.quality import contamination, language
from synth_assets.recipe import Recipe
from synth_assets.schemas import (
    EDGES,
    EVALUATION_PROMPTS,
    MUTATED_PROMPTS,
    RETRACTIONS,
    ROUND_POOL,
    SEED_PROMPTS,
    SOURCE_TEXTS,
)
from synth_assets.stages.method_stages import prompt_parents
from synth_assets.stages.pools import seed_rounds
from synth_assets.stages.row_checks import (
    every_candidate_is_there,
    ids_are_unique,
    something_is_kept,
    values_are_known,
)
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.workshop import Work, Workshop
from synth_assets.store.lake import Lake

GROUP = "2_prompts"


def mutated_prompts_stage() -> Stage:
    return Stage(
        table=MUTATED_PROMPTS,
        group=GROUP,
        inputs=(
            Input("seed_prompts"),
            Input("round_pool"),
            Input("evaluation_prompts", of_all=True),
            # Of all methods: a round goes on to hold what a method made that left the recipe.
            *(Input(method.table.name) for method in methods_of("prompts")),
            Input(SOURCE_TEXTS.name, of_all=True),
            Input(RETRACTIONS.name, of_all=True),
        ),
        parameters=lambda recipe, _: {
            "filters": recipe.prompts.filters.model_dump(mode="json"),
            "include_seeds": recipe.prompts.include_seeds,
            "prompt_characters": recipe.limits.prompt_characters,
            "licences": {name: terms for name, terms in _terms(recipe).items() if terms},
        },
        code=(prompt_filters, contamination, language, retraction, licences),
        make=_make_mutated_prompts,
        checks=(
            ids_are_unique("prompt_id"),
            every_candidate_is_there(),
            values_are_known("split", "train", "test"),
            something_is_kept(),
        ),
        by_round=False,
        unit="prompt_id",
        widen=_add_related_prompts,
        parents=prompt_parents,
    )


def _add_related_prompts(workshop: Workshop, changed: str) -> bool:
    """Adds the prompts whose rows hang on those in the relation ``changed``: of equal text, since
    one of them is a duplicate; and all that any of them was rewritten from or into, for what is
    told of an ancestor. False where something was withdrawn, which may have been shown with any.
    """
    lake, recipe = workshop.lake, workshop.recipe.name
    if lake.has(recipe, RETRACTIONS.name) and lake.read(recipe, RETRACTIONS).height:
        return False
    tables = (MUTATED_PROMPTS.name, *(method.table.name for method in methods_of("prompts")))
    sides = [
        f"SELECT prompt_id, text_hash, derived_from FROM {Lake.relation(recipe, table)}"
        for table in tables
        if lake.has(recipe, table)
    ]
    seeds = Lake.relation(recipe, SEED_PROMPTS.name)
    known, links = f"{changed}_known", f"{changed}_links"
    lake.execute(
        f"CREATE TEMP TABLE {known} AS SELECT DISTINCT prompt_id, text_hash, derived_from FROM "
        f"({' UNION ALL '.join([*sides, f'SELECT prompt_id, text_hash, [] FROM {seeds}'])})"
    )
    lake.execute(
        f"CREATE TEMP TABLE {links} AS SELECT prompt_id, unnest(derived_from) AS parent_id "
        f"FROM {known}"
    )
    try:
        is_growing = True
        while is_growing:
            added = lake.execute(
                f"INSERT INTO {changed} SELECT prompt_id FROM ("
                f"SELECT k.prompt_id FROM {known} k JOIN {known} o ON k.text_hash = o.text_hash "
                f"JOIN {changed} c ON c.prompt_id = o.prompt_id "
                f"UNION SELECT parent_id FROM {links} JOIN {changed} USING (prompt_id) "
                f"UNION SELECT l.prompt_id FROM {links} l JOIN {changed} c "
                f"ON c.prompt_id = l.parent_id"
                f") WHERE prompt_id NOT IN (SELECT prompt_id FROM {changed})"
            )
            is_growing = added[0][0] > 0
    finally:
        for table in (known, links):
            lake.execute(f"DROP TABLE {table}")
    return True


def _make_mutated_prompts(work: Work) -> Made:
    journal = work.read(RETRACTIONS)
    named = retraction.mark_seeds(work.read(SEED_PROMPTS), journal)
    seeds = seeds_as_prompts(named, seed_rounds(work.read(ROUND_POOL)))
    made = [
        work.read(method.table).select(PROMPT_SCHEMA.polars.names())
        for method in methods_of("prompts")
    ]
    candidates = pl.concat([seeds, *made])
    rows = prompt_filters.combine_prompts(
        candidates,
        work.read(EVALUATION_PROMPTS),
        work.recipe.prompts.filters,
        include_seeds=work.recipe.prompts.include_seeds,
        maximum_characters=work.recipe.limits.prompt_characters,
    )
    # After the filters: a copy of what was withdrawn stays a copy, and does not take its place.
    sources = work.read(SOURCE_TEXTS)
    withdrawn = sources.filter(pl.col("drop_reason") == retraction.RETRACTED)["source_text_id"]
    shown = _shown_with(work) if journal.height else {}
    marked = retraction.mark_prompts(rows, journal, shown, withdrawn.to_list())
    licensed = licences.with_licences(
        _with_dropped_by(marked, candidates),
        _terms(work.recipe),
        dict(sources.select("source_text_id", "licence").iter_rows()),
    )
    return Made(licensed, items_parsed=candidates.height)


def _with_dropped_by(rows: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with the table whose rule dropped each: the method's where it did before."""
    tables = {method.name: method.table.name for method in methods_of("prompts")}
    own = candidates.select(
        "prompt_id",
        pl.col("drop_reason").alias("own_reason"),
        pl.col("method").replace_strict(tables, default="seed_prompts").alias("own_table"),
    )
    is_own = pl.col("drop_reason") == pl.col("own_reason")
    dropped_by = (
        pl.when(pl.col("drop_reason").is_null())
        .then(pl.lit(None, pl.String))
        .when(is_own.fill_null(False))
        .then("own_table")
        .otherwise(pl.lit(MUTATED_PROMPTS.name))
    )
    joined = rows.join(own, on="prompt_id", how="left", maintain_order="left")
    return joined.with_columns(dropped_by=dropped_by).select(*rows.columns, "dropped_by")


def _terms(recipe: Recipe) -> dict[str, str | None]:
    """Model → the licence of what it writes."""
    return {name: model.licence for name, model in sorted(recipe.models.items())}


def _shown_with(work: Work) -> dict[str, list[str]]:
    """call → the prompts that stood in its context."""
    tables = [method.table.name for method in methods_of("prompts")]
    which = f"kind = 'shown_with' AND table_name IN ({', '.join('?' for _ in tables)})"
    edges = work.lake.read(work.recipe.name, EDGES, which, tables)
    shown: dict[str, list[str]] = {}
    for call, prompt in edges.select("child_id", "parent_id").iter_rows():
        shown.setdefault(call, []).append(prompt)
    return shown
