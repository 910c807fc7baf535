"""Kept prompts in, teachers' completions of them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import AfterValidator, Field, model_validator

from synth_assets.errors import RecipeError
from synth_assets.identity import content_id, seeded_random, text_hash
from synth_assets.llm.request import Ask, Message, Reply, Request, system
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.draws import IdPool
from synth_assets.methods.prompt_rows import kept, messages_of
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_model import Model
from synth_assets.recipe_parts import ModelName, Part, Sampling, each_once
from synth_assets.schemas import COMPLETIONS
from synth_assets.templates import Template, load_template

Principle = Literal["helpfulness", "truthfulness", "honesty", "verbalised_calibration"]


class Completions(Part):
    """Teachers' answers. principles: one is drawn for each completion and given as system text.
    step_by_step: the system text also asks for steps that end in one boxed answer.
    answer_given: teachers answer prompts too that came with a completion.
    pool: each prompt is answered by so many of the teachers, drawn by its id (UltraFeedback draws 4
    of 17 models, Cui et al. 2023, section 2.2); null for all of them.
    top_logprobs: so many of the likeliest tokens at each place of an answer are asked for, and kept
    in the table `teacher_logprobs` where the endpoint tells them; null asks for none.
    are_for_pairs_only: what teachers answer stands in preference pairs and never in sft_set, for
    recipes whose examples a method makes of it, such as `constitutional`."""

    teachers: Annotated[tuple[ModelName, ...], AfterValidator(each_once)] = ()
    per_prompt: int = Field(default=1, ge=1, le=64)
    principles: tuple[Principle, ...] = ()
    system_text: str | None = None
    step_by_step: bool = False
    answer_given: bool = False
    pool: int | None = Field(default=None, ge=1)
    are_for_pairs_only: bool = False
    top_logprobs: int | None = Field(default=None, ge=1, le=20)
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)

    @model_validator(mode="after")
    def _pool_can_be_drawn(self) -> Completions:
        if self.pool is not None and self.pool > len(self.teachers):
            raise ValueError(
                f"pool = {self.pool}: there are {len(self.teachers)} teachers to draw from; name "
                "more, or lower it"
            )
        return self


HUMAN = "human"
"""Stands in the place of a teacher's name where a person wrote the text."""


@dataclass(frozen=True)
class Draw:
    """Which completion a request is for, and under which system text."""

    prompt_id: str
    round: int
    teacher: str
    sample_index: int
    principle: str | None
    system_text: str | None
    template_hash: str | None


def completion_request(
    prompt_id: str,
    messages: Sequence[Message],
    *,
    teacher: str,
    sample_index: int,
    parameters: Completions,
) -> Request:
    """The one request for this draw, whichever stage makes it. Round 0: all rounds share it."""
    principle = _draw_principle(prompt_id, teacher, sample_index, parameters)
    text = _system_text(messages, principle, parameters)
    turns = tuple(turn for turn in messages if turn["role"] != "system")
    return Request(
        model=teacher,
        messages=turns if text is None else (system(text), *turns),
        sampling=parameters.sampling.given() | _logprobs_asked(parameters),
        sample_index=sample_index,
    )


def _logprobs_asked(parameters: Completions) -> dict[str, Any]:
    if parameters.top_logprobs is None:
        return {}
    return {"logprobs": True, "top_logprobs": parameters.top_logprobs}


def teachers_of(prompt_id: str, parameters: Completions) -> tuple[str, ...]:
    """The teachers that answer a prompt, in the order of the recipe. A teacher more or fewer in the
    recipe moves only the draws that it wins or had won."""
    if parameters.pool is None:
        return parameters.teachers
    drawn = _pool(parameters.teachers).draw(parameters.pool, "teachers", prompt_id)
    return tuple(teacher for teacher in parameters.teachers if teacher in drawn)


@cache
def _pool(teachers: tuple[str, ...]) -> IdPool:
    return IdPool(teachers)


def complete_prompts(
    prompts: pl.DataFrame,
    *,
    parameters: Completions,
    models: Mapping[str, Model],
    student: str | None,
    ask: Ask,
) -> MethodResult:
    """``per_prompt`` completions of every kept prompt by every teacher of its pool, one row each.
    A call without an answer is a row with null text and a status."""
    unknown = [teacher for teacher in parameters.teachers if teacher not in models]
    if unknown:
        raise RecipeError(
            f"completions.teachers: {unknown} not declared under models: {sorted(models)}"
        )
    counts: Counter[str] = Counter()
    asked = kept(prompts)
    if not parameters.answer_given:
        asked = asked.filter(pl.col("given_completion").is_null())
    draws = (parameters.pool or len(parameters.teachers)) * parameters.per_prompt
    requests = Counted(asked.height * draws, _requests(asked, parameters))
    rows = [
        completion_row(draw, reply, models[draw.teacher], student)
        | {"is_for_pairs_only": parameters.are_for_pairs_only}
        for draw, reply in ask_about(ask, requests, counts)
    ]
    return MethodResult(COMPLETIONS.frame(rows), {}, len(rows), dict(counts))


def given_completions(prompts: pl.DataFrame, models: Mapping[str, Model]) -> pl.DataFrame:
    """One row for every kept prompt that came with a completion: the text as it was given, of a
    person or of the model that wrote it beside the prompt."""
    rows = []
    for prompt in (
        kept(prompts).filter(pl.col("given_completion").is_not_null()).iter_rows(named=True)
    ):
        origin = prompt["given_origin"] or "human"
        writer = origin.partition(":")[2] or HUMAN
        model = models.get(writer)
        text = prompt["given_completion"]
        rows.append(
            {
                "completion_id": content_id("completion", prompt["prompt_id"], "given", text),
                "prompt_id": prompt["prompt_id"],
                "round": prompt["round"],
                "teacher": writer,
                "model": model.model if model else writer,
                "sample_index": 0,
                "principle": None,
                "system_text": None,
                "text": text,
                "text_hash": text_hash(text),
                "status": "ok" if text.strip() else "empty",
                "error": None,
                "is_self_training": False,
                "method": "given",
                "is_for_pairs_only": False,
                "call_id": None,
                "earlier_call_ids": list(prompt["call_ids"] or ()) if model else [],
                "template_hash": prompt["template_hash"] if model else None,
                "licence": model.licence if model else prompt["licence"],
                "origin": origin,
            }
        )
    return COMPLETIONS.frame(rows)


def is_self_training(teacher: str, model: Model, student: str | None) -> bool:
    """Is the teacher the recipe's student, under its own name, its model string, or the name
    that follows the provider in it?"""
    return student is not None and student in (
        teacher,
        model.model,
        model.model.partition("/")[2],
    )


def _draw_principle(
    prompt_id: str, teacher: str, sample_index: int, parameters: Completions
) -> str | None:
    if not parameters.principles:
        return None
    draw = seeded_random("completions", "principle", prompt_id, teacher, sample_index)
    return draw.choice(sorted(set(parameters.principles)))


def templates_of(parameters: Completions, principle: str | None) -> list[Template]:
    """The templates of the system text that one completion is asked for with."""
    names = ["step_by_step/boxed_answer"] if parameters.step_by_step else []
    if principle:
        names.append(f"completions/{principle}")
    return [load_template(name) for name in names]


def _system_text(
    messages: Sequence[Message], principle: str | None, parameters: Completions
) -> str | None:
    """The prompt's own system text, the recipe's, that for steps, the principle's: what there is,
    in this order."""
    parts = [turn["content"] for turn in messages if turn["role"] == "system"]
    if parameters.system_text:
        parts.append(parameters.system_text)
    parts += [template.render() for template in templates_of(parameters, principle)]
    return "\n\n".join(parts) or None


def _requests(prompts: pl.DataFrame, parameters: Completions) -> Iterator[tuple[Draw, Request]]:
    for row in prompts.iter_rows(named=True):
        messages = messages_of(row)
        for teacher in teachers_of(row["prompt_id"], parameters):
            for index in range(parameters.per_prompt):
                yield draw_completion(row, messages, teacher, index, parameters)


def draw_completion(
    row: Mapping[str, Any],
    messages: list[Message],
    teacher: str,
    sample_index: int,
    parameters: Completions,
) -> tuple[Draw, Request]:
    """One sample of a prompt by a teacher, and the request for it."""
    prompt_id = row["prompt_id"]
    principle = _draw_principle(prompt_id, teacher, sample_index, parameters)
    text = _system_text(messages, principle, parameters)
    templates = templates_of(parameters, principle)
    draw = Draw(
        prompt_id,
        row["round"],
        teacher,
        sample_index,
        principle,
        text,
        templates[-1].hash if templates else None,
    )
    request = completion_request(
        prompt_id, messages, teacher=teacher, sample_index=sample_index, parameters=parameters
    )
    return draw, request


def completion_row(
    draw: Draw, reply: Reply, model: Model, student: str | None
) -> dict[str, object]:
    """The row of one sample, as the teachers' own have it."""
    text = reply.text if reply.text and reply.text.strip() else None
    # White space, or a cut before the first word of the answer, is no answer.
    status = "empty" if text is None and reply.status in ("ok", "cut") else reply.status
    return {
        "completion_id": content_id(
            "completion", draw.prompt_id, draw.teacher, draw.principle, draw.sample_index, text
        ),
        "prompt_id": draw.prompt_id,
        "round": draw.round,
        "teacher": draw.teacher,
        "model": model.model,
        "sample_index": draw.sample_index,
        "principle": draw.principle,
        "system_text": draw.system_text,
        "text": text,
        "text_hash": None if text is None else text_hash(text),
        "status": status,
        "error": reply.error,
        "is_self_training": is_self_training(draw.teacher, model, student),
        "method": "teacher",
        "is_for_pairs_only": False,
        "call_id": reply.call_id,
        "earlier_call_ids": [],
        "template_hash": draw.template_hash,
        "licence": model.licence,
        "origin": f"model:{draw.teacher}",
    }
