"""What a round freezes when it opens: a recipe in, the parameters of generation out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth_assets.method import methods_of
from synth_assets.recipe import Recipe, model_identity
from synth_assets.recipe_parts import marked
from synth_assets.stages.stage import source_hash


def generation_parameters(recipe: Recipe) -> dict[str, Any]:
    """Methods with their parameters, templates and code, and the models that each uses.

    A later change of any of them holds from the next round.
    """
    frozen: dict[str, Any] = {}
    for method, parameters in recipe.methods("prompts"):
        own = recipe.own_completions
        frozen[method.name] = {
            "parameters": parameters.model_dump(mode="json"),
            "templates": {
                template.name: template.hash
                for template in method.templates(parameters, recipe.resolve)
            },
            "code": source_hash((method.module,)),
            "models": {},
        }
        names = {name for _, name in marked(parameters, "names a model")}
        if method.needs_teacher and own is not None:
            frozen[method.name]["completions"] = own.model_dump(mode="json")
            names.update(own.teachers if own.pool else own.teachers[:1])
        for name in sorted(names):
            identity = model_identity(recipe, name)
            identity.pop("name")
            frozen[method.name]["models"][name] = identity
    return frozen


def frozen_part(frozen: Mapping[str, Any], method: str) -> dict[str, Any]:
    """What decides one method's rows of a round, by name; empty where it has no part in it."""
    return dict(frozen.get(method, {}))


def frozen_models(frozen: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name → identity of every model that the methods of a round were opened with."""
    models: dict[str, Mapping[str, Any]] = {}
    for method in methods_of("prompts"):
        models |= frozen_part(frozen, method.name).get("models", {})
    return models
