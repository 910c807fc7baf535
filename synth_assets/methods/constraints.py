"""Completions and the constraints of their prompts in, which of them each completion breaks out.

The prompts of `personas` state constraints that plain code can check (Zhou et al. 2023, IFEval;
Tülu 3, Lambert et al. 2024, section 4.2). A completion that breaks one is dropped by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from synth_assets.identity import content_id
from synth_assets.method import Lack, Material, Rule, method
from synth_assets.methods.personas import CONSTRAINED
from synth_assets.methods.personas import TABLE as PERSONA_PROMPTS
from synth_assets.methods.result import MethodResult
from synth_assets.quality.verifiable_constraints import KINDS, Constraint, constraints_from_json
from synth_assets.recipe_parts import Part
from synth_assets.schemas import FILTER_COLUMNS, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "constraints"


class Constraints(Part):
    """Drops completions that break a constraint of their prompt (methods.md 4).

    holds_for: ``sft`` keeps such a completion out of the SFT set alone, so that it may be the
    worse side of a pair; ``all`` keeps it out of pairs too.
    """

    holds_for: Literal["sft", "all"] = "sft"


SCHEMA = TableSchema("constraint_checks", "filter_id", "", FILTER_COLUMNS)


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    for name in KINDS:
        yield f"breaks_{name}", parameters.get("holds_for"), row.get("score")


def _requires(parameters: Constraints, recipe: Recipe) -> Iterator[Lack]:
    personas = recipe.parameters_of("personas")
    if personas is not None and CONSTRAINED not in personas.skills:
        yield (
            (),
            f"prompts.personas.skills = {list(personas.skills)}: only prompts of {CONSTRAINED} "
            "state constraints, so nothing would be checked; add it to the skills",
        )


@method(
    METHOD,
    kind="filters",
    table=SCHEMA.name,
    description="Whether each completion keeps the constraints that its prompt states and code can "
    "check (Zhou et al. 2023).",
    parameters=Constraints,
    reads=("completions", PERSONA_PROMPTS),
    rules=_rules,
    requires=_requires,
    asks=False,
)
def check_constraints(material: Material, parameters: Constraints) -> MethodResult:
    """One row per completion and constraint of its prompt: score 1 where it is kept, 0 where it is
    broken, null with the completion's status where there is no text to check."""
    constrained = _constraints(material.frame(PERSONA_PROMPTS))
    completions = material.frame("completions").filter(pl.col("prompt_id").is_in(list(constrained)))
    rows = [
        _row(completion, place, constraint, parameters)
        for completion in completions.sort("completion_id").iter_rows(named=True)
        for place, constraint in enumerate(constrained[completion["prompt_id"]])
    ]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows))


def _constraints(prompts: pl.DataFrame) -> dict[str, list[Constraint]]:
    stated = prompts.filter(pl.col("constraints").is_not_null())
    return {
        prompt_id: constraints_from_json(text)
        for prompt_id, text in stated.select("prompt_id", "constraints").iter_rows()
    }


def _row(
    completion: Mapping[str, Any], place: int, constraint: Constraint, parameters: Constraints
) -> dict[str, object]:
    text = completion["text"]
    is_kept = None if text is None else constraint.is_kept(text)
    return {
        "filter_id": content_id("filter", METHOD, completion["completion_id"], place),
        "completion_id": completion["completion_id"],
        "prompt_id": completion["prompt_id"],
        "round": completion["round"],
        "filter": f"{METHOD}:{constraint.name}",
        "score": None if is_kept is None else float(is_kept),
        "status": "ok" if text is not None else completion["status"],
        "holds_for": parameters.holds_for,
        "call_ids": [],
        "drop_reason": f"breaks_{constraint.name}" if is_kept is False else None,
    }
