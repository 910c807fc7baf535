"""A recipe's thresholds as variables, and that the models use all of them and no other."""

from __future__ import annotations

import pytest

from synth_assets.recipe import Recipe
from synth_assets.sql.variables import recipe_variables
from synth_assets_tests.sql.projects import VARIABLES, dbt_like_sql


def make_recipe(pairs: dict[str, object] | None = None, **datasets: object) -> Recipe:
    parts = {"pairs": pairs or {}, "datasets": datasets}
    return Recipe.model_validate({"name": "chat", "seeds": {"prompts": ["seeds.jsonl"]}, **parts})


def test_defaults_of_a_recipe_are_the_variables_of_the_models() -> None:
    assert recipe_variables(make_recipe()) == VARIABLES


def test_each_threshold_has_its_variable() -> None:
    recipe = make_recipe(
        sft={"min_rating": 4, "verified_only": True, "per_prompt": 2, "keep_human": True},
        dpo={
            "pairs": "verified",
            "binarisation": "best_vs_worst",
            "min_margin": 1,
            "per_prompt": 3,
        },
    )
    assert recipe_variables(recipe) == {
        "sft_per_prompt": 2,
        "sft_verified_only": True,
        "sft_min_rating": 4.0,
        "sft_keep_human": True,
        "dpo_pairs": "verified",
        "dpo_binarisation": "best_vs_worst",
        "dpo_min_margin": 1.0,
        "dpo_per_prompt": 3,
        "human_preferences": False,
        "human_margin_below": 0.5,
        "limits_self_training": 0.9,
    }


@pytest.mark.parametrize(
    ("pairs", "dpo", "expected"),
    [
        ({}, {"pairs": "rated"}, 1),
        ({}, {"pairs": "rated", "binarisation": "margin"}, None),
        ({}, {"pairs": "rated", "binarisation": "margin", "per_prompt": 4}, 4),
        ({}, {"pairs": "verified"}, 1),
        ({"delta": {"larger": "a", "smaller": "b"}}, {"pairs": "delta"}, 1),
        ({"pairwise": {"judges": ["a"], "pairs_per_prompt": 3}}, {"pairs": "pairwise"}, 3),
        ({"pairwise": {"judges": ["a"], "pairs_per_prompt": 3}}, {"pairs": "rated"}, 1),
        (
            {"pairwise": {"judges": ["a"], "pairs_per_prompt": 3}},
            {"pairs": "pairwise", "per_prompt": 2},
            2,
        ),
        (
            {"constitutional_preference": {"judge": "a", "pairs_per_prompt": 2}},
            {"pairs": "constitutional_preference"},
            2,
        ),
    ],
)
def test_as_many_pairs_of_a_prompt_as_the_recipe_or_its_method_asks_for(
    pairs: dict[str, object], dpo: dict[str, object], expected: int | None
) -> None:
    assert recipe_variables(make_recipe(pairs, dpo=dpo))["dpo_per_prompt"] == expected


def test_the_models_use_every_variable_and_no_other() -> None:
    project = dbt_like_sql()
    used = {
        name
        for model in (*project.models.values(), *project.checks.values())
        for name in model.variables
    }
    assert used == set(recipe_variables(make_recipe()))
