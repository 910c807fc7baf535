"""A registered method and its parameters in, the stage that makes its table out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from synth_assets.llm.request import Message, Request
from synth_assets.method import POOL, Kind, Material, Method, method_tables, schema_of
from synth_assets.methods.completions import Completions, completion_request, teachers_of
from synth_assets.methods.pair_rows import UNKNOWN_COMPLETION
from synth_assets.methods.result import MethodResult
from synth_assets.methods.seed import seeds_as_prompts
from synth_assets.recipe import Recipe, model_identity
from synth_assets.recipe_parts import marked
from synth_assets.schemas import (
    MUTATED_PROMPTS,
    ROUND_POOL,
    SEED_PROMPTS,
    SOURCE_TEXTS,
    TableSchema,
)
from synth_assets.stages.generation import frozen_part
from synth_assets.stages.pools import seed_rounds
from synth_assets.stages.row_checks import (
    RowCheck,
    every_candidate_is_there,
    failed_replies_are_few,
    ids_are_unique,
    parents_exist,
    replies_are_parsed,
    something_is_kept,
)
from synth_assets.stages.source_texts import pooled_sources
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.withdrawn import keeping_withdrawn, standing
from synth_assets.stages.workshop import Work

GROUPS: Mapping[Kind, str] = {
    "prompts": "2_prompts",
    "completions": "3_completions",
    "judgments": "4_judgments",
    "pairs": "4_judgments",
    "filters": "4_judgments",
}
POOL_INPUTS = (
    Input("round_pool", "up_to"),
    Input("seed_prompts", "pool_seeds"),
    Input("mutated_prompts", "pool_accepted"),
)
WHOLE = frozenset({"seed_prompts", "evaluation_prompts", "retractions"})
"""Tables outside rounds, which every round reads as a whole."""


def prompt_parents(rows: pl.DataFrame) -> pl.DataFrame:
    """(prompt_id, parent) for every prompt that was rewritten from another."""
    return (
        rows.select("prompt_id", "derived_from")
        .explode("derived_from")
        .filter(pl.col("derived_from").is_not_null())
    )


PARENTS: Mapping[Kind, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "prompts": prompt_parents,
    "completions": lambda rows: rows.select("completion_id", "prompt_id"),
    "judgments": lambda rows: rows.select("judgment_id", "completion_id"),
    "pairs": lambda rows: pl.concat(
        [
            rows.select("pair_candidate_id", pl.col(side).alias("parent_id"))
            for side in ("chosen_completion_id", "rejected_completion_id")
        ]
    ),
    "filters": lambda rows: rows.select("filter_id", "completion_id"),
}


def method_stage(recipe: Recipe, method: Method, parameters: Any) -> Stage:
    """The stage of one method that the recipe asks for."""
    is_frozen = method.kind == "prompts"
    inputs = _inputs(method, parameters)
    is_by_prompt = method.by_prompt and all(item.slice == "own" for item in inputs)
    stage = Stage(
        table=method.table,
        group=GROUPS[method.kind],
        inputs=inputs,
        parameters=(lambda _, frozen: frozen_part(frozen, method.name))
        if is_frozen
        else (lambda recipe, _: method_parameters(recipe, method, parameters)),
        code=() if is_frozen else (method.module,),
        make=(lambda work: _make_frozen(work, method))
        if is_frozen
        else (lambda work: _make(work, method, parameters)),
        checks=_checks(method),
        by_round=method.by_round,
        is_frozen=is_frozen,
        asks=method.asks,
        unit="prompt_id" if is_by_prompt else None,
        parents=PARENTS[method.kind],
    )
    return stage if is_frozen or method.marks_withdrawn else keeping_withdrawn(stage)


def method_parameters(recipe: Recipe, method: Method, parameters: Any) -> dict[str, Any]:
    """What of a recipe decides a method's table, part by part. Files of its own count by their
    text, wherever they lie."""
    files = [path for _, path in marked(parameters, "names a file")]
    decided = _without(parameters.model_dump(mode="json"), set(files))
    names = {name for _, name in marked(parameters, "names a model")}
    teachers = recipe.own_completions if method.needs_teacher else None
    names.update(teachers.teachers if teachers is not None else ())
    templates = list(method.templates(parameters, recipe.resolve))
    parts = {
        method.name: decided,
        "models": [model_identity(recipe, name) for name in sorted(names)],
        "templates": {_label(each.name, n): each.hash for n, each in enumerate(templates)},
    }
    if teachers is not None:
        parts["completions"] = teachers.model_dump(mode="json")
    known = {template.name for template in templates}
    others = [path for path in map(recipe.resolve, files) if str(path) not in known]
    if others:
        parts["files"] = [path.read_text(encoding="utf-8") for path in others]
    return parts


def _label(name: str, number: int) -> str:
    """A template of the recipe's own counts by its text alone."""
    return f"file {number}" if Path(name).is_absolute() else name


def _without(value: Any, files: set[str]) -> Any:
    """The parameters without the paths of files: where a text lies says nothing of it."""

    def is_file(item: Any) -> bool:
        return isinstance(item, str) and item in files

    if isinstance(value, dict):
        return {k: _without(item, files) for k, item in value.items() if not is_file(item)}
    if isinstance(value, list):
        return [_without(item, files) for item in value if not is_file(item)]
    return value


def _inputs(method: Method, parameters: Any) -> tuple[Input, ...]:
    found: list[Input] = []
    for table in method.tables_read(parameters):
        if table == POOL:
            found += POOL_INPUTS
        elif table == SOURCE_TEXTS.name:
            found.append(Input(table, "pool_sources"))
        elif table in WHOLE or not method.by_round:
            found.append(Input(table))
        else:
            found.append(Input(table, "own"))
    return tuple(found)


def _checks(method: Method) -> tuple[RowCheck, ...]:
    key = ids_are_unique(method.table.key)
    in_prompts = parents_exist("prompt_id", ("mutated_prompts", "prompt_id"))
    in_completions = parents_exist("completion_id", ("completions", "completion_id"))
    asked = (failed_replies_are_few(),) if method.asks else ()
    if method.kind == "prompts":
        rewrites = (parents_exist("derived_from", *_any_prompt(), own="prompt_id"),)
        return (
            key,
            *(rewrites if method.rewrites else ()),
            every_candidate_is_there(),
            something_is_kept(),
        )
    if method.kind == "completions":
        return (key, in_prompts, every_candidate_is_there(), *asked)
    if method.kind == "judgments":
        return (key, in_completions, *asked, replies_are_parsed())
    if method.kind == "pairs":
        parents = (
            parents_exist(column, (table, id), unless_dropped_as=UNKNOWN_COMPLETION)
            for column, table, id in (
                ("prompt_id", "mutated_prompts", "prompt_id"),
                ("chosen_completion_id", "completions", "completion_id"),
                ("rejected_completion_id", "completions", "completion_id"),
            )
        )
        return (key, *parents, *asked)
    return (key, in_completions, *asked)


def _any_prompt() -> tuple[tuple[str, str], ...]:
    """Where the parents of a prompt may stand, beside its own table."""
    made = ((table, "prompt_id") for table in method_tables("prompts"))
    return (
        ("seed_prompts", "prompt_id"),
        ("mutated_prompts", "prompt_id"),
        ("source_texts", "source_text_id"),
        *made,
    )


def pool_of(work: Work) -> pl.DataFrame:
    """All prompts a round may draw on: its seeds, and what earlier rounds accepted."""
    seeds = seeds_as_prompts(work.read(SEED_PROMPTS), seed_rounds(work.read(ROUND_POOL)))
    # A seed that has left its file, or a prompt that a later rule drops, stays in the pools of the
    # rounds that were opened with it.
    accepted = work.read(MUTATED_PROMPTS).select(seeds.columns)
    usable = pl.concat([seeds, accepted])
    return usable.with_columns(drop_reason=pl.lit(None, pl.String)).sort("prompt_id")


def _make_frozen(work: Work, method: Method) -> Made:
    frozen = frozen_part(work.frozen, method.name)
    if not frozen:  # the method was added to the recipe after this round was opened
        return Made(method.table.empty(), items_parsed=0)
    parameters = method.parameters.model_validate(frozen["parameters"])
    completions = frozen.get("completions")
    teachers = None if completions is None else Completions.model_validate(completions)
    material = _material(work, method, parameters, teachers)
    result = method.make(material, parameters)
    return _with_superseded(work, method.table, _conformed(method, result))


def _make(work: Work, method: Method, parameters: Any) -> Made:
    material = _material(work, method, parameters, work.recipe.own_completions)
    result = _conformed(method, method.make(material, parameters))
    counted = result.items_parsed if method.kind == "completions" else None
    return Made(result.rows, result.shown_with, counted, result.notes)


def _conformed(method: Method, result: MethodResult) -> MethodResult:
    """With the columns in the order declared; what differs from it raises."""
    rows = method.table.conform(result.rows)
    return MethodResult(rows, result.shown_with, result.items_parsed, result.notes)


def _material(
    work: Work, method: Method, parameters: Any, completions: Completions | None
) -> Material:
    def read(table: str) -> pl.DataFrame:
        if table == SOURCE_TEXTS.name:
            return pooled_sources(work.read(SOURCE_TEXTS))
        if table == POOL:
            return pool_of(work)
        rows = work.read(schema_of(table))
        sees_all = table == MUTATED_PROMPTS.name or method.marks_withdrawn
        return rows if sees_all else standing(rows)

    def first_completion(prompt_id: str, messages: Sequence[Message]) -> Request:
        assert completions is not None
        return completion_request(
            prompt_id,
            messages,
            teacher=teachers_of(prompt_id, completions)[0],
            sample_index=0,
            parameters=completions,
        )

    has_teacher = completions is not None and bool(completions.teachers)
    return Material(
        round=work.round,
        frames={table: read(table) for table in method.tables_read(parameters)},
        ask=work.ask if method.asks else _asks_nothing,
        models=work.recipe.models,
        student=work.recipe.student,
        completions=completions,
        first_completion=first_completion if has_teacher else None,
        resolve=work.recipe.resolve,
    )


def _asks_nothing(requests: Any) -> Any:
    raise AssertionError("a method that declares asks=False asked")


def _with_superseded(work: Work, table: TableSchema, result: MethodResult) -> Made:
    """The round's rows as made now, and those made before that later rounds rest on, marked: a
    round that is generated anew leaves the others as they are."""
    made = set(result.rows["prompt_id"])
    before = work.lake.read(work.recipe.name, table, "round = ?", [work.round])
    parents = dict(before.select("prompt_id", "derived_from").iter_rows())
    around = work.workshop.surroundings(None)
    pooled = around.present(ROUND_POOL.name, "prompt_id", before["prompt_id"].unique())
    waiting = [id for id in pooled if id not in made]
    superseded: set[str] = set()
    while waiting:
        id = waiting.pop()
        if id in parents and id not in made | superseded:
            superseded.add(id)
            waiting += parents[id]
    rows = before.filter(pl.col("prompt_id").is_in(sorted(superseded))).with_columns(
        drop_reason=pl.coalesce("drop_reason", pl.lit("superseded"))
    )
    return Made(
        pl.concat([result.rows, rows]),
        result.shown_with,
        result.items_parsed + rows.height,
        result.notes,
    )
