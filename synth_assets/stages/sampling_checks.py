"""A recipe in, what of its samplings its models do not take out. Asks litellm; no call made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from synth_assets.errors import CallError
from synth_assets.llm.taken import EFFORT, taken
from synth_assets.llm.transports.litellm_plan import ROUTES
from synth_assets.recipe import Recipe
from synth_assets.recipe_errors import field_path
from synth_assets.recipe_model import PROVIDERS_OF_OURS
from synth_assets.sampled_models import sampled_models

Found = tuple[Literal["warning", "error"], str]


def what_models_do_not_take(recipe: Recipe, names: list[str]) -> Iterator[Found]:
    """Of the models named: warnings for what is left out in silence, errors for what makes every
    call fail, or the choice of a person void."""
    for name in names:
        model = recipe.models[name]
        if model.provider in PROVIDERS_OF_OURS:
            continue
        if model.extra_body and model.provider not in ROUTES:
            yield (
                "warning",
                f"models.{name}.extra_body: {model.provider}/… is reached by litellm's own way, "
                "which may leave out parts of it; look at what arrives",
            )
        yield from _of_model(recipe, name)


def _of_model(recipe: Recipe, name: str) -> Iterator[Found]:
    model = recipe.models[name]
    left_out: dict[str, list[str]] = {}
    errors: dict[str, None] = {}
    for place, sampling in _samplings(recipe, name):
        try:
            found = taken(model, sampling)
        except CallError as error:
            errors[f"models.{name}: {error}"] = None
            continue
        except Exception as error:  # litellm meets what it does not know with whatever it runs into
            unknown = f"({type(error).__name__}: {error})"
            yield "warning", f"models.{name}: what litellm sends of {place} is not known {unknown}"
            continue
        own = f"{place}.{EFFORT}" if EFFORT in sampling else f"models.{name}.{EFFORT}"
        effort = sampling.get(EFFORT, model.reasoning_effort)
        for each in found.left_out:
            if each == EFFORT:
                errors[
                    f"{own} = {effort!r}: {model.model} does not take it; leave it out, or take "
                    "another model"
                ] = None
            else:
                left_out.setdefault(place, []).append(each)
        most = sampling.get("max_tokens")
        if found.thinking_tokens and most is not None and most <= found.thinking_tokens:
            errors[
                f"{place}.max_tokens = {most}: {model.model} thinks with {found.thinking_tokens:,} "
                f"of them at {own} = {effort!r}, so none is left to answer; raise it"
            ] = None
    for message in errors:
        yield "error", message
    if left_out:
        shown = "; ".join(f"{place}: {', '.join(names)}" for place, names in left_out.items())
        yield (
            "warning",
            f"models.{name}: not sent to {model.model}, which does not take them as it is asked: "
            f"{shown}; write null for them, or take another model",
        )


def _samplings(recipe: Recipe, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, what is given) of each sampling that the model is asked with; where the recipe has
    none, what the model is always asked with."""
    found = False
    for each in sampled_models(recipe):
        if name in each.models:
            found = True
            yield field_path(each.place), each.sampling.given()
    if not found:
        yield f"models.{name}", {}
