"""Models of a recipe in, the keys they need out: the key itself for a transport, or what is
missing for people. No key ever stands in a recipe, a row or a message."""

from __future__ import annotations

import os

from synth_assets.llm import litellm_library
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import PROVIDERS_OF_OURS, Model


def api_key(model: Model) -> str | None:
    """The key of a model from the environment; None where it declares none."""
    if model.api_key is None:
        return None
    return os.environ.get(model.api_key.removeprefix("env:")) or None


def missing_credential(name: str, model: Model) -> str | None:
    """What is missing before ``model`` can be called, with the remedy; None where nothing is."""
    if model.api_key is not None:
        variable = model.api_key.removeprefix("env:")
        if api_key(model):
            return None
        return (
            f"models.{name}.api_key = {model.api_key!r}: the environment variable {variable} is "
            f"not set; set it to the key for {model.model}"
        )
    if model.provider in PROVIDERS_OF_OURS:
        return None
    missing = litellm_library.missing_variables(model.model, model.base_url)
    if not missing:
        return None
    return (
        f"models.{name}: {model.model} needs the environment variable {', '.join(missing)}; set "
        "it, or name another with api_key: env:NAME"
    )


def check_credentials(recipe: Recipe) -> list[str]:
    """One line for every model in use whose key is missing; empty where all are there."""
    in_use = sorted({name for _, name in recipe.model_uses()} & recipe.models.keys())
    found = [missing_credential(name, recipe.models[name]) for name in in_use]
    return [line for line in found if line]
