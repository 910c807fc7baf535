"""A person's own texts in, the instructions that they would answer out (Li et al. 2023, Humpback).

A model writes the instruction; the text itself is the completion, byte for byte, with the person as
its origin. A judge scores each pair in several draws, and only pairs at the top of the scale are
kept: without that curation more data did not help (their section 3.4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import Field

from synth_assets.llm.request import Reply, Request, system, user
from synth_assets.method import POOL, Lack, Material, Resolve, Rule, method
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.draws import IdPool
from synth_assets.methods.elimination import copies_template
from synth_assets.methods.pair_score import (
    SCORE,
    PairScore,
    Scores,
    ScoreStatus,
    read_score,
    score_request,
)
from synth_assets.methods.prompt_rows import kept, new_prompt_id, prompt_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import ask_structured
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import IDS, PROMPT_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, quote

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "instruction_backtranslation"
WRITE = "instruction_backtranslation/write"
SOURCE_TEXTS = "source_texts"


class InstructionBacktranslation(Part):
    """Instructions for a person's own texts (Li et al. 2023; methods.md 5).

    per_round: source texts in each round; one whose instruction was kept is not drawn again.
    draws, min_score: a pair is kept where the mean of so many scores is at least this one (4.5 as
        published). Where no more than half of the draws give a score there is no mean.
    source_tag: system text of these prompts, so that a student learns whose manner it is; null for
        none. The tag of all other rows is ``completions.system_text`` (section 2.3 of the paper).
    """

    teacher: ModelName
    judge: ModelName
    per_round: int = Field(ge=1)
    draws: int = Field(default=3, ge=1, le=20)
    min_score: float = Field(default=4.5, ge=1, le=5)
    source_tag: str | None = Field(
        default="Answer as a document on the subject would.", min_length=1
    )
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.9, max_tokens=512)
    judge_sampling: Sampling = Sampling(temperature=0.7, top_p=0.9, max_tokens=512)


COLUMNS = (
    Column("scores", pl.List(pl.Float64), "The judge's score in each draw; null where none"),
    Column("score_statuses", IDS, "ok, out_of_scale, unparsed or failed, for each draw"),
    Column("mean_score", pl.Float64, "Mean of the scores; null where half of them or more lack"),
)
SCHEMA = TableSchema("backtranslated_instructions", "prompt_id", "", (*PROMPT_COLUMNS, *COLUMNS))


@dataclass
class _Pair:
    """A source text, its instruction, and what the judge said so far."""

    source: Mapping[str, Any]
    instruction: str | None
    drop_reason: str | None
    call_ids: list[str]
    scores: list[float | None]
    statuses: list[ScoreStatus]

    def judged(self) -> Scores:
        return Scores(tuple(self.scores), tuple(self.statuses))


def _templates(parameters: InstructionBacktranslation, resolve: Resolve) -> list[Template]:
    return [load_template(WRITE), load_template(SCORE)]


def _may_follow(
    parameters: InstructionBacktranslation, unknown: Counter[str], teacher: str | None
) -> tuple[Counter[str], int]:
    """An unknown reply leaves open an instruction and all its scores, each asked for once more
    where it cannot be read."""
    pairs = min(unknown.total(), parameters.per_round)
    asked = Counter({parameters.teacher: pairs})
    return asked + Counter({parameters.judge: 2 * parameters.draws * pairs}), pairs


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    for reason in ("failed_reply", "empty", "cut_off", "copies_template"):
        yield reason, None, row.get("text")
    yield "unscored", parameters.get("draws"), row.get("score_statuses")
    yield "low_score", parameters.get("min_score"), row.get("mean_score")


def _requires(parameters: InstructionBacktranslation, recipe: Recipe) -> Iterator[Lack]:
    if not recipe.seeds.source_texts:
        yield (), "there are no texts to write for; name a person's own under seeds.source_texts"


@method(
    METHOD,
    kind="prompts",
    table=SCHEMA.name,
    description="Instructions written for a person's own texts, which are their completions "
    "(instruction back-translation, Li et al. 2023).",
    parameters=InstructionBacktranslation,
    columns=COLUMNS,
    reads=(POOL, SOURCE_TEXTS),
    templates=_templates,
    rewrites=True,
    rules=_rules,
    requires=_requires,
    may_follow=_may_follow,
)
def write_instructions(material: Material, parameters: InstructionBacktranslation) -> MethodResult:
    """One row per drawn source text, kept or dropped by name. ``derived_from`` is the source text;
    family, split and licence are its own."""
    counts: Counter[str] = Counter()
    requests = _requests(material, parameters)
    pairs = [_pair(source, reply) for source, reply in ask_about(material.ask, requests, counts)]
    _score(pairs, material, parameters, counts)
    rows = [_row(pair, material.round, parameters) for pair in pairs]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _requests(
    material: Material, parameters: InstructionBacktranslation
) -> Counted[tuple[dict[str, Any], Request]]:
    done = kept(material.frame(POOL)).filter(pl.col("method") == METHOD)
    usable = material.frame(SOURCE_TEXTS).filter(
        pl.col("drop_reason").is_null()
        & ~pl.col("source_text_id").is_in(done["derived_from"].explode().implode())
    )
    drawn = IdPool(usable["source_text_id"]).draw(parameters.per_round, METHOD, material.round)
    chosen = usable.filter(pl.col("source_text_id").is_in(drawn)).sort("source_text_id")

    def request(source: dict[str, Any]) -> Request:
        text = load_template(WRITE).render(text=quote("text", source["text"]))
        sampling = parameters.sampling.given()
        return Request(parameters.teacher, (user(text),), sampling, round=material.round)

    rows = chosen.iter_rows(named=True)
    asked = ((source, request(source)) for source in rows)
    return Counted(chosen.height, asked, in_all=chosen.height * (1 + parameters.draws))


def _pair(source: Mapping[str, Any], reply: Reply) -> _Pair:
    text = without_thoughts(reply.text)
    reason = None
    if reply.status in ("failed", "refused"):
        reason = "failed_reply"
    elif not text:
        reason = "empty"
    elif reply.status == "cut":
        reason = "cut_off"
    elif copies_template(text, source["text"], load_template(WRITE)):
        reason = "copies_template"
    return _Pair(source, text or None, reason, [reply.call_id], [], [])


def _score(
    pairs: list[_Pair],
    material: Material,
    parameters: InstructionBacktranslation,
    counts: Counter[str],
) -> None:
    written = [pair for pair in pairs if pair.drop_reason is None]
    about = (
        (
            pair,
            score_request(
                pair.instruction or "",
                pair.source["text"],
                judge=parameters.judge,
                sampling=parameters.judge_sampling.given(),
                draw=draw,
            ),
        )
        for pair in written
        for draw in range(parameters.draws)
    )
    requests = Counted(len(written) * parameters.draws, about)
    for pair, reply in ask_structured(material.ask, requests, PairScore, counts):
        score, status = read_score(reply)
        counts[f"scores_{status}"] += 1
        pair.scores.append(score)
        pair.statuses.append(status)
        pair.call_ids.extend(reply.call_ids)
    for pair in written:
        mean = pair.judged().mean
        if mean is None:
            pair.drop_reason = "unscored"
        elif mean < parameters.min_score:
            pair.drop_reason = "low_score"


def _row(pair: _Pair, round: int, parameters: InstructionBacktranslation) -> dict[str, object]:
    source, text = pair.source, pair.instruction
    tag = [] if parameters.source_tag is None else [system(parameters.source_tag)]
    return prompt_row(
        prompt_id=new_prompt_id(METHOD, (source["source_text_id"],), round, 0, 0, text),
        text=text,
        round=round,
        method=METHOD,
        generation=1,
        derived_from=[source["source_text_id"]],
        family_id=source["family_id"],
        split=source["split"],
        messages=None if text is None else [*tag, user(text)],
        given_completion=source["text"],
        given_origin=source["origin"],
        model=parameters.teacher,
        call_ids=pair.call_ids,
        template_hash=load_template(WRITE).hash,
        licence=source["licence"],
        origin=f"model:{parameters.teacher}",
        drop_reason=pair.drop_reason,
        scores=pair.scores or None,
        score_statuses=pair.statuses or None,
        mean_score=pair.judged().mean,
    )
