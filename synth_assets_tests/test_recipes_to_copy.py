"""Every recipe that ships, as a trial of a few seeds: all stages, offline, and no call the second
time."""

from __future__ import annotations

import os
import re
from pathlib import Path

import polars as pl
import pytest

from synth_assets.llm.call_stats import CallStats
from synth_assets.project import find_recipe, recipe_paths
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.stages.checking import what_stops_a_run
from synth_assets.stages.datasets import SqlStage
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
    "human_preferences",
    "instruction_backtranslation",
    "math_verified",
    "rejection_sampling",
    "self_instruct",
    "superfiltered",
    "ultrafeedback",
)
MODELS = ("openai/", "anthropic/", "ollama", "vllm")


STEPS = frozenset(
    {
        "backtranslated_instructions",
        "backtranslated_prompts",
        "constitutional_revisions",
        "conversation_prompts",
        "evolved_prompts",
        "relaxed_completions",
        "self_instruct_instances",
    }
)
"""Tables whose methods tell with the first of several steps how many calls come in all."""


def run(recipe: Recipe, lake: Lake, *, sql: bool = True) -> int:
    """Brings every table up to date; gives the calls made. sql: also those that SQL makes."""
    stages = recipe_stages(recipe)

    def look(table: str, round: int, stats: CallStats) -> None:
        assert stats.total is not None, table
        assert (stats.most is not None) == (table in STEPS), table
        assert stats.most is None or stats.asked <= stats.most <= 3 * stats.asked, table

    workshop = Workshop(recipe, lake, stages, "run", progress=look)
    due = [stage for stage in stages.values() if sql or not isinstance(stage, SqlStage)]
    reports = [bring_up_to_date(workshop, stage) for stage in due]
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
        assert run(recipe, lake, sql=False) == 0, "and SQL asks nobody"


def test_the_labels_that_ship_are_of_completions_that_their_recipe_makes(tmp_path: Path) -> None:
    recipe = trial_recipe(load_recipe(find_recipe("human_preferences")), 4)
    stages = recipe_stages(recipe)
    needed = ("seed_prompts", "rounds", "mutated_prompts", "completions", "human_labels")
    with Lake(Home.at(tmp_path)) as lake:
        for table in needed:
            bring_up_to_date(Workshop(recipe, lake, stages, "run"), stages[table])
        labels = lake.read(recipe.name, stages["human_labels"].table)
    # Of the ten that stand there, two are of the four prompts of the trial.
    known = labels.filter(pl.col("drop_reason").ne_missing("unknown_completion"))
    assert dict(known.select("label_line", "preferred").iter_rows()) == {1: "tie", 11: "a"}


@pytest.mark.parametrize("name", TO_COPY)
def test_a_recipe_to_copy_shows_the_same_with_real_models(name: str) -> None:
    text = find_recipe(name).read_text(encoding="utf-8").lower()
    assert [words for words in MODELS if words not in text] == []


@pytest.mark.full
@pytest.mark.parametrize("path", recipe_paths(), ids=lambda path: path.stem)
def test_each_commented_model_may_take_the_place_of_the_offline_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = path.read_text(encoding="utf-8")
    for key in set(re.findall(r"env:(\w+)", text)):
        monkeypatch.setenv(key, "a-key")
    for folder in path.parent.iterdir():  # a recipe's own files lie there
        if folder.is_dir():
            (tmp_path / folder.name).symlink_to(folder)
    for name, model in re.findall(r"^  # (\w+): (\{model: .*?\})", text, re.MULTILINE):
        declared = rf"^  {name}: \{{model: offline/.*?\}}"
        copy = tmp_path / path.name
        copy.write_text(re.sub(declared, f"  {name}: {model}", text, flags=re.MULTILINE))
        stops = what_stops_a_run(load_recipe(copy))
        assert [said for said in stops if said.startswith("models.")] == [], model


def test_every_recipe_that_ships_loads() -> None:
    for path in recipe_paths():
        assert load_recipe(path).name
