"""Prompts and completions in, soft preference labels by one drawn principle out (Bai et al. 2022,
section 4: preferences from AI feedback)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import polars as pl
from pydantic import Field, model_validator

from synth_assets.identity import content_id, seeded_random
from synth_assets.llm.request import Ask, Request, user
from synth_assets.method import Material, Resolve, method
from synth_assets.methods.asking import Counted
from synth_assets.methods.choice_label import Choice, ReasonedChoice, Vote, label_of, read_vote
from synth_assets.methods.constitution import Constitution, Principle
from synth_assets.methods.constitutional import constitution_of
from synth_assets.methods.pair_drawing import DrawnPair, draw_pairs, prompts_without_a_pair
from synth_assets.methods.pair_rows import pair_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import ask_structured
from synth_assets.recipe_parts import ModelName, OwnFile, Part, Sampling
from synth_assets.schemas import PAIR_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template

NAME = "constitutional_preference"
COLUMNS = (
    Column("choice_by", pl.String, "Name of the principle drawn for the pair"),
    Column(
        "votes",
        pl.List(pl.Float64),
        "Of each reply in turn: probability of the completion shown as A; null where unread",
    ),
)
LABELLED = TableSchema(
    "labelled", "pair_candidate_id", "Labelled pairs.", (*PAIR_COLUMNS, *COLUMNS)
)


class ConstitutionalPreference(Part):
    """Two completions, one principle drawn, the judge chooses (A) or (B) (methods.md 9).

    label: ``votes`` (1 or 0 for each reply) or ``logprobs`` (the share of A's probability, for
    endpoints that return ``top_logprobs``).
    votes: replies per pair, in turn with the order swapped; 1 or an even number. The label is
    their mean.
    chain_of_thought: the judge thinks before it chooses; labels are clamped to [0.4, 0.6].
    """

    judge: ModelName
    label: Literal["votes", "logprobs"] = "votes"
    votes: int = Field(default=2, ge=1, le=64)
    chain_of_thought: bool = False
    pairs_per_prompt: int = Field(default=1, ge=1, le=2016)
    constitution: OwnFile | None = None
    sampling: Sampling = Sampling(temperature=1.0, max_tokens=512)

    @model_validator(mode="after")
    def _orders_are_balanced(self) -> ConstitutionalPreference:
        if self.votes != 1 and self.votes % 2:
            raise ValueError("votes: take 1, or an even number: half of them in each order")
        if self.votes == 1 and self.label == "votes":
            raise ValueError("votes: one vote is no soft label; take 2 or more, or label: logprobs")
        return self


TOP_LOGPROBS = 10
"""Alternatives asked for at each token: both letters in a few forms. OpenAI gives at most 20."""


@dataclass(frozen=True)
class _Question:
    pair: DrawnPair
    principle: Principle


def _template(parameters: ConstitutionalPreference) -> Template:
    name = "choose_with_reasons" if parameters.chain_of_thought else "choose"
    return load_template(f"constitutional/{name}")


def _templates(parameters: ConstitutionalPreference, resolve: Resolve) -> Iterable[Template]:
    constitution = constitution_of(parameters.constitution, resolve)
    return (_template(parameters), constitution.as_template())


@method(
    NAME,
    kind="pairs",
    table="constitutional_choices",
    description="Soft labels: which of two completions keeps a drawn principle better "
    "(Constitutional AI, Bai et al. 2022).",
    parameters=ConstitutionalPreference,
    templates=_templates,
    columns=COLUMNS,
    pairs_of_a_prompt=lambda parameters: parameters.pairs_per_prompt,
    corrects=True,
    calls_of_a_prompt=lambda parameters, completions: {
        parameters.judge: parameters.votes
        * min(parameters.pairs_per_prompt, completions * (completions - 1) // 2)
    },
)
def label_pairs(material: Material, parameters: ConstitutionalPreference) -> MethodResult:
    """The method in the graph: a round's prompts and completions in, labelled pairs out."""
    return choose_completions(
        material.frame("mutated_prompts"),
        material.frame("completions"),
        parameters=parameters,
        constitution=constitution_of(parameters.constitution, material.resolve),
        ask=material.ask,
    )


def choose_completions(
    prompts: pl.DataFrame,
    completions: pl.DataFrame,
    *,
    parameters: ConstitutionalPreference,
    constitution: Constitution,
    ask: Ask,
) -> MethodResult:
    """One row for each pair drawn: ``soft_label`` is the probability that chosen is better, so at
    least a half. A label of a half is a tie, and dropped."""
    counts: Counter[str] = Counter()
    template = _template(parameters)
    pairs = draw_pairs(prompts, completions, count=parameters.pairs_per_prompt, method=NAME)
    requests = Counted(
        len(pairs) * parameters.votes, _requests(pairs, parameters, constitution, template)
    )
    form = ReasonedChoice if parameters.chain_of_thought else Choice
    asked = ask_structured(ask, requests, form, counts)
    rows: list[dict[str, object]] = []
    while replies := list(islice(asked, parameters.votes)):
        votes = [read_vote(found, by=parameters.label) for _, found in replies]
        counts.update(f"votes_{vote.status}" for vote in votes)
        rows.append(_row(replies[0][0], votes, parameters, template.hash))
    counts.update(f"pairs_{row['status']}" for row in rows)
    counts["prompts_without_a_pair"] = prompts_without_a_pair(prompts, completions)
    return MethodResult(LABELLED.frame(rows), {}, len(rows), dict(counts))


def _requests(
    pairs: Iterable[DrawnPair],
    parameters: ConstitutionalPreference,
    constitution: Constitution,
    template: Template,
) -> Iterator[tuple[_Question, Request]]:
    sampling = parameters.sampling.given()
    if parameters.label == "logprobs":
        sampling |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    for pair in pairs:
        draw = seeded_random(NAME, "principle", pair.a.completion_id, pair.b.completion_id)
        question = _Question(pair, draw.choice(constitution.principles))
        for vote in range(parameters.votes):
            slots = pair.slots(is_swapped=vote % 2 == 1) | {"principle": question.principle.choice}
            text = template.render(**{name: slots[name] for name in template.slots})
            yield (
                question,
                Request(parameters.judge, (user(text),), sampling, sample_index=vote // 2),
            )


def _row(
    question: _Question,
    votes: Sequence[Vote],
    parameters: ConstitutionalPreference,
    template_hash: str,
) -> dict[str, object]:
    pair = question.pair
    label = label_of(votes, is_clamped=parameters.chain_of_thought)
    chosen, rejected = (pair.b, pair.a) if label is not None and label < 0.5 else (pair.a, pair.b)
    soft_label = None if label is None else max(label, 1 - label)
    status = _why_no_label(votes) if label is None else "tie" if label == 0.5 else "ok"
    return pair_row(
        NAME,
        pair_candidate_id=content_id("pair", NAME, pair.a.completion_id, pair.b.completion_id),
        chosen=chosen.completion_id,
        rejected=rejected.completion_id,
        prompt_id=pair.prompt_id,
        round=pair.prompt["round"],
        margin=None if soft_label is None else 2 * soft_label - 1,
        soft_label=soft_label,
        judge=parameters.judge,
        rationale=next((vote.rationale for vote in votes if vote.rationale), None),
        status=status,
        call_ids=[call for vote in votes for call in vote.call_ids],
        template_hash=template_hash,
        drop_reason=None if status == "ok" else status,
        choice_by=question.principle.name,
        votes=[vote.share for vote in votes],
    )


def _why_no_label(votes: Sequence[Vote]) -> str:
    """The first of what kept the votes from being read."""
    statuses = {vote.status for vote in votes}
    return next(s for s in ("failed", "unparsed", "no_logprobs") if s in statuses)
