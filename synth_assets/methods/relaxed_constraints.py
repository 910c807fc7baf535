"""Prompts with several constraints in, answers to them with one constraint taken away out
(methods.md 12).

Such an answer is right but for the constraint that it was not told of: a hard *rejected* for the
prompt as it stands. See `constraint_relaxation` for the pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from synth_assets.identity import content_id, seeded_random
from synth_assets.llm.request import Request, system, user
from synth_assets.method import Material, method
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.pair_side import pair_side
from synth_assets.methods.prompt_rows import kept, messages_of, transcript
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import StructuredReply, ask_structured
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import COMPLETION_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, quote

METHOD = "relaxed_constraints"
ALONE = "relaxed_constraints/relax"
LAST_TURN = "relaxed_constraints/relax_last_turn"

OWN_COLUMNS = (
    Column("relaxed_constraint", pl.String, "The constraint that the teacher was not told of"),
    Column("relaxed_prompt", pl.String, "What the teacher answered in the prompt's place"),
)
SCHEMA = TableSchema(
    "relaxed_completions", "completion_id", "", (*COMPLETION_COLUMNS, *OWN_COLUMNS)
)


class RelaxedConstraints(Part):
    """rewriter: finds the constraints and takes one away. teacher: answers what is left.

    least: prompts of fewer constraints are passed over.
    rewriter_sampling: ours; one reply lists all constraints, each with the prompt without it.
    """

    rewriter: ModelName
    teacher: ModelName
    least: int = Field(default=2, ge=1)
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)
    rewriter_sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Relaxation(_Strict):
    constraint: str
    prompt_without_it: str


class Relaxations(_Strict):
    constraints: list[Relaxation]


@dataclass(frozen=True)
class _Subject:
    prompt: dict[str, Any]
    relaxation: Relaxation
    call_ids: tuple[str, ...]


@method(
    METHOD,
    kind="completions",
    table=SCHEMA.name,
    description="Answers to prompts with one of their constraints taken away: the rejected side of "
    "constraint_relaxation.",
    parameters=RelaxedConstraints,
    templates=lambda parameters, resolve: [load_template(ALONE), load_template(LAST_TURN)],
    columns=OWN_COLUMNS,
    calls_of_a_prompt=lambda parameters, completions: (
        Counter({parameters.rewriter: 2}) + Counter({parameters.teacher: 1})
    ),
    completions_of_a_prompt=lambda parameters, _: 1,
)
def answer_relaxed(material: Material, parameters: RelaxedConstraints) -> MethodResult:
    """One row for each kept prompt of at least two constraints; one of them is drawn."""
    counts: Counter[str] = Counter()
    about = list(_relaxed(material, parameters, counts))
    requests = Counted(len(about), ((each, _request(each, material, parameters)) for each in about))
    rows = [
        {
            **pair_side(
                reply,
                prompt=each.prompt,
                method=METHOD,
                teacher=parameters.teacher,
                material=material,
                system_text=_system_text(each, material),
                earlier_call_ids=each.call_ids,
                template_hash=_template_for(each.prompt).hash,
            ),
            "relaxed_constraint": each.relaxation.constraint,
            "relaxed_prompt": each.relaxation.prompt_without_it,
        }
        for each, reply in ask_about(material.ask, requests, counts)
    ]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _relaxed(
    material: Material, parameters: RelaxedConstraints, counts: Counter[str]
) -> Iterator[_Subject]:
    prompts = kept(material.frame("mutated_prompts")).to_dicts()
    rewritten = ((prompt, _rewriting(prompt, parameters)) for prompt in prompts)
    asked = Counted(len(prompts), rewritten, in_all=2 * len(prompts))
    for prompt, reply in ask_structured(material.ask, asked, Relaxations, counts):
        counts["replies"] += len(reply.call_ids)
        counts["failed_replies"] += reply.status == "failed"
        found = _usable(reply, prompt["text"])
        if len(found) < parameters.least:
            counts["prompts_with_too_few_constraints"] += reply.value is not None
            continue
        drawn = seeded_random(METHOD, "constraint", prompt["prompt_id"]).choice(found)
        yield _Subject(prompt, drawn, tuple(reply.call_ids))


def _usable(reply: StructuredReply[Relaxations], text: str) -> list[Relaxation]:
    """Constraints that were in fact taken away, each once, in an order of their own."""
    if reply.value is None:
        return []
    found = {
        each.constraint: each
        for each in reply.value.constraints
        if each.constraint.strip()
        and each.prompt_without_it.strip()
        and " ".join(each.prompt_without_it.split()) != " ".join(text.split())
    }
    return sorted(found.values(), key=lambda each: content_id("constraint", each.constraint))


def _template_for(prompt: dict[str, Any]) -> Template:
    return load_template(ALONE if len(prompt["messages"]) == 1 else LAST_TURN)


def _rewriting(prompt: dict[str, Any], parameters: RelaxedConstraints) -> Request:
    """Shows the whole conversation, of which the last turn is the prompt to rewrite."""
    *before, last = messages_of(prompt)
    slots = {"prompt": quote("prompt", last["content"])}
    if before:
        slots["before"] = quote("turns before", transcript(before))
    text = _template_for(prompt).render(**slots)
    return Request(parameters.rewriter, (user(text),), parameters.rewriter_sampling.given())


def _system_text(each: _Subject, material: Material) -> str | None:
    """What stands before the original, so that the two answers differ in the constraint alone."""
    parts = [turn["content"] for turn in messages_of(each.prompt) if turn["role"] == "system"]
    if material.completions is not None and material.completions.system_text:
        parts.append(material.completions.system_text)
    return "\n\n".join(parts) or None


def _request(each: _Subject, material: Material, parameters: RelaxedConstraints) -> Request:
    turns = [turn for turn in messages_of(each.prompt) if turn["role"] != "system"]
    messages = (*turns[:-1], user(each.relaxation.prompt_without_it))
    text = _system_text(each, material)
    return Request(
        parameters.teacher,
        messages if text is None else (system(text), *messages),
        parameters.sampling.given(),
    )
