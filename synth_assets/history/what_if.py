"""Other thresholds in, how the sets would differ out. Answered in SQL from what is in the lake: no
call is made and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from synth_assets.errors import RecipeError
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.schemas import CALLS
from synth_assets.stages.bystander import looking_at
from synth_assets.stages.datasets import SqlStage
from synth_assets.stages.generation import generation_parameters
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import Workshop
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake, quote_name

SETS = ("sft_set", "dpo_set")


@dataclass(frozen=True)
class WhatIf:
    """How one set would differ. rows: now, and as it would be. added, removed: rows by their id;
    reasons: why those that go would be dropped → how many; mean_rating: now and then, where the
    set has one."""

    table: str
    rows: tuple[int, int]
    added: int
    removed: int
    reasons: Mapping[str, int]
    mean_rating: tuple[float | None, float | None]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def what_if(recipe: Recipe, home: Home, changes: Mapping[str, Any]) -> list[WhatIf]:
    """The sets under ``changes`` (path of a field → value) beside the sets as the recipe stands.

    Errors: `RecipeError` where a change is none of a threshold's: it would change what models are
    asked, or what is made without SQL.
    """
    other = load_recipe(recipe.path, changes)
    if other.name != recipe.name:
        raise RecipeError("--set name=…: that would be another dataset; give it a recipe")
    with looking_at(recipe, home) as workshop:
        stages = recipe_stages(other)
        _refuse_what_is_not_sql(workshop, other, stages, changes)
        now = _marts(workshop, workshop.stages)
        then = _marts(workshop, stages)
        return [
            _compare(workshop.lake, name, workshop.stages[name].key, now, then)
            for name in SETS
            if name in now and name in then
        ]


def _refuse_what_is_not_sql(
    workshop: Workshop, other: Recipe, stages: Mapping[str, Stage], changes: Mapping[str, Any]
) -> None:
    said = ", ".join(f"--set {field}" for field in changes)
    for name in sorted({*workshop.stages, *stages}):
        mine, theirs = workshop.stages.get(name), stages.get(name)
        if mine is None or theirs is None or _parts(mine, workshop.recipe) != _parts(theirs, other):
            table = theirs or mine
            if isinstance(table, SqlStage):
                continue
            raise RecipeError(
                f"{said}: that changes {name}, which is not made by SQL alone; change the recipe, "
                f"and `synth-assets plan {other.name}` tells the calls it would take"
            )


def _parts(stage: Stage, recipe: Recipe) -> dict[str, str]:
    # A frozen stage's parameters are those of its rounds: the recipe's own stand in for them, as a
    # new round would freeze them.
    frozen = generation_parameters(recipe) if stage.is_frozen else {}
    return stage.fingerprint_parts(recipe, frozen)


def _marts(workshop: Workshop, stages: Mapping[str, Stage]) -> dict[str, str]:
    """Mart → a temporary table of it, made from the lake's other tables."""
    made: dict[str, str] = {}
    for number, stage in enumerate(stages.values()):
        if not isinstance(stage, SqlStage) or stage.project is None:
            continue
        inputs = stage.project.inputs(stage.name)
        relations = {name: made.get(name) or _stored(workshop, name) for name in inputs}
        known = {name: relation for name, relation in relations.items() if relation is not None}
        compiled = stage.project.compile(stage.name, known, stage.variables or {})
        table = f"what_if_{id(stages):x}_{number}"
        workshop.lake.execute(f"CREATE TEMP TABLE {table} AS {compiled.sql}")
        made[stage.name] = table
    return made


def _stored(workshop: Workshop, name: str) -> str | None:
    place = (CALLS_SCHEMA if name == CALLS.name else workshop.recipe.name, name)
    return Lake.relation(*place) if workshop.lake.has(*place) else None


def _compare(
    lake: Lake, name: str, key: str, now: Mapping[str, str], then: Mapping[str, str]
) -> WhatIf:
    id = quote_name(key)
    added, removed = lake.execute(
        "SELECT count(*) FILTER (a.i IS NULL), count(*) FILTER (b.i IS NULL) FROM"
        f" (SELECT {id} AS i FROM {now[name]}) a FULL JOIN (SELECT {id} AS i FROM {then[name]}) b"
        " ON a.i = b.i"
    )[0]
    return WhatIf(
        table=name,
        rows=(_number(lake, "count(*)", now[name]), _number(lake, "count(*)", then[name])),
        added=added,
        removed=removed,
        reasons=_reasons(lake, now[name], then) if name == "sft_set" else {},
        mean_rating=(
            _number(lake, "avg(mean_rating)", now[name]),
            _number(lake, "avg(mean_rating)", then[name]),
        )
        if name == "sft_set"
        else (None, None),
    )


def _reasons(lake: Lake, now: str, then: Mapping[str, str]) -> dict[str, int]:
    """Why the completions that are in the set now would be dropped."""
    return dict(
        lake.execute(
            f"SELECT reason, count(*) FROM {then['dropped_rows']} d"
            f" JOIN {now} n ON d.row_id = n.completion_id GROUP BY reason ORDER BY 2 DESC, 1"
        )
    )


def _number(lake: Lake, what: str, table: str) -> Any:
    return lake.execute(f"SELECT {what} FROM {table}")[0][0]
