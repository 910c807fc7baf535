"""What a round freezes when it opens: a recipe in, the parameters of generation out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth_assets.methods import evol_instruct, self_instruct
from synth_assets.recipe import Recipe, model_identity
from synth_assets.stages.stage import source_hash
from synth_assets.templates import load_template

METHODS = {"self_instruct": self_instruct, "evol_instruct": evol_instruct}


def template_names(recipe: Recipe, method: str) -> list[str]:
    """The templates that a method of this recipe uses."""
    if method == "self_instruct":
        return ["self_instruct/instructions"]
    parameters = recipe.prompts.evol_instruct
    operators = parameters.operators if parameters else ()
    return [*(f"evol_instruct/{operator}" for operator in operators), "evol_instruct/is_equal"]


def generation_parameters(recipe: Recipe) -> dict[str, Any]:
    """Methods with their parameters, templates and code, and the models that each uses.

    A later change of any of them holds from the next round.
    """
    frozen: dict[str, Any] = {}
    for method, module in METHODS.items():
        parameters = getattr(recipe.prompts, method)
        if parameters is None:
            continue
        frozen[method] = {
            "parameters": parameters.model_dump(mode="json"),
            "templates": {
                name: load_template(name).hash for name in template_names(recipe, method)
            },
            "code": source_hash((module,)),
            "models": {},
        }
        names = {parameters.teacher, getattr(parameters, "judge", parameters.teacher)}
        if method == "evol_instruct" and recipe.completions is not None:
            frozen[method]["completions"] = recipe.completions.model_dump(mode="json")
            names.add(recipe.completions.teachers[0])
        for name in sorted(names):
            identity = model_identity(recipe, name)
            identity.pop("name")
            frozen[method]["models"][name] = identity
    return frozen


def frozen_part(frozen: Mapping[str, Any], method: str) -> dict[str, Any]:
    """What decides one method's rows of a round, by name; empty where it has no part in it."""
    return dict(frozen.get(method, {}))


def frozen_models(frozen: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Name → identity of every model that the methods of a round were opened with."""
    models: dict[str, Mapping[str, Any]] = {}
    for method in METHODS:
        models |= frozen_part(frozen, method).get("models", {})
    return models
