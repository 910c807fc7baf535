"""A recipe in, its stages out, in the order of the pipeline: only those that it asks for."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

from synth_assets.recipe import Recipe
from synth_assets.stages.completions import completions_stage
from synth_assets.stages.datasets import dataset_stages
from synth_assets.stages.judgments import (
    completion_filters_stage,
    judgments_stage,
    preference_candidates_stage,
    verifications_stage,
)
from synth_assets.stages.method_stages import method_stage
from synth_assets.stages.prompts import mutated_prompts_stage
from synth_assets.stages.seeds import evaluation_prompts_stage, rounds_stage, seed_prompts_stage
from synth_assets.stages.source_texts import source_texts_stage
from synth_assets.stages.stage import Stage


def recipe_stages(recipe: Recipe, *, sql: Path | None = None) -> dict[str, Stage]:
    """Table name → stage. sql: the folder of the SQL models, where it is not the project's."""
    methods = [method_stage(recipe, method, asked) for method, asked in recipe.methods()]
    made = {kind: bool(recipe.methods(kind)) for kind in ("judgments", "pairs", "filters")}
    stages: list[Stage] = [seed_prompts_stage()]
    if recipe.seeds.evaluation:
        stages.append(evaluation_prompts_stage())
    if recipe.seeds.source_texts:
        stages.append(source_texts_stage())
    stages.append(rounds_stage(has_sources=bool(recipe.seeds.source_texts)))
    stages += [stage for stage in methods if stage.is_frozen]
    stages.append(mutated_prompts_stage())
    if recipe.completions is not None and recipe.own_completions is not None:
        stages.append(completions_stage(recipe, recipe.own_completions))
        if recipe.judgments.verification:
            stages.append(verifications_stage(recipe.judgments.verification))
        stages += [stage for stage in methods if not stage.is_frozen]
        if recipe.judgments.verification or made["judgments"]:
            stages.append(judgments_stage(recipe))
        if made["pairs"]:
            stages.append(preference_candidates_stage(recipe))
        if made["filters"]:
            stages.append(completion_filters_stage(recipe))
    ordered = {stage.name: stage for stage in _in_order(stages)}
    if recipe.completions is not None:
        ordered |= {stage.name: stage for stage in dataset_stages(recipe, sql)}
    return ordered


def _in_order(stages: list[Stage]) -> list[Stage]:
    """Each stage after those it reads, and as listed where that leaves it open."""
    place = {stage.name: n for n, stage in enumerate(stages)}
    sorter = TopologicalSorter(
        {
            stage.name: [
                item.table
                for item in stage.inputs
                # What earlier rounds accepted is read from the rounds before.
                if item.table in place and item.slice != "pool_accepted"
            ]
            for stage in stages
        }
    )
    sorter.prepare()
    ordered: list[Stage] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        sorter.done(*ready)
        ordered += [stages[place[name]] for name in ready]
    return ordered
