"""A chat template's beginning in, the prompt that an aligned model writes after it out (Xu et al.
2024, "Magpie", section 2).

The model is given its own template up to the place where a user's words would stand, and nothing
else: what it writes there is a prompt. No seed, no example. It takes the raw API of completions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from synth_assets.llm.request import Reply, Request, user
from synth_assets.method import Lack, Material, method
from synth_assets.methods.asking import Counted, ask_about, is_usable
from synth_assets.methods.prompt_rows import new_prompt_id, prompt_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import StructuredReply, ask_structured
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import PROMPT_COLUMNS, Column, TableSchema
from synth_assets.templates import load_template, quote

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "magpie"
TAG = "magpie/tag"

Quality = Literal["very poor", "poor", "average", "good", "excellent"]
Difficulty = Literal["very easy", "easy", "medium", "hard", "very hard"]
Category = Literal[
    "information seeking",
    "reasoning",
    "planning",
    "editing",
    "coding",
    "mathematics",
    "role playing",
    "data analysis",
    "creative writing",
    "advice seeking",
    "brainstorming",
    "other",
]

OWN_COLUMNS = (
    Column("tagged_quality", pl.String, "very poor to excellent; null where nobody tagged it"),
    Column("tagged_difficulty", pl.String, "very easy to very hard; null where nobody tagged it"),
    Column("tagged_category", pl.String, "What is asked for, of 12; null where nobody tagged it"),
    Column(
        "tag_status", pl.String, "parsed, repaired, corrected, unparsed, failed; null: untagged"
    ),
)
SCHEMA = TableSchema("magpie_prompts", "prompt_id", "", (*PROMPT_COLUMNS, *OWN_COLUMNS))


class Magpie(Part):
    """teacher: a model with api: completions and its template_prefix.

    judge: tags the prompts; null for no tags. sampling: as published, but for the stop, which is
    the first newline.
    """

    teacher: ModelName
    per_round: int = Field(ge=1, description="Prompts asked for in each round")
    judge: ModelName | None = None
    sampling: Sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=512, stop=("\n",))
    judge_sampling: Sampling = Sampling(temperature=0.0, max_tokens=256)


class Tags(BaseModel):
    model_config = ConfigDict(extra="forbid")

    quality: Quality
    difficulty: Difficulty
    category: Category


@dataclass(frozen=True)
class _Candidate:
    prompt_id: str
    n: int
    text: str | None
    drop_reason: str | None
    call_ids: tuple[str, ...]
    tags: StructuredReply[Tags] | None = field(default=None)


def _requires(parameters: Magpie, recipe: Recipe) -> Iterator[Lack]:
    name, model = parameters.teacher, recipe.models.get(parameters.teacher)
    if model is None:
        return
    if model.api != "completions":
        yield (
            ("teacher",),
            f"= {name!r}: is {model.model} through a chat API, which puts its own template around "
            "every text; declare an openai_compatible/… model with api: completions and its "
            "template_prefix",
        )
    elif not model.template_prefix:
        yield (
            ("teacher",),
            f"= {name!r}: has no template_prefix; write its chat template up to the user's words, "
            'such as "<|im_start|>user\\n"',
        )


@method(
    METHOD,
    kind="prompts",
    table=SCHEMA.name,
    description="Prompts that an aligned model writes after the beginning of its chat template "
    "alone (Magpie, Xu et al. 2024).",
    parameters=Magpie,
    templates=lambda parameters, resolve: [load_template(TAG)] if parameters.judge else [],
    columns=OWN_COLUMNS,
    requires=_requires,
    may_follow=lambda parameters, unknown, teacher: (
        Counter({parameters.judge: 2 * unknown[parameters.teacher]})
        if parameters.judge
        else Counter(),
        parameters.per_round,
    ),
)
def continue_template(material: Material, parameters: Magpie) -> MethodResult:
    """``per_round`` candidates, each the first line that the model wrote."""
    prefix = material.models[parameters.teacher].template_prefix
    assert prefix, "loading the recipe asks for it"
    counts: Counter[str] = Counter()
    sampling = parameters.sampling.given()
    draws = (
        (n, Request(parameters.teacher, (user(prefix),), sampling, None, material.round, n))
        for n in range(parameters.per_round)
    )
    in_all = 2 * parameters.per_round if parameters.judge else None
    requests = Counted(parameters.per_round, draws, in_all)
    candidates: list[_Candidate] = []
    seen: set[str] = set()
    for n, reply in ask_about(material.ask, requests, counts):
        candidates.append(_candidate(n, reply, material.round, seen))
    tags = dict(_tag(candidates, material, parameters, counts))
    rows = [_row(each, tags.get(each.prompt_id), material.round, parameters) for each in candidates]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _candidate(n: int, reply: Reply, round: int, seen: set[str]) -> _Candidate:
    text = (reply.text or "").strip().partition("\n")[0].strip() or None
    prompt_id = new_prompt_id(METHOD, (), round, n, 0, text)
    reason = _reason(reply, text, seen)
    if text is not None:
        seen.add(" ".join(text.casefold().split()))
    return _Candidate(prompt_id, n, text, reason, (reply.call_id,))


def _reason(reply: Reply, text: str | None, seen: set[str]) -> str | None:
    if reply.status in ("failed", "refused"):
        return "failed_reply"
    if not is_usable(reply) or text is None:
        return "empty"
    if reply.status == "cut":
        return "cut_off"
    return "duplicate" if " ".join(text.casefold().split()) in seen else None


def _tag(
    candidates: list[_Candidate],
    material: Material,
    parameters: Magpie,
    counts: Counter[str],
) -> Iterator[tuple[str, StructuredReply[Tags]]]:
    if parameters.judge is None:
        return
    judge, sampling = parameters.judge, parameters.judge_sampling.given()
    untagged = [
        (each.prompt_id, each.text)
        for each in candidates
        if each.drop_reason is None and each.text is not None
    ]
    about = Counted(len(untagged), ((id, _tagging(text, judge, sampling)) for id, text in untagged))
    for prompt_id, reply in ask_structured(material.ask, about, Tags, counts):
        counts["replies"] += len(reply.call_ids)
        counts["failed_replies"] += reply.status == "failed"
        yield prompt_id, reply


def _tagging(text: str, judge: str, sampling: dict[str, Any]) -> Request:
    shown = load_template(TAG).render(prompt=quote("prompt", text))
    return Request(judge, (user(shown),), sampling)


def _row(
    each: _Candidate, tags: StructuredReply[Tags] | None, round: int, parameters: Magpie
) -> dict[str, object]:
    value = tags.value if tags is not None else None
    row = prompt_row(
        prompt_id=each.prompt_id,
        text=each.text,
        round=round,
        method=METHOD,
        model=parameters.teacher,
        call_ids=[*each.call_ids, *(tags.call_ids if tags is not None else ())],
        template_hash=load_template(TAG).hash if parameters.judge else None,
        origin=f"model:{parameters.teacher}",
        drop_reason=each.drop_reason,
    )
    return row | {
        "tagged_quality": value.quality if value else None,
        "tagged_difficulty": value.difficulty if value else None,
        "tagged_category": value.category if value else None,
        "tag_status": tags.status if tags is not None else None,
    }
