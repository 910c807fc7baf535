"""Stages of the second group: pool → candidates of each method → all candidates, with reasons."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from synth_assets.errors import RecipeError
from synth_assets.llm.request import Message, Request
from synth_assets.methods import completions as completion_method
from synth_assets.methods import (
    evol_instruct,
    licences,
    prompt_filters,
    retraction,
    self_instruct,
)
from synth_assets.methods.result import MethodResult
from synth_assets.methods.seed import seeds_as_prompts
from synth_assets.quality import contamination, language
from synth_assets.recipe import Completions, EvolInstruct, Recipe, SelfInstruct
from synth_assets.schemas import (
    EDGES,
    EVALUATION_PROMPTS,
    EVOLVED_PROMPTS,
    MUTATED_PROMPTS,
    RETRACTIONS,
    ROUND_POOL,
    SEED_PROMPTS,
    SELF_INSTRUCT_PROMPTS,
    TableSchema,
)
from synth_assets.stages.generation import frozen_part
from synth_assets.stages.pools import seed_rounds
from synth_assets.stages.row_checks import (
    every_candidate_is_there,
    ids_are_unique,
    parents_exist,
    something_is_kept,
    values_are_known,
)
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.workshop import Work, lake_ids

GROUP = "2_prompts"
METHOD_TABLES = (SELF_INSTRUCT_PROMPTS, EVOLVED_PROMPTS)
POOL_INPUTS = (
    Input("round_pool", "up_to"),
    Input("seed_prompts", "pool_seeds"),
    Input("mutated_prompts", "pool_accepted"),
)
ANY_PROMPT = tuple(
    (table, "prompt_id") for table in ("seed_prompts", "mutated_prompts", "evolved_prompts")
)


def self_instruct_stage() -> Stage:
    return Stage(
        table=SELF_INSTRUCT_PROMPTS,
        group=GROUP,
        inputs=POOL_INPUTS,
        parameters=lambda _, frozen: frozen_part(frozen, "self_instruct"),
        make=_make_self_instruct,
        checks=(
            ids_are_unique("prompt_id"),
            every_candidate_is_there(),
            something_is_kept(),
        ),
        is_frozen=True,
        asks=True,
        parents=prompt_parents,
    )


def evol_instruct_stage() -> Stage:
    return Stage(
        table=EVOLVED_PROMPTS,
        group=GROUP,
        inputs=POOL_INPUTS,
        parameters=lambda _, frozen: frozen_part(frozen, "evol_instruct"),
        make=_make_evol_instruct,
        checks=(
            ids_are_unique("prompt_id"),
            parents_exist("derived_from", *ANY_PROMPT, own="prompt_id"),
            every_candidate_is_there(),
            something_is_kept(),
        ),
        is_frozen=True,
        asks=True,
        parents=prompt_parents,
    )


def mutated_prompts_stage() -> Stage:
    return Stage(
        table=MUTATED_PROMPTS,
        group=GROUP,
        inputs=(
            Input("seed_prompts"),
            Input("round_pool"),
            Input("evaluation_prompts"),
            *(Input(table.name) for table in METHOD_TABLES),
            Input(RETRACTIONS.name),
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
        parents=prompt_parents,
    )


def prompt_parents(rows: pl.DataFrame) -> pl.DataFrame:
    """(prompt_id, parent) for every prompt that was rewritten from another."""
    return (
        rows.select("prompt_id", "derived_from")
        .explode("derived_from")
        .filter(pl.col("derived_from").is_not_null())
    )


def pool_of(work: Work) -> pl.DataFrame:
    """All prompts a round may draw on: its seeds, and what earlier rounds accepted."""
    seeds = seeds_as_prompts(work.read(SEED_PROMPTS), seed_rounds(work.read(ROUND_POOL)))
    # A seed that has left its file, or a prompt that a later rule drops, stays in the pools of the
    # rounds that were opened with it.
    accepted = work.read(MUTATED_PROMPTS).drop("licences")
    usable = pl.concat([seeds, accepted])
    return usable.with_columns(drop_reason=pl.lit(None, pl.String)).sort("prompt_id")


def _make_self_instruct(work: Work) -> Made:
    frozen = frozen_part(work.frozen, "self_instruct")
    if not frozen:  # the method was added to the recipe after this round was opened
        return Made(SELF_INSTRUCT_PROMPTS.empty(), items_parsed=0)
    parameters = SelfInstruct.model_validate(frozen["parameters"])
    result = self_instruct.write_prompts(
        pool_of(work), round=work.round, parameters=parameters, ask=work.ask
    )
    return _with_superseded(work, SELF_INSTRUCT_PROMPTS, result)


def _make_evol_instruct(work: Work) -> Made:
    frozen = frozen_part(work.frozen, "evol_instruct")
    if not frozen:
        return Made(EVOLVED_PROMPTS.empty(), items_parsed=0)
    parameters = EvolInstruct.model_validate(frozen["parameters"])
    if "completions" not in frozen:
        raise RecipeError(
            f"{work.recipe.path}: prompts.evol_instruct: its elimination looks at the first "
            "teacher's first completion, and the recipe declares no completions; add completions:"
        )
    completions = Completions.model_validate(frozen["completions"])

    def first_completion(prompt_id: str, messages: Sequence[Message]) -> Request:
        return completion_method.completion_request(
            prompt_id,
            messages,
            teacher=completions.teachers[0],
            sample_index=0,
            parameters=completions,
        )

    result = evol_instruct.evolve_prompts(
        pool_of(work),
        round=work.round,
        parameters=parameters,
        first_completion=first_completion,
        ask=work.ask,
    )
    return _with_superseded(work, EVOLVED_PROMPTS, result)


def _with_superseded(work: Work, table: TableSchema, result: MethodResult) -> Made:
    """The round's rows as made now, and those made before that later rounds rest on, marked: a
    round that is generated anew leaves the others as they are."""
    made = set(result.rows["prompt_id"])
    before = work.lake.read(work.recipe.name, table, "round = ?", [work.round])
    parents = dict(before.select("prompt_id", "derived_from").iter_rows())
    waiting = [id for id in _pooled(work) if id in parents and id not in made]
    superseded: set[str] = set()
    while waiting:
        id = waiting.pop()
        if id in parents and id not in made | superseded:
            superseded.add(id)
            waiting += parents[id]
    rows = before.filter(pl.col("prompt_id").is_in(sorted(superseded))).with_columns(
        drop_reason=pl.coalesce("drop_reason", pl.lit("superseded"))
    )
    return Made(
        pl.concat([result.rows, rows]),
        result.shown_with,
        result.items_parsed + rows.height,
        result.notes,
    )


def _pooled(work: Work) -> pl.Series:
    return lake_ids(work.lake, work.recipe.name, ROUND_POOL.name, "prompt_id").unique()


def _make_mutated_prompts(work: Work) -> Made:
    journal = work.read(RETRACTIONS)
    named = retraction.mark_seeds(work.read(SEED_PROMPTS), journal)
    seeds = seeds_as_prompts(named, seed_rounds(work.read(ROUND_POOL)))
    candidates = pl.concat([seeds, *(work.read(table) for table in METHOD_TABLES)])
    rows = prompt_filters.combine_prompts(
        candidates,
        work.read(EVALUATION_PROMPTS),
        work.recipe.prompts.filters,
        include_seeds=work.recipe.prompts.include_seeds,
        maximum_characters=work.recipe.limits.prompt_characters,
    )
    # After the filters: a copy of what was withdrawn stays a copy, and does not take its place.
    marked = retraction.mark_prompts(rows, journal, _shown_with(work))
    licensed = licences.with_licences(marked, _terms(work.recipe))
    return Made(licensed, items_parsed=candidates.height)


def _terms(recipe: Recipe) -> dict[str, str | None]:
    """Model → the licence of what it writes."""
    return {name: model.licence for name, model in sorted(recipe.models.items())}


def _shown_with(work: Work) -> dict[str, list[str]]:
    """call → the prompts that stood in its context."""
    edges = work.lake.read(
        work.recipe.name, EDGES, "kind = 'shown_with' AND table_name <> 'ratings'"
    )
    shown: dict[str, list[str]] = {}
    for call, prompt in edges.select("child_id", "parent_id").iter_rows():
        shown.setdefault(call, []).append(prompt)
    return shown
