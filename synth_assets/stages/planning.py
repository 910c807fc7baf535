"""What a run would ask and cost: a recipe and a lake in, a row for each table out. No call made.

The calls are an upper bound (see `synth_assets.stages.rehearsal`); tokens, and so money, are those
calls at the mean that the lake knows of the table, or at a guess before there is any.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from synth_assets.llm.prices import price_of
from synth_assets.recipe import Recipe
from synth_assets.schemas import CALLS
from synth_assets.stages.bystander import looking_at
from synth_assets.stages.rehearsal import Calls, rehearse
from synth_assets.stages.status import State, table_statuses
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

TOKENS_BEFORE_EXPERIENCE = {
    "self_instruct_prompts": (600, 300),
    "evolved_prompts": (250, 80),
    "completions": (120, 300),
    "ratings": (900, 200),
}
"""Input and output tokens a call, until the lake holds calls for the table to learn from."""


@dataclass(frozen=True)
class PlanRow:
    """What one table would ask. calls: at most. Tokens and cost: about; cost_usd is None where a
    price is not known."""

    table: str
    state: State
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    because: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def plan_recipe(recipe: Recipe, home: Home) -> list[PlanRow]:
    """A row for each table that asks models."""
    with looking_at(recipe, home) as workshop:
        statuses = table_statuses(workshop)
        calls = rehearse(workshop, statuses)
        experience = _experience(workshop.lake, recipe.name)
    rows: list[PlanRow] = []
    for table, asked in calls.items():
        status = statuses[table]
        inputs, outputs = experience.get(table) or TOKENS_BEFORE_EXPERIENCE[table]
        number = asked.total()
        rows.append(
            PlanRow(
                table=table,
                state=status.state,
                calls=number,
                input_tokens=math.ceil(number * inputs),
                output_tokens=math.ceil(number * outputs),
                cost_usd=_cost(recipe, asked, inputs, outputs),
                because="; ".join(status.causes),
            )
        )
    return rows


def _experience(lake: Lake, recipe: str) -> Mapping[str, tuple[float, float]]:
    """Table → mean input and output tokens of its calls so far."""
    if not lake.has(CALLS_SCHEMA, CALLS.name):
        return {}
    rows = lake.frame(
        "SELECT asked_for, avg(input_tokens), avg(output_tokens) "
        f"FROM {Lake.relation(CALLS_SCHEMA, CALLS.name)} WHERE starts_with(asked_for, ?) "
        "GROUP BY asked_for HAVING count(input_tokens) > 0 AND count(output_tokens) > 0",
        [f"{recipe}."],
    )
    return {
        name.removeprefix(f"{recipe}."): (inputs, outputs)
        for name, inputs, outputs in rows.iter_rows()
    }


def _cost(recipe: Recipe, asked: Calls, inputs: float, outputs: float) -> float | None:
    """Every model at its own price; None where one that would be asked has none that is known."""
    costs: list[float] = []
    for name, number in asked.items():
        if number == 0:
            continue
        model = recipe.models.get(name)  # a round may have been opened with another model
        price = price_of(model) if model else None
        cost = (
            price.cost_usd(math.ceil(number * inputs), math.ceil(number * outputs))
            if price
            else None
        )
        if cost is None:
            return None
        costs.append(cost)
    return sum(costs)
