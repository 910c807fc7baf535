"""A recipe in, the variables of the SQL models out."""

from __future__ import annotations

from typing import Any

from synth_assets.methods.human_preferences import HumanPreferences
from synth_assets.recipe import Datasets, Limits, Recipe


def recipe_variables(recipe: Recipe) -> dict[str, Any]:
    """Values of var(): the recipe's thresholds, each under the name of its part."""
    labels: HumanPreferences | None = recipe.parameters_of("human_preferences")
    return _variables(recipe.datasets, recipe.limits, _pairs_of_a_prompt(recipe), labels)


def default_variables() -> dict[str, Any]:
    """Values of var() in a recipe that sets none."""
    return _variables(Datasets(), Limits(), 1, None)


def _pairs_of_a_prompt(recipe: Recipe) -> int | None:
    """How many pairs of one prompt `dpo_set` takes; None for all of them."""
    dpo = recipe.datasets.dpo
    if dpo.per_prompt is not None:
        return dpo.per_prompt
    if dpo.pairs == "rated":
        return None if dpo.binarisation == "margin" else 1
    for method, parameters in recipe.methods("pairs"):
        if method.name == dpo.pairs and method.pairs_of_a_prompt is not None:
            return method.pairs_of_a_prompt(parameters)
    return 1


def _variables(
    datasets: Datasets, limits: Limits, pairs: int | None, labels: HumanPreferences | None
) -> dict[str, Any]:
    sft, dpo = datasets.sft, datasets.dpo
    return {
        "sft_per_prompt": sft.per_prompt,
        "sft_verified_only": sft.verified_only,
        "sft_min_rating": sft.min_rating,
        "sft_keep_human": sft.keep_human,
        "dpo_pairs": dpo.pairs,
        "dpo_binarisation": dpo.binarisation,
        "dpo_min_margin": dpo.min_margin,
        "dpo_per_prompt": pairs,
        "human_preferences": labels is not None,
        "human_margin_below": (labels or HumanPreferences()).margin_below,
        "limits_self_training": limits.self_training,
    }
