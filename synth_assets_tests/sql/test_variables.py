"""A recipe's thresholds as variables, and that the models use all of them and no other."""

from __future__ import annotations

from synth_assets.recipe import Recipe
from synth_assets.sql.variables import recipe_variables
from synth_assets_tests.sql.projects import VARIABLES, dbt_like_sql


def make_recipe(**datasets: object) -> Recipe:
    return Recipe.model_validate(
        {"name": "chat", "seeds": {"prompts": ["seeds.jsonl"]}, "datasets": datasets}
    )


def test_defaults_of_a_recipe_are_the_variables_of_the_models() -> None:
    assert recipe_variables(make_recipe()) == VARIABLES


def test_each_threshold_has_its_variable() -> None:
    recipe = make_recipe(
        sft={"min_rating": 4, "verified_only": True, "per_prompt": 2},
        dpo={"pairs": "verified", "binarisation": "best_vs_worst", "min_margin": 1},
    )
    assert recipe_variables(recipe) == {
        "sft_per_prompt": 2,
        "sft_verified_only": True,
        "sft_min_rating": 4.0,
        "dpo_pairs": "verified",
        "dpo_binarisation": "best_vs_worst",
        "dpo_min_margin": 1.0,
        "limits_self_training": 0.9,
    }


def test_the_models_use_every_variable_and_no_other() -> None:
    project = dbt_like_sql()
    used = {
        name
        for model in (*project.models.values(), *project.checks.values())
        for name in model.variables
    }
    assert used == set(recipe_variables(make_recipe()))
