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
from synth_assets.methods.answered import with_text
from synth_assets.methods.answering_models import who_answer_nothing
from synth_assets.methods.pair_rows import pair_row
from synth_assets.methods.prompt_rows import kept
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import ModelName, Part
from synth_assets.schemas import PAIR_COLUMNS, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "delta"
SCHEMA = TableSchema("delta_pairs", "pair_candidate_id", "", PAIR_COLUMNS)


class Delta(Part):
    """larger, smaller: teachers of the recipe, whose completions are chosen and rejected."""

    larger: ModelName
    smaller: ModelName

    @model_validator(mode="after")
    def _are_two(self) -> Delta:
        if self.larger == self.smaller:
            raise ValueError(f"larger and smaller are both {self.larger!r}; name two models")
        return self


def _requires(parameters: Delta, recipe: Recipe) -> Iterator[Lack]:
    sides = [(("larger",), parameters.larger), (("smaller",), parameters.smaller)]
    yield from who_answer_nothing(sides, recipe)


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
    """One pair for each draw that both models answered: draw n of the one with n of the other.

    A cut answer is a pair's side too, but never the chosen one.
    """
    prompts = kept(material.frame("mutated_prompts")).select("prompt_id", "round")
    completions = with_text(material.frame("completions"))
    sides = completions.select(
        "prompt_id", "sample_index", "teacher", "completion_id", "text_hash", "status", "call_id"
    )
    larger = sides.filter(pl.col("teacher") == parameters.larger)
    smaller = sides.filter(pl.col("teacher") == parameters.smaller)
    draw = ["prompt_id", "sample_index"]
    both = larger.join(smaller, on=draw, suffix="_smaller").join(prompts, on="prompt_id")
    rows = [_row(pair) for pair in both.iter_rows(named=True)]
    rows.sort(key=lambda row: str(row["pair_candidate_id"]))
    counts = Counter(f"pairs_{row['drop_reason'] or 'kept'}" for row in rows)
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _row(pair: dict[str, object]) -> dict[str, object]:
    if pair["text_hash"] == pair["text_hash_smaller"]:
        reason = "same_text"
    else:
        reason = "chosen_is_cut" if pair["status"] == "cut" else None
    return pair_row(
        METHOD,
        chosen=pair["completion_id"],
        rejected=pair["completion_id_smaller"],
        prompt_id=pair["prompt_id"],
        round=pair["round"],
        call_ids=[call for call in (pair["call_id"], pair["call_id_smaller"]) if call],
        drop_reason=reason,
    )
