"""Completions with what `behaviour_probes` found of them in, those without the behaviour dropped.

A teacher that was told of a behaviour forgets it now and then: such a row would teach the student
to forget it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from synth_assets.identity import content_id
from synth_assets.method import Lack, Material, method
from synth_assets.methods.answered import answered_prompts
from synth_assets.methods.behaviour_probes import SCHEMA as PROBES
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import Part
from synth_assets.schemas import FILTER_COLUMNS, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "shows_behaviour"
SCHEMA = TableSchema("behaviour_filter", "filter_id", "", FILTER_COLUMNS)


class ShowsBehaviour(Part):
    """Needs judgments.behaviour_probes, of all prompts."""


def _requires(parameters: ShowsBehaviour, recipe: Recipe) -> Iterator[Lack]:
    probes = recipe.parameters_of("behaviour_probes")
    if probes is not None and probes.of != "all":
        yield (
            (),
            f"judgments.behaviour_probes.of = {probes.of!r}: nothing of the training side is "
            "judged, so all of it would be dropped; write of: all",
        )


@method(
    METHOD,
    kind="filters",
    table=SCHEMA.name,
    description="Completions that do not show the behaviour that the recipe teaches are dropped.",
    parameters=ShowsBehaviour,
    reads=("mutated_prompts", "completions", PROBES.name),
    requires=_requires,
)
def drop_without_behaviour(material: Material, parameters: ShowsBehaviour) -> MethodResult:
    """One row for each completion with a text of a kept prompt."""
    found = {row["completion_id"]: row for row in material.frame(PROBES.name).to_dicts()}
    prompts, completions = material.frame("mutated_prompts"), material.frame("completions")
    rows: list[dict[str, object]] = []
    for each in answered_prompts(prompts, completions):
        for completion_id, _ in each.completions:
            probe = found.get(completion_id) or {}
            shows = probe.get("rating")
            reason = "behaviour_unknown" if shows is None else "behaviour_missing"
            calls = [*probe.get("earlier_call_ids", ()), probe.get("call_id")]
            rows.append(
                {
                    "filter_id": content_id("filter", METHOD, completion_id),
                    "completion_id": completion_id,
                    "prompt_id": each.prompt_id,
                    "round": each.round,
                    "filter": METHOD,
                    "score": shows,
                    "status": probe.get("status", "not_judged"),
                    "holds_for": "sft",
                    "call_ids": [call for call in calls if call],
                    "drop_reason": None if shows == 1 else reason,
                }
            )
    rows.sort(key=lambda row: str(row["filter_id"]))
    counts = Counter(f"behaviour_{row['drop_reason'] or 'kept'}" for row in rows)
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))
