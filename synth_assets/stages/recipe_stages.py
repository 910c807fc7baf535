"""A recipe in, its stages out, in the order of the pipeline: only those that it asks for."""

from __future__ import annotations

from pathlib import Path

from synth_assets.recipe import Recipe
from synth_assets.stages.completions import completions_stage
from synth_assets.stages.datasets import dataset_stages
from synth_assets.stages.judgments import judgments_stage, ratings_stage, verifications_stage
from synth_assets.stages.prompts import (
    evol_instruct_stage,
    mutated_prompts_stage,
    self_instruct_stage,
)
from synth_assets.stages.seeds import evaluation_prompts_stage, rounds_stage, seed_prompts_stage
from synth_assets.stages.stage import Stage


def recipe_stages(recipe: Recipe, *, sql: Path | None = None) -> dict[str, Stage]:
    """Table name → stage. sql: the folder of the SQL models, where it is not the project's."""
    prompts, judged = recipe.prompts, recipe.judgments
    stages: list[Stage] = [seed_prompts_stage()]
    if recipe.seeds.evaluation:
        stages.append(evaluation_prompts_stage())
    stages.append(rounds_stage())
    if prompts.self_instruct:
        stages.append(self_instruct_stage())
    if prompts.evol_instruct:
        stages.append(evol_instruct_stage())
    stages.append(mutated_prompts_stage())
    if recipe.completions:
        stages.append(completions_stage(recipe.completions))
        if judged.verification:
            stages.append(verifications_stage(judged.verification))
        if judged.ultrafeedback:
            stages.append(ratings_stage(judged.ultrafeedback))
        if judged.verification or judged.ultrafeedback:
            stages.append(judgments_stage())
        stages += dataset_stages(recipe, sql)
    return {stage.name: stage for stage in stages}
