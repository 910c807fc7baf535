"""A recipe in, the variables of the SQL models out."""

from __future__ import annotations

from typing import Any

from synth_assets.recipe import Datasets, Limits, Recipe


def recipe_variables(recipe: Recipe) -> dict[str, Any]:
    """Values of var(): the recipe's thresholds, each under the name of its part."""
    return _variables(recipe.datasets, recipe.limits)


def default_variables() -> dict[str, Any]:
    """Values of var() in a recipe that sets none."""
    return _variables(Datasets(), Limits())


def _variables(datasets: Datasets, limits: Limits) -> dict[str, Any]:
    sft, dpo = datasets.sft, datasets.dpo
    return {
        "sft_per_prompt": sft.per_prompt,
        "sft_verified_only": sft.verified_only,
        "sft_min_rating": sft.min_rating,
        "dpo_pairs": dpo.pairs,
        "dpo_binarisation": dpo.binarisation,
        "dpo_min_margin": dpo.min_margin,
        "limits_self_training": limits.self_training,
    }
