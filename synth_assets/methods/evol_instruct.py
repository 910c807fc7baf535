"""Prompts of a pool in, rewrites of them, deeper or broader, out (Xu et al. 2023, WizardLM).

A generation asks in three steps, the cheap before the dear: the rewrite, then the judge for what
the text rules kept, then the first completion for what the judge kept. Whatever eliminates a
rewrite, the prompt that it was made from goes on to the next generation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import polars as pl
from pydantic import Field

from synth_assets.identity import seeded_random
from synth_assets.llm.request import Ask, Message, Reply, Request, user
from synth_assets.method import POOL, Material, Resolve, Rule, method
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.draws import IdPool
from synth_assets.methods.elimination import completion_reason, equality_reason, rewrite_reason
from synth_assets.methods.prompt_rows import (
    PROMPT_SCHEMA,
    kept,
    messages_of,
    new_prompt_id,
    prompt_row,
    transcript,
)
from synth_assets.methods.result import MethodResult
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.templates import Template, load_template, quote

DepthOperator = Literal[
    "add_constraint", "deepen", "concretise", "add_reasoning", "complicate_input"
]
Operator = Literal[DepthOperator, "breadth"]


class EvolInstruct(Part):
    """Prompts rewritten deeper or broader (Xu et al. 2023; methods.md 3).

    judge_sampling: greedy, and with room for a judge that thinks before its one word.
    """

    teacher: ModelName
    judge: ModelName
    per_round: int = Field(ge=1, description="Prompts of the pool that are evolved in each round")
    generations: int = Field(default=4, ge=1, le=10)
    operators: tuple[Operator, ...] = Field(default=get_args(Operator), min_length=1)
    sorry_words: int = Field(default=80, ge=0)
    sampling: Sampling = Sampling(temperature=1.0, top_p=0.95, max_tokens=2048)
    judge_sampling: Sampling = Sampling(temperature=0.0, max_tokens=256)


METHOD = "evol_instruct"
EQUALITY_TEMPLATE = "evol_instruct/is_equal"

FirstCompletion = Callable[[str, Sequence[Message]], Request]
"""prompt_id and messages → the request that the completions stage will make first for them."""


@dataclass(frozen=True)
class _Prompt:
    """A prompt as it stands in a generation; depth counts its rewrites since the pool."""

    prompt_id: str
    messages: tuple[Message, ...]
    text: str
    family_id: str
    split: str
    licence: str | None
    depth: int


@dataclass(frozen=True)
class _Candidate:
    """One rewrite, and what the three steps found so far."""

    parent: _Prompt
    operator: str
    attempt: int
    prompt_id: str
    text: str | None
    template: Template
    call_ids: tuple[str, ...]
    drop_reason: str | None = None
    messages: tuple[Message, ...] = field(default=())

    def after(self, reply: Reply, reason: str | None) -> _Candidate:
        """With one more call, which may have eliminated it."""
        return replace(self, call_ids=(*self.call_ids, reply.call_id), drop_reason=reason)

    def as_prompt(self) -> _Prompt:
        """The prompt that goes on to the next generation: this one, or its parent."""
        if self.drop_reason is not None or self.text is None:
            return self.parent
        return replace(
            self.parent,
            prompt_id=self.prompt_id,
            messages=self.messages,
            text=self.text,
            depth=self.parent.depth + 1,
        )


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    for reason in ("failed_reply", "empty_rewrite", "cut_off", "copies_template"):
        yield reason, None, None
    yield "equal_to_parent", None, None
    yield "equality_unknown", None, None
    yield "completion_refuses", parameters.get("sorry_words"), None
    yield "completion_failed", None, None
    yield "completion_says_nothing", None, None


def _may_follow(
    parameters: EvolInstruct, unknown: Counter[str], teacher: str | None
) -> tuple[Counter[str], int]:
    """An unknown reply leaves open all that its prompt goes through in all generations: each
    rewrites it, asks the judge, and asks for the first completion."""
    steps = min(unknown.total(), parameters.per_round) * parameters.generations
    asked: Counter[str] = Counter()
    for model in (parameters.teacher, parameters.judge, teacher):
        if model is not None:
            asked[model] += steps
    return asked, steps


def _templates(parameters: EvolInstruct, resolve: Resolve) -> list[Template]:
    names = [f"{METHOD}/{operator}" for operator in parameters.operators]
    return [load_template(name) for name in (*names, EQUALITY_TEMPLATE)]


@method(
    METHOD,
    kind="prompts",
    table="evolved_prompts",
    description="Prompts rewritten deeper or broader (Evol-Instruct, Xu et al. 2023).",
    parameters=EvolInstruct,
    templates=_templates,
    rewrites=True,
    needs_teacher=True,
    rules=_rules,
    may_follow=_may_follow,
)
def make_prompts(material: Material, parameters: EvolInstruct) -> MethodResult:
    """The method in the graph: its round's pool in, rewritten prompts out."""
    assert material.first_completion is not None, "the recipe's rules ask for a teacher"
    return evolve_prompts(
        material.frame(POOL),
        round=material.round,
        parameters=parameters,
        first_completion=material.first_completion,
        ask=material.ask,
    )


def evolve_prompts(
    pool: pl.DataFrame,
    *,
    round: int,
    parameters: EvolInstruct,
    first_completion: FirstCompletion,
    ask: Ask,
) -> MethodResult:
    """Draws ``per_round`` prompts of the pool and rewrites each for ``generations``.

    Rewrites inherit family, split and licence; a reference answer does not carry over, for the
    task has changed. Of several turns only the last user turn is rewritten.
    """
    pool = kept(pool)
    drawn = IdPool(pool["prompt_id"]).draw(parameters.per_round, METHOD, "pool", round)
    prompts = _prompts(pool, drawn)
    counts: Counter[str] = Counter()
    candidates: list[_Candidate] = []
    for attempt in range(1, parameters.generations + 1) if prompts else ():
        generation = _evolve_once(
            prompts, attempt, round, parameters, first_completion, ask, counts
        )
        candidates.extend(generation)
        prompts = [candidate.as_prompt() for candidate in generation]
    counts["evolutions_failed"] = sum(each.drop_reason is not None for each in candidates)
    rows = [_row(candidate, round, parameters) for candidate in candidates]
    return MethodResult(PROMPT_SCHEMA.frame(rows), {}, len(candidates), dict(counts))


def _evolve_once(
    prompts: list[_Prompt],
    attempt: int,
    round: int,
    parameters: EvolInstruct,
    first_completion: FirstCompletion,
    ask: Ask,
    counts: Counter[str],
) -> list[_Candidate]:
    """One generation: a candidate for each prompt, in the order of the prompts."""
    requests = _rewrite_requests(prompts, attempt, round, parameters)
    # Each is rewritten, judged and completed in each generation.
    in_all = 3 * len(prompts) * parameters.generations if attempt == 1 else None
    rewrites = Counted(len(prompts), requests, in_all)
    candidates = [
        _candidate(prompt, operator, attempt, round, reply)
        for (prompt, operator), reply in ask_about(ask, rewrites, counts)
    ]
    judged = _step(
        candidates,
        lambda candidate: _equality_request(candidate, parameters),
        equality_reason,
        ask,
        counts,
    )
    return _step(
        judged,
        lambda candidate: first_completion(candidate.prompt_id, candidate.messages),
        lambda reply: completion_reason(reply, parameters.sorry_words),
        ask,
        counts,
    )


def _step(
    candidates: list[_Candidate],
    request: Callable[[_Candidate], Request],
    reason: Callable[[Reply], str | None],
    ask: Ask,
    counts: Counter[str],
) -> list[_Candidate]:
    """Asks about the candidates that are left, and keeps the others as they are."""
    after = list(candidates)
    left = [place for place, candidate in enumerate(candidates) if candidate.drop_reason is None]
    about = Counted(len(left), ((place, request(candidates[place])) for place in left))
    for place, reply in ask_about(ask, about, counts):
        after[place] = candidates[place].after(reply, reason(reply))
    return after


def _rewrite_requests(
    prompts: Iterable[_Prompt], attempt: int, round: int, parameters: EvolInstruct
) -> Iterator[tuple[tuple[_Prompt, str], Request]]:
    operators = sorted(set(parameters.operators))
    for prompt in prompts:
        draw = seeded_random(METHOD, "operator", prompt.prompt_id, attempt, round)
        operator = draw.choice(operators)
        request = Request(
            model=parameters.teacher,
            messages=(user(_template(operator).render(prompt=_quoted(prompt))),),
            sampling=parameters.sampling.given(),
            round=round,
            sample_index=attempt,
        )
        yield (prompt, operator), request


def _candidate(
    parent: _Prompt, operator: str, attempt: int, round: int, reply: Reply
) -> _Candidate:
    template = _template(operator)
    text = without_thoughts(reply.text) or None
    return _Candidate(
        parent=parent,
        operator=operator,
        attempt=attempt,
        prompt_id=new_prompt_id(METHOD, (parent.prompt_id,), round, attempt, 0, text),
        text=text,
        template=template,
        call_ids=(reply.call_id,),
        drop_reason=rewrite_reason(reply, parent.text, template),
        messages=() if text is None else (*parent.messages[:-1], user(text)),
    )


def _equality_request(candidate: _Candidate, parameters: EvolInstruct) -> Request:
    text = load_template(EQUALITY_TEMPLATE).render(
        first=quote("first prompt", candidate.parent.text),
        second=quote("second prompt", candidate.text or ""),
    )
    return Request(parameters.judge, (user(text),), parameters.judge_sampling.given())


def _quoted(prompt: _Prompt) -> str:
    """The last user turn, after the turns before it where there are any."""
    quoted = quote("prompt", prompt.text)
    earlier = prompt.messages[:-1]
    if not earlier:
        return quoted
    return f"{quote('earlier turns', transcript(earlier))}\n\n{quoted}"


def _template(operator: str) -> Template:
    return load_template(f"evol_instruct/{operator}")


def _prompts(pool: pl.DataFrame, drawn: list[str]) -> list[_Prompt]:
    chosen = pool.filter(pl.col("prompt_id").is_in(drawn)).sort("prompt_id")
    return [
        _Prompt(
            prompt_id=row["prompt_id"],
            messages=tuple(messages_of(row)),
            text=row["text"],
            family_id=row["family_id"],
            split=row["split"],
            licence=row["licence"],
            depth=0,
        )
        for row in chosen.iter_rows(named=True)
    ]


def _row(candidate: _Candidate, round: int, parameters: EvolInstruct) -> dict[str, object]:
    parent = candidate.parent
    return prompt_row(
        prompt_id=candidate.prompt_id,
        text=candidate.text,
        round=round,
        method=METHOD,
        operator=candidate.operator,
        generation=parent.depth + 1,
        derived_from=[parent.prompt_id],
        family_id=parent.family_id,
        split=parent.split,
        messages=list(candidate.messages) or None,
        model=parameters.teacher,
        call_ids=list(candidate.call_ids),
        template_hash=candidate.template.hash,
        licence=parent.licence,
        origin=f"model:{parameters.teacher}",
        drop_reason=candidate.drop_reason,
    )
