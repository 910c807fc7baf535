from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from synth_assets.console.summary import print_summary, summarise
from synth_assets.graph.runs import RunOutcome
from synth_assets.llm.call_stats import CallStats
from synth_assets.recipe import Recipe
from synth_assets.stages.trial import trial_recipe
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.console.terminal import shown
from synth_assets_tests.recipes import write_recipe


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a lake in which nothing lies."""
    made = Home.at(tmp_path / "home")
    with Lake(made) as lake:
        assert lake.connection
    return made


def printed(recipe: Recipe, home: Home, outcome: RunOutcome, **changed: Any) -> str:
    summary = {**summarise(recipe, home, outcome), **changed}

    def show(console: Console) -> None:
        print_summary(console, recipe, home, summary)

    return shown(show)


def outcome(exit_code: int = 0, **changed: Any) -> RunOutcome:
    return RunOutcome("run-1", exit_code, 1.234, **changed)


def test_a_run_that_made_nothing_still_has_every_key(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    found = summarise(recipe, Home.at(tmp_path / "none"), outcome(1, errors=["x", "x"]))
    assert found["errors"][0] == "x" and "there is no lake" in found["errors"][1]
    assert {**found, "errors": None} == {
        "recipe": "tiny",
        "round": None,
        "status": "failed",
        "run_id": "run-1",
        "calls_made": 0,
        "calls_cached": 0,
        "cost_usd": 0.0,
        "calls_without_price": 0,
        "seconds": 1.23,
        "rows": {},
        "exports": [],
        "errors": None,
    }


def test_calls_without_a_price_are_not_counted_as_free(tmp_path: Path, home: Home) -> None:
    stats = CallStats(made=1_200, cached=3, cost_usd=0.25, calls_without_price=40)
    text = printed(write_recipe(tmp_path), home, outcome(stats=stats))
    assert "1,200 calls made, 3 reused, 0.2500 USD and 40 calls of unknown price, 1.2 s, done" in (
        " ".join(text.split())
    )


def test_rows_dropped_are_told_by_reason(tmp_path: Path, home: Home) -> None:
    rows = {"self_instruct_prompts": {"kept": 1_000, "dropped": {"not_novel": 20, "keyword": 3}}}
    text = printed(write_recipe(tmp_path), home, outcome(), rows=rows)
    (line,) = [line for line in text.splitlines() if "self_instruct_prompts" in line]
    assert line.split() == [
        "self_instruct_prompts",
        "1,000",
        "23",
        *["not_novel", "20,", "keyword", "3"],
    ]


def test_a_failed_run_gives_no_advice_to_go_on(tmp_path: Path, home: Home) -> None:
    text = printed(write_recipe(tmp_path), home, outcome(1))
    assert text.strip() == "0 calls made, 0 reused, 0.00 USD, 1.2 s, failed"


def test_a_recipe_outside_of_the_project_is_named_by_its_path(tmp_path: Path, home: Home) -> None:
    recipe = write_recipe(tmp_path / "else [x]where")
    text = printed(recipe, home, outcome(), exports=["/there/[b]/tiny"])
    assert f"synth-assets status {recipe.path} tells what is out of date" in text
    assert "Exports: /there/[b]/tiny" in text


def test_a_trial_names_the_real_run(tmp_path: Path, home: Home) -> None:
    trial = trial_recipe(write_recipe(tmp_path), 1)
    text = printed(trial, home, outcome())
    assert f"Next: synth-assets run {trial.path} makes the whole" in text
    assert "--round new" not in text
