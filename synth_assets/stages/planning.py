"""What a run would ask and cost: a recipe and a lake in, a row for each table out. No call made.

The calls have a lower and an upper bound, and a likely number between (see
`synth_assets.stages.rehearsal`); tokens, money and seconds are a forecast with an interval (see
`synth_assets.stages.forecast`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from synth_assets.llm.prices import FREE_PROVIDERS, price_of
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model
from synth_assets.schemas import CALLS
from synth_assets.stages.bystander import looking_at
from synth_assets.stages.forecast import (
    Experience,
    Experiences,
    Forecast,
    Range,
    Sample,
    experience_of,
    forecast,
    kept_to_limits,
    line_through,
    slowest,
)
from synth_assets.stages.rehearsal import AskedOf, rehearse
from synth_assets.stages.status import State, table_statuses
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake


@dataclass(frozen=True)
class PlanRow:
    """What one table would ask. calls: at least those of requests that are known by now, and at
    most those that may follow from their replies, a correction of each that is out of form among
    them; calls_likely: if those go as earlier ones did, where the method tells what hangs on them,
    else all but the corrections. Tokens, cost_usd and seconds: a forecast
    for the likely calls, whose ends are those of the calls at least and at most. cost_usd is None
    where a price is not known."""

    table: str
    state: State
    calls_at_least: int
    calls: int
    calls_likely: int
    input_tokens: Range
    output_tokens: Range
    cost_usd: Range | None
    seconds: Range
    because: str

    def as_json(self) -> dict[str, Any]:
        """The likely numbers, and beside them ``interval``: name → low and high."""
        ranges = {name: value for name, value in vars(self).items() if isinstance(value, Range)}
        return {
            **vars(self),
            **{name: value.likely for name, value in ranges.items()},
            "interval": {name: [value.low, value.high] for name, value in ranges.items()},
        }


def plan_recipe(recipe: Recipe, home: Home) -> list[PlanRow]:
    """A row for each table that asks models."""
    with looking_at(recipe, home) as workshop:
        statuses = table_statuses(workshop)
        calls = rehearse(workshop, statuses)
        known = _experiences(workshop.lake, recipe.name)
    rows: list[PlanRow] = []
    for table, asked in calls.items():
        status = statuses[table]
        parts = _forecasts(recipe, table, asked, known)
        costs = [part.cost_usd for part in parts]
        known_costs = [cost for cost in costs if cost is not None]
        rows.append(
            PlanRow(
                table=table,
                state=status.state,
                calls_at_least=sum(part.certain for part in asked.values()),
                calls=sum(part.most for part in asked.values()),
                calls_likely=ceil(round(sum(part.likely for part in asked.values()), 6)),
                input_tokens=sum((part.input_tokens for part in parts), Range()),
                output_tokens=sum((part.output_tokens for part in parts), Range()),
                cost_usd=sum(known_costs, Range()) if len(known_costs) == len(costs) else None,
                seconds=slowest(part.seconds for part in parts),
                because="; ".join(status.causes),
            )
        )
    return rows


def _forecasts(recipe: Recipe, table: str, asked: AskedOf, known: Experiences) -> list[Forecast]:
    """Each model by itself: its own prices, latencies and limits."""
    parts: list[Forecast] = []
    for name, calls in asked.items():
        if calls.most == 0:
            continue
        model = recipe.models.get(name)  # a round may have been opened with another model
        experience = experience_of(known, table, model.model) if model else None
        price = price_of(model) if model else None
        concurrency = model.max_concurrency if model else 1
        is_local = model is not None and model.provider in FREE_PROVIDERS
        told = forecast(table, calls, experience, price, concurrency, is_local=is_local)
        parts.append(kept_to_limits(told, calls, _limits(model)) if model else told)
    return parts


def _limits(model: Model) -> dict[str, int | None]:
    return {
        "requests": model.requests_per_minute,
        "tokens": model.tokens_per_minute,
        "input_tokens": model.input_tokens_per_minute,
        "output_tokens": model.output_tokens_per_minute,
    }


def _experiences(lake: Lake, recipe: str) -> Experiences:
    """What the calls of this recipe's tables took, and those of all recipes together by model."""
    if not lake.has(CALLS_SCHEMA, CALLS.name):
        return {}
    rows = lake.frame(
        "WITH answered AS ("
        "  SELECT CASE WHEN starts_with(asked_for, ?) THEN substr(asked_for, ?) ELSE '' END"
        "    AS table_name, model, strlen(CAST(request -> '$.messages' AS VARCHAR)) AS bytes,"
        "    input_tokens, output_tokens, latency_s"
        f"  FROM {Lake.relation(CALLS_SCHEMA, CALLS.name)}"
        "  WHERE input_tokens IS NOT NULL AND output_tokens IS NOT NULL"
        ") "
        "SELECT coalesce(table_name, '') AS table_name, model, count(*) AS calls,"
        "  avg(input_tokens) AS input, avg(bytes) AS bytes,"
        "  coalesce(regr_sxx(input_tokens, bytes), 0) AS sxx,"
        "  coalesce(regr_sxy(input_tokens, bytes), 0) AS sxy,"
        "  coalesce(regr_syy(input_tokens, bytes), 0) AS syy,"
        "  avg(output_tokens) AS output, coalesce(stddev_samp(output_tokens), 0) AS output_sd,"
        "  coalesce(avg(latency_s), 0) AS seconds,"
        "  coalesce(stddev_samp(latency_s), 0) AS seconds_sd "
        "FROM answered GROUP BY GROUPING SETS ((table_name, model), (model)) "
        "HAVING grouping(table_name) = 1 OR table_name <> ''",
        [f"{recipe}.", len(recipe) + 2],
    )
    return {(row["table_name"], row["model"]): _experience(row) for row in rows.to_dicts()}


def _experience(row: dict[str, Any]) -> Experience:
    calls = row["calls"]
    return Experience(
        input_tokens=line_through(
            calls, row["bytes"], row["input"], row["sxx"], row["sxy"], row["syy"]
        ),
        output_tokens=Sample(calls, row["output"], row["output_sd"]),
        seconds=Sample(calls, row["seconds"], row["seconds_sd"]),
    )
