"""Completions of two models in, preference pairs that no judge has seen out (Geng et al. 2025,
"The Delta Learning Hypothesis").

Chosen is from the larger model, rejected from the smaller. Only the difference between the two
teaches: published, such pairs reach 63.4 where judged ones reach 63.0. A baseline for judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl
from pydantic import model_validator

from synth_assets.method import Lack, Material, method
from synth_assets.methods.pair_rows import SIDE, may_be_chosen, sides_row
from synth_assets.methods.prompt_rows import kept
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_errors import did_you_mean
from synth_assets.recipe_parts import ModelName, Part
from synth_assets.schemas import PAIR_COLUMNS, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "delta"
SCHEMA = TableSchema("delta_pairs", "pair_candidate_id", "", PAIR_COLUMNS)


class Delta(Part):
    """larger, smaller: teachers of the recipe, whose completions are chosen and rejected, those
    for pairs only (``completions.are_for_pairs_only``) too."""

    larger: ModelName
    smaller: ModelName

    @model_validator(mode="after")
    def _are_two(self) -> Delta:
        if self.larger == self.smaller:
            raise ValueError(f"larger and smaller are both {self.larger!r}; name two models")
        return self


def _requires(parameters: Delta, recipe: Recipe) -> Iterator[Lack]:
    answers = recipe.own_completions
    if answers is None:
        return
    for side, name in (("larger", parameters.larger), ("smaller", parameters.smaller)):
        if name in recipe.models and name not in answers.teachers:
            yield (
                (side,),
                f"= {name!r}: is no teacher of this recipe"
                f"{did_you_mean(name, answers.teachers) or ';'} Teachers are: "
                f"{', '.join(answers.teachers) or 'none'}. Add it to completions.teachers",
            )
    if answers.pool == 1:
        yield (
            (),
            "completions.pool = 1: no prompt would be answered by both models; raise it to 2, or "
            "leave it out",
        )


@method(
    METHOD,
    kind="pairs",
    table=SCHEMA.name,
    description="Chosen from the larger teacher, rejected from the smaller, without a judge (Geng "
    "et al. 2025).",
    parameters=Delta,
    requires=_requires,
)
def pair_by_size(material: Material, parameters: Delta) -> MethodResult:
    """One row for each draw that both models were asked for: draw n of the one with n of the
    other. Where a side is not whole, or both are the same, the row is dropped by that name."""
    prompts = kept(material.frame("mutated_prompts")).select("prompt_id", "round")
    completions = may_be_chosen(material.frame("completions"))
    sides = completions.select("prompt_id", "sample_index", "teacher", side=pl.struct(SIDE))
    larger = sides.filter(pl.col("teacher") == parameters.larger)
    smaller = sides.filter(pl.col("teacher") == parameters.smaller)
    draw = ["prompt_id", "sample_index"]
    both = larger.join(smaller, on=draw, suffix="_smaller").join(prompts, on="prompt_id")
    rows = [sides_row(METHOD, pair, "side", "side_smaller") for pair in both.iter_rows(named=True)]
    rows.sort(key=lambda row: str(row["pair_candidate_id"]))
    counts = Counter(f"pairs_{row['drop_reason'] or 'kept'}" for row in rows)
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))
