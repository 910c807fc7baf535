"""A recipe that does not load stands as one asset, and the others load beside it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from synth_assets.graph.recipe_graph import project_definitions
from synth_assets_tests.recipes import NO_ANSWERS, write_recipe


@pytest.fixture
def recipes(tmp_path: Path) -> list[Path]:
    write_recipe(tmp_path, **NO_ANSWERS)
    (tmp_path / "broken.yaml").write_text("name: broken\nseeds: {prompt: [seeds.jsonl]}\n")
    return [tmp_path / "broken.yaml", tmp_path / "tiny.yaml"]


def keys(definitions: dg.Definitions) -> set[str]:
    graph = definitions.resolve_asset_graph()
    return {key.to_user_string() for key in graph.get_all_asset_keys()}


def test_a_broken_recipe_is_one_asset_that_says_what_to_mend(recipes: list[Path]):
    definitions = project_definitions(recipes)
    assert "broken/recipe_error" in keys(definitions)
    assert {"tiny/rounds", "tiny/mutated_prompts"} < keys(definitions)
    asset = definitions.resolve_assets_def(dg.AssetKey(["broken", "recipe_error"]))
    (spec,) = asset.specs
    assert spec.group_name == "broken_0_error"
    assert "did you mean 'prompts'?" in (spec.description or "")


def test_making_the_asset_of_a_broken_recipe_fails_with_the_message(recipes: list[Path]):
    asset = project_definitions(recipes).resolve_assets_def(dg.AssetKey(["broken", "recipe_error"]))
    result = dg.materialize([asset], raise_on_error=False)
    failure = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert failure is not None
    assert "did you mean 'prompts'?" in (failure.description or "")


def test_of_two_recipes_with_one_name_the_second_is_refused(tmp_path: Path):
    write_recipe(tmp_path, **NO_ANSWERS)
    write_recipe(tmp_path, "twin.yaml", **NO_ANSWERS)
    definitions = project_definitions([tmp_path / "tiny.yaml", tmp_path / "twin.yaml"])
    asset = definitions.resolve_assets_def(dg.AssetKey(["twin", "recipe_error"]))
    (spec,) = asset.specs
    assert f"'tiny' is the name of {tmp_path / 'tiny.yaml'} too" in (spec.description or "")
    assert "tiny/rounds" in keys(definitions)


def test_a_broken_sql_model_breaks_only_what_rests_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "dbt_like_sql" / "marts").mkdir(parents=True)
    (tmp_path / "dbt_like_sql" / "sources.yml").write_text("sources: [completions]\n")
    (tmp_path / "dbt_like_sql" / "marts" / "sft_set.sql").write_text("select 1 as")
    monkeypatch.setenv("SYNTH_PROJECT", str(tmp_path))
    write_recipe(tmp_path)
    write_recipe(tmp_path, "prompts.yaml", name="prompts", **NO_ANSWERS)
    found = keys(project_definitions([tmp_path / "prompts.yaml", tmp_path / "tiny.yaml"]))
    assert {"tiny/recipe_error", "prompts/rounds"} <= found
