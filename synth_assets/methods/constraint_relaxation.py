"""Completions in, pairs that differ in one kept constraint out (methods.md 12).

Chosen answers the prompt as it stands; rejected answers it with one constraint taken away, and so
does not know of it. No judge is asked: that the rejected one breaks the constraint is likely, and
not proved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from synth_assets.method import Lack, Material, method
from synth_assets.methods.answering_models import who_answer_nothing
from synth_assets.methods.pair_rows import SIDE, may_be_chosen, sides_row
from synth_assets.methods.prompt_rows import kept
from synth_assets.methods.relaxed_constraints import SCHEMA as RELAXED
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import ModelName, Part
from synth_assets.schemas import PAIR_COLUMNS, Column, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "constraint_relaxation"
OWN_COLUMNS = (
    Column("relaxed_constraint", pl.String, "The constraint that the rejected side did not know"),
)
SCHEMA = TableSchema("constraint_pairs", "pair_candidate_id", "", (*PAIR_COLUMNS, *OWN_COLUMNS))


class ConstraintRelaxation(Part):
    """Needs completions.relaxed_constraints.

    chosen_by: teachers whose answers may be chosen; null for any. The same teacher on both sides
    leaves the constraint as the only difference.
    """

    chosen_by: tuple[ModelName, ...] | None = None


def _requires(parameters: ConstraintRelaxation, recipe: Recipe) -> Iterator[Lack]:
    named = enumerate(parameters.chosen_by or ())
    yield from who_answer_nothing(((("chosen_by", n), name) for n, name in named), recipe)


@method(
    METHOD,
    kind="pairs",
    table=SCHEMA.name,
    description="Chosen answers the prompt, rejected answers it with one constraint taken away.",
    parameters=ConstraintRelaxation,
    reads=("mutated_prompts", "completions", RELAXED.name),
    columns=OWN_COLUMNS,
    requires=_requires,
)
def pair_relaxed(material: Material, parameters: ConstraintRelaxation) -> MethodResult:
    """One row for each relaxed answer whose prompt a teacher was asked whole. Of several answers to
    the prompt a whole one comes first, then the first draw of the same teacher, then the smallest
    id. Where a side is not whole, or both are the same, the row is dropped by that name."""
    prompts = kept(material.frame("mutated_prompts")).select("prompt_id", "round")
    answers = may_be_chosen(material.frame("completions"))
    if parameters.chosen_by is not None:
        answers = answers.filter(pl.col("teacher").is_in(list(parameters.chosen_by)))
    relaxed = material.frame(RELAXED.name).select(
        "prompt_id", "completion_id", "teacher", "relaxed_constraint", side=pl.struct(SIDE)
    )
    chosen = answers.select(
        "prompt_id", "completion_id", "teacher", "sample_index", "status", side=pl.struct(SIDE)
    )
    both = (
        relaxed.join(prompts, on="prompt_id")
        .join(chosen, on="prompt_id", suffix="_chosen")
        .sort(
            "completion_id",
            pl.col("status") != "ok",
            pl.col("teacher") != pl.col("teacher_chosen"),
            "sample_index",
            "completion_id_chosen",
        )
        .unique("completion_id", keep="first", maintain_order=True)
    )
    rows = [
        sides_row(
            METHOD, pair, "side_chosen", "side", relaxed_constraint=pair["relaxed_constraint"]
        )
        for pair in both.iter_rows(named=True)
    ]
    rows.sort(key=lambda row: str(row["pair_candidate_id"]))
    counts = Counter(f"pairs_{row['drop_reason'] or 'kept'}" for row in rows)
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))
