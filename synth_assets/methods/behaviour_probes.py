"""Completions in, whether each shows a behaviour out (context distillation, Askell et al. 2021,
section 2.2; methods.md 12).

A teacher is told of the behaviour in a system text that no training row holds. Held-out prompts,
those of the test side, measure it: with the text, without it, and of a student once trained.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from synth_assets.llm.request import Request, user
from synth_assets.method import Lack, Material, method
from synth_assets.methods.answered import saying_something
from synth_assets.methods.asking import Counted
from synth_assets.methods.prompt_rows import kept, messages_of, transcript
from synth_assets.methods.rating_rows import rating_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import ask_structured
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import RATING_COLUMNS, Column, TableSchema
from synth_assets.templates import load_template, quote

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "behaviour_probes"
TEMPLATE = "behaviour_probes/shows"
PATTERN = "pattern"

OWN_COLUMNS = (
    Column("is_probe", pl.Boolean, "The prompt is held out: no training row comes from it"),
    Column("is_told", pl.Boolean, "The model saw the recipe's system text"),
    Column("answered_by", pl.String, "The recipe's name of the model that answered"),
)
SCHEMA = TableSchema(METHOD, "judgment_id", "", (*RATING_COLUMNS, *OWN_COLUMNS))


class BehaviourProbes(Part):
    """How the behaviour is known: by a pattern (multi-line, searched) or by a judge.

    behaviour: what to look for, in words. of: held-out prompts only, or all, for a filter to read.
    """

    behaviour: str
    pattern: str | None = None
    judge: ModelName | None = None
    of: Literal["held_out", "all"] = "all"
    judge_sampling: Sampling = Sampling(temperature=0.0, max_tokens=512)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _has_one_checker(self) -> BehaviourProbes:
        if (self.pattern is None) == (self.judge is None):
            raise ValueError("write pattern or judge, one of the two")
        return self


class _Shows(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shows: bool
    reason: str


@dataclass(frozen=True)
class _Probe:
    prompt: dict[str, Any]
    completion: dict[str, Any]


@dataclass(frozen=True)
class _Finding:
    """shows is null unless the status is ok."""

    status: Literal["ok", "unparsed", "failed"]
    shows: bool | None
    reason: str | None = None
    call_ids: tuple[str, ...] = ()


def _requires(parameters: BehaviourProbes, recipe: Recipe) -> Iterator[Lack]:
    if parameters.of == "held_out" and not recipe.datasets.test_share:
        yield (
            ("of",),
            "= 'held_out': datasets.test_share is 0, so no prompt is held out; raise it, or write "
            "of: all",
        )


@method(
    METHOD,
    kind="judgments",
    table=SCHEMA.name,
    description="Whether completions show the behaviour that the recipe teaches: 1 or 0, of "
    "held-out prompts too, told and untold.",
    parameters=BehaviourProbes,
    templates=lambda parameters, resolve: [load_template(TEMPLATE)] if parameters.judge else [],
    columns=OWN_COLUMNS,
    requires=_requires,
    corrects=True,
    calls_of_a_prompt=lambda parameters, completions: (
        {parameters.judge: completions} if parameters.judge else {}
    ),
)
def look_for_behaviour(material: Material, parameters: BehaviourProbes) -> MethodResult:
    """One row for each completion with a text. Its notes tell, of held-out prompts, the share that
    shows the behaviour, for each model, told and untold; a share of nothing is left out."""
    counts: Counter[str] = Counter()
    probes = list(_probes(material, parameters))
    rows = [
        _row(probe, found, parameters)
        for probe, found in _findings(probes, material, parameters, counts)
    ]
    frame = SCHEMA.frame(rows)
    return MethodResult(frame, {}, len(rows), {**counts, **shares(frame)})


def shares(rows: pl.DataFrame) -> dict[str, float]:
    """``shown_told_NAME`` and ``shown_untold_NAME``: means over held-out prompts with a finding."""
    found = (
        rows.filter(pl.col("is_probe") & (pl.col("status") == "ok"))
        .group_by("answered_by", "is_told")
        .agg(pl.col("rating").mean())
        .sort("answered_by", "is_told")
    )
    return {
        f"shown_{'told' if is_told else 'untold'}_{name}": share
        for name, is_told, share in found.iter_rows()
    }


def _probes(material: Material, parameters: BehaviourProbes) -> Iterator[_Probe]:
    prompts = kept(material.frame("mutated_prompts"))
    if parameters.of == "held_out":
        prompts = prompts.filter(pl.col("split") == "test")
    by_id = {row["prompt_id"]: row for row in prompts.iter_rows(named=True)}
    for completion in saying_something(material.frame("completions")).iter_rows(named=True):
        prompt = by_id.get(completion["prompt_id"])
        if prompt is not None:
            yield _Probe(prompt, completion)


def _findings(
    probes: list[_Probe], material: Material, parameters: BehaviourProbes, counts: Counter[str]
) -> Iterator[tuple[_Probe, _Finding]]:
    if parameters.pattern is not None:
        pattern = re.compile(parameters.pattern, re.MULTILINE)
        for probe in probes:
            yield probe, _Finding("ok", pattern.search(probe.completion["text"]) is not None)
        return
    about = Counted(len(probes), ((probe, _request(probe, parameters)) for probe in probes))
    for probe, reply in ask_structured(material.ask, about, _Shows, counts):
        calls = tuple(reply.call_ids)
        counts["replies"] += len(calls)
        counts["failed_replies"] += reply.status == "failed"
        if reply.value is None:
            status = "failed" if reply.status == "failed" else "unparsed"
            yield probe, _Finding(status, None, None, calls)
        else:
            yield probe, _Finding("ok", reply.value.shows, reply.value.reason or None, calls)


def _request(probe: _Probe, parameters: BehaviourProbes) -> Request:
    text = load_template(TEMPLATE).render(
        behaviour=parameters.behaviour,
        prompt=quote("prompt", transcript(messages_of(probe.prompt))),
        completion=quote("completion", probe.completion["text"]),
    )
    return Request(str(parameters.judge), (user(text),), parameters.judge_sampling.given())


def _row(probe: _Probe, found: _Finding, parameters: BehaviourProbes) -> dict[str, object]:
    completion = probe.completion
    return rating_row(
        parameters.judge or PATTERN,
        METHOD,
        completion_id=completion["completion_id"],
        prompt_id=probe.prompt["prompt_id"],
        round=probe.prompt["round"],
        rating=None if found.shows is None else float(found.shows),
        rationale=found.reason,
        status=found.status,
        call_ids=found.call_ids or (None,),
        template_hash=load_template(TEMPLATE).hash if parameters.judge else None,
        is_probe=probe.prompt["split"] == "test",
        is_told=completion["system_text"] is not None,
        answered_by=completion["teacher"],
    )
