"""The stage that ends the third group: kept prompts, and methods' completions of them → all
completions."""

from __future__ import annotations

import polars as pl

from synth_assets.methods import completions
from synth_assets.methods.completions import Completions
from synth_assets.recipe import Recipe, model_identity
from synth_assets.schemas import COMPLETIONS, MUTATED_PROMPTS
from synth_assets.stages.row_checks import (
    every_candidate_is_there,
    failed_replies_are_few,
    ids_are_unique,
    parents_exist,
)
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.withdrawn import keeping_withdrawn
from synth_assets.stages.workshop import Work

GROUP = "3_completions"


def completions_stage(recipe: Recipe, parameters: Completions) -> Stage:
    stage = Stage(
        table=COMPLETIONS,
        group=GROUP,
        inputs=(
            Input("mutated_prompts", "own"),
            *(Input(method.table.name, "own") for method, _ in recipe.methods("completions")),
        ),
        parameters=lambda recipe, _: _parameters(recipe, parameters),
        code=(completions,),
        make=lambda work: _make_completions(work, parameters),
        checks=(
            ids_are_unique("completion_id"),
            parents_exist("prompt_id", ("mutated_prompts", "prompt_id")),
            every_candidate_is_there(),
            failed_replies_are_few(),
        ),
        asks=True,
        unit="prompt_id",
        parents=lambda rows: rows.select("completion_id", "prompt_id"),
    )
    return keeping_withdrawn(stage)


def _parameters(recipe: Recipe, parameters: Completions) -> dict[str, object]:
    return {
        "completions": parameters.model_dump(mode="json", exclude={"teachers"}),
        "models": [model_identity(recipe, teacher) for teacher in parameters.teachers],
        "student": recipe.student,
        "templates": [
            template.hash
            for principle in parameters.principles or (None,)
            for template in completions.templates_of(parameters, principle)
        ],
    }


def _make_completions(work: Work, parameters: Completions) -> Made:
    kept = work.read(MUTATED_PROMPTS).filter(pl.col("drop_reason").is_null())
    result = completions.complete_prompts(
        kept,
        parameters=parameters,
        models=work.recipe.models,
        student=work.recipe.student,
        ask=work.ask,
    )
    others = [
        work.read(method.table).select(COMPLETIONS.polars.names())
        for method, _ in work.recipe.methods("completions")
    ]
    rows = pl.concat(
        [result.rows, completions.given_completions(kept, work.recipe.models), *others]
    )
    return Made(rows, result.shown_with, rows.height, result.notes)
