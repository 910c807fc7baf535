"""Prompts that no completion solved in, further samples of those out.

NuminaMath (Li et al. 2024, section 3) asks again, in up to three passes, only where no sample's
answer agrees with the reference. A verifier's reject is no proof of wrongness: what did not verify
stays a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field

from synth_assets.errors import RecipeError
from synth_assets.llm.request import Reply, Request
from synth_assets.method import FurtherCalls, Material, method
from synth_assets.methods.answer_extraction import AnswerLine
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.completions import (
    Completions,
    Draw,
    completion_row,
    draw_completion,
)
from synth_assets.methods.passes import Share, unsolved_of_a_pass
from synth_assets.methods.prompt_rows import kept, messages_of
from synth_assets.methods.result import WITHOUT_A_REPLY, MethodResult
from synth_assets.methods.verification import verdict_on
from synth_assets.recipe_parts import ModelName, Part, each_once
from synth_assets.schemas import COMPLETION_COLUMNS, Column, TableSchema

NAME = "resampling"
OWN_COLUMNS = (
    Column("pass_number", pl.Int32, "Pass that asked for it, from 1"),
    Column("answer", pl.String, "verified, refuted or unparsed"),
)
RESAMPLED = TableSchema(
    "resampled_completions",
    "completion_id",
    "Further samples of the prompts with a reference that no completion solved (NuminaMath, Li et "
    "al. 2024).",
    (*COMPLETION_COLUMNS, *OWN_COLUMNS),
)
Row = Mapping[str, Any]


class Resampling(Part):
    """passes: at most so many (NuminaMath: 3). per_pass: samples of a failure by each teacher.
    teachers: those of ``completions`` unless named. answer_line: as under ``judgments``."""

    passes: int = Field(default=3, ge=1, le=10)
    per_pass: int = Field(default=1, ge=1, le=64)
    teachers: Annotated[tuple[ModelName, ...], AfterValidator(each_once)] = ()
    answer_line: AnswerLine = None


UNSOLVED_BEFORE_EXPERIENCE = Share(4, 1)
"""Of prompts with a reference, those that no first sample solves; guessed, and soon outweighed."""

STILL_UNSOLVED_BEFORE_EXPERIENCE = Share(4, 3)
"""Of those, what one more pass leaves unsolved: a prompt that failed is likely to be hard."""


def calls_by_outcome(
    parameters: Resampling, completions: Completions, rows: Callable[[str], pl.DataFrame]
) -> Mapping[str, FurtherCalls]:
    """Samples of each teacher for one prompt, beyond the first ones."""
    own, seen = rows(RESAMPLED.name), 0
    if own.height:  # before the first run nothing is known of how often first samples fail
        prompts = kept(rows("mutated_prompts")).iter_rows(named=True)
        seen = sum(_is_asked(row, parameters, completions) for row in prompts)
    failed = own.filter(pl.col("pass_number") == 1)["prompt_id"].n_unique()
    unsolved = UNSOLVED_BEFORE_EXPERIENCE.with_seen(seen, failed).value
    still = unsolved_of_a_pass(own, STILL_UNSOLVED_BEFORE_EXPERIENCE).value
    begun = parameters.per_pass * sum(still**n for n in range(parameters.passes))
    calls = FurtherCalls(parameters.passes * parameters.per_pass, unsolved * begun, begun)
    return dict.fromkeys(parameters.teachers or completions.teachers, calls)


@method(
    NAME,
    kind="completions",
    table=RESAMPLED.name,
    description=RESAMPLED.description,
    parameters=Resampling,
    columns=OWN_COLUMNS,
    needs_teacher=True,
    calls_by_outcome=calls_by_outcome,
    completions_of_a_prompt=lambda parameters, completions: (
        parameters.passes * parameters.per_pass * len(parameters.teachers or completions.teachers)
    ),
)
def resample_failures(material: Material, parameters: Resampling) -> MethodResult:
    """Rows of the further samples only. The first ones are asked for as the completions stage asks
    for them, so that whichever comes second gets the replies for nothing."""
    first = material.completions
    if first is None or not first.teachers:
        raise RecipeError(
            f"completions.{NAME}: needs completions.teachers, whose failures are asked again"
        )
    teachers = parameters.teachers or first.teachers
    counts: Counter[str] = Counter()
    prompts = kept(material.frame("mutated_prompts"))
    waiting = [row for row in prompts.iter_rows(named=True) if _is_asked(row, parameters, first)]
    firsts = _draws(waiting, first.teachers, range(first.per_prompt), first)
    found = list(ask_about(material.ask, firsts, counts))
    counts[WITHOUT_A_REPLY] = len({draw.prompt_id for draw, reply in found if _failed(reply)})
    waiting = _unsolved(waiting, found, parameters)
    counts["unsolved_before"] = len(waiting)
    rows: list[dict[str, object]] = []
    for pass_number in range(1, parameters.passes + 1):
        start = first.per_prompt + (pass_number - 1) * parameters.per_pass
        draws = _draws(waiting, teachers, range(start, start + parameters.per_pass), first)
        replies = list(ask_about(material.ask, draws, counts))
        references = {row["prompt_id"]: row["reference"] for row in waiting}
        for draw, reply in replies:
            row = completion_row(draw, reply, material.models[draw.teacher], material.student)
            verdict = verdict_on(_whole(reply), references[draw.prompt_id], parameters.answer_line)
            own = {"method": NAME, "pass_number": pass_number, "answer": verdict}
            rows.append({**row, **own})
        waiting = _unsolved(waiting, replies, parameters)
        counts[f"unsolved_after_pass_{pass_number}"] = len(waiting)
    return MethodResult(RESAMPLED.frame(rows), {}, len(rows), dict(counts))


def _is_asked(row: Row, parameters: Resampling, first: Completions) -> bool:
    """Teachers answer it, and its reference has an answer to compare with."""
    if row["given_completion"] is not None and not first.answer_given:
        return False
    return verdict_on("", row["reference"], parameters.answer_line) != "no_reference"


def _draws(
    rows: Sequence[Row], teachers: Sequence[str], indexes: range, parameters: Completions
) -> Counted[tuple[Draw, Request]]:
    def draws() -> Iterator[tuple[Draw, Request]]:
        for row in rows:
            messages = messages_of(row)
            for teacher in teachers:
                for index in indexes:
                    yield draw_completion(row, messages, teacher, index, parameters)

    return Counted(len(rows) * len(teachers) * len(indexes), draws())


def _unsolved(
    rows: Sequence[Row], replies: Iterable[tuple[Draw, Reply]], parameters: Resampling
) -> list[Row]:
    """A call that failed says nothing of its prompt: the next run asks it again, and until then
    the prompt is not asked for more."""
    references = {row["prompt_id"]: row["reference"] for row in rows}
    done = {
        draw.prompt_id
        for draw, reply in replies
        if _failed(reply)
        or verdict_on(_whole(reply), references[draw.prompt_id], parameters.answer_line)
        == "verified"
    }
    return [row for row in rows if row["prompt_id"] not in done]


def _failed(reply: Reply) -> bool:
    return reply.status == "failed"


def _whole(reply: Reply) -> str | None:
    """A text that broke off states no answer: it cannot enter sft_set either."""
    return reply.text if reply.status == "ok" else None
