"""A recipe in, the models whose answers its completions can hold out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from synth_assets.method import Lack
from synth_assets.recipe_errors import did_you_mean
from synth_assets.recipe_parts import marked
from synth_assets.yaml_file import Field as Place

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe


def answering_models(recipe: Recipe) -> frozenset[str]:
    """The teachers, the models of methods that make completions, and those of methods that write
    prompts, some of which come with an answer."""
    own = recipe.own_completions
    methods = recipe.methods("completions", "prompts")
    named = (name for _, parameters in methods for _, name in marked(parameters, "names a model"))
    return frozenset([*(own.teachers if own is not None else ()), *named])


def who_answer_nothing(named: Iterable[tuple[Place, str]], recipe: Recipe) -> Iterator[Lack]:
    """Of models that a method takes answers of, those that give none in this recipe."""
    answering = answering_models(recipe)
    for place, name in named:
        if name in recipe.models and name not in answering:
            yield (
                place,
                f"= {name!r}: this model answers nothing in this recipe"
                f"{did_you_mean(name, answering) or ';'} Answering are: "
                f"{', '.join(sorted(answering)) or 'none'}. Add it to completions.teachers",
            )
