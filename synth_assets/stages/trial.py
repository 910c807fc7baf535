"""A trial: a recipe and a limit in, a smaller recipe under a name of its own out."""

from __future__ import annotations

from typing import Any

from synth_assets.recipe import Recipe


def trial_recipe(recipe: Recipe, limit: int) -> Recipe:
    """The same recipe with at most ``limit`` seed prompts, and as many candidates a method.

    It is another dataset, so it lies beside the real one as ``<name>_trial``; what it asks is
    asked the same way, so the real run finds those replies known.
    """
    prompts: dict[str, Any] = {
        method.name: parameters.model_copy(update={"per_round": min(parameters.per_round, limit)})
        for method, parameters in recipe.methods("prompts")
        if hasattr(parameters, "per_round")
    }
    trial = recipe.model_copy(
        update={
            "name": f"{recipe.name}_trial",
            "seeds": recipe.seeds.model_copy(
                update={"limit": min(recipe.seeds.limit or limit, limit)}
            ),
            "prompts": recipe.prompts.model_copy(update=prompts),
        }
    )
    trial._path = recipe.path
    return trial
