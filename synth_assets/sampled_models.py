"""A recipe in, which models are asked with which of its samplings out.

A field ``judge_sampling`` is for the model in ``judge``; a sampling of another name is for the
``teacher`` where there is one, else for every model of its part that has none of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from synth_assets.recipe_parts import Sampling, marked
from synth_assets.yaml_file import Field

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

ENDING = "_sampling"


@dataclass(frozen=True)
class Sampled:
    """place: the sampling's own in the recipe. models: the recipe's names of those asked so."""

    place: Field
    sampling: Sampling
    models: tuple[str, ...]


def sampled_models(recipe: Recipe) -> Iterator[Sampled]:
    """Every sampling of the recipe. Known limit: requests whose sampling a method fixes itself
    stand in no recipe."""
    if recipe.own_completions is not None:
        yield from _of_part(recipe.own_completions, ("completions",))
    for method, parameters in recipe.methods():
        yield from _of_part(parameters, (method.kind, method.name))


def _of_part(part: BaseModel, place: Field) -> Iterator[Sampled]:
    models: dict[str, list[str]] = {}
    for (field, *_), name in marked(part, "names a model"):
        models.setdefault(str(field), []).append(name)
    samplings = {
        name: value
        for name in type(part).model_fields
        if isinstance(value := getattr(part, name), Sampling)
    }
    own = {name: name.removesuffix(ENDING) for name in samplings if name.endswith(ENDING)}
    others = [field for field in models if field not in own.values()]
    for name, sampling in samplings.items():
        fields = [own[name]] if name in own else ["teacher"] if "teacher" in others else others
        asked = dict.fromkeys(model for field in fields for model in models.get(field, ()))
        yield Sampled((*place, name), sampling, tuple(asked))
