"""Every recipe that ships, as a trial of a few seeds: all stages, offline, and no call the second
time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synth_assets.project import find_recipe, recipe_paths
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.stages.materialize import bring_up_to_date
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.trial import trial_recipe
from synth_assets.stages.workshop import Workshop
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

TO_COPY = (
    "back_translation",
    "behaviour_transfer",
    "constitutional",
    "evol_instruct",
    "instruction_backtranslation",
    "math_verified",
    "rejection_sampling",
    "self_instruct",
    "superfiltered",
    "ultrafeedback",
)
MODELS = ("openai/", "anthropic/", "ollama", "vllm")


def run(recipe: Recipe, lake: Lake) -> int:
    """Brings every table up to date; gives the calls made."""
    stages = recipe_stages(recipe)
    workshop = Workshop(recipe, lake, stages, "run")
    reports = [bring_up_to_date(workshop, stage) for stage in stages.values()]
    return sum(report.stats.made for report in reports)


@pytest.mark.parametrize("name", TO_COPY)
def test_a_recipe_to_copy_runs_as_a_trial_and_then_makes_no_call(name: str, tmp_path: Path) -> None:
    recipe = trial_recipe(load_recipe(find_recipe(name)), 4)
    if not os.environ.get("CI"):
        for method, parameters in recipe.methods():
            missing = method.missing_here(parameters) if method.missing_here else None
            if missing:
                pytest.skip(missing)
    with Lake(Home.at(tmp_path)) as lake:
        assert run(recipe, lake) > 0
        assert lake.read(recipe.name, recipe_stages(recipe)["completions"].table).height > 0
        assert run(recipe, lake) == 0


@pytest.mark.parametrize("name", TO_COPY)
def test_a_recipe_to_copy_shows_the_same_with_real_models(name: str) -> None:
    text = find_recipe(name).read_text(encoding="utf-8").lower()
    assert [words for words in MODELS if words not in text] == []


def test_every_recipe_that_ships_loads() -> None:
    for path in recipe_paths():
        assert load_recipe(path).name
