"""Completions of prompts without a reference in, the answer that most of them give out.

Self-consistency (Wang et al. 2022, section 2): sample several lines of reasoning, take the final
answers, and let the most frequent one stand. A prompt with a reference is judged by it, not by
vote, unless the recipe asks for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import Field

from synth_assets.identity import content_id
from synth_assets.method import Lack, Material, method
from synth_assets.methods.answer_equality import compare_answers
from synth_assets.methods.answer_extraction import AnswerLine, extract_answer
from synth_assets.methods.prompt_rows import kept
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import Part, Share
from synth_assets.schemas import FILTER_COLUMNS, Column, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

NAME = "majority_vote"
OWN_COLUMNS = (
    Column("answer", pl.String, "Final answer, as the first completion that gives it writes it"),
    Column("votes", pl.Int32, "Completions of the prompt with an equal answer; null without one"),
    Column("voters", pl.Int32, "Completions of the prompt that state an answer"),
)
MAJORITY_VOTES = TableSchema(
    "majority_votes",
    "filter_id",
    "The vote of a prompt's completions over their final answers (self-consistency, Wang et al. "
    "2022); score is the share of votes for the row's own answer.",
    (*FILTER_COLUMNS, *OWN_COLUMNS),
)


class MajorityVote(Part):
    """least_voters: answers that make a vote; Wang et al. sample 40, and gain most up to 10.
    least_agreement: share of the votes that the winner needs (0: more than any other is enough).
    with_reference: also vote on prompts that have a reference.
    drop_unjudged: also drop completions of prompts with neither reference nor enough voters.
    answer_line: pattern whose match is followed by the final answer, such as ``^A:``.
    """

    least_voters: int = Field(default=3, ge=2, le=1000)
    least_agreement: Share = 0.0
    with_reference: bool = False
    drop_unjudged: bool = False
    answer_line: AnswerLine = None


@dataclass(frozen=True)
class Vote:
    """answers: completion → its class's answer. winner: None for a tie and without voters."""

    answers: Mapping[str, str]
    counts: Mapping[str, int]
    winner: str | None

    @property
    def voters(self) -> int:
        return len(self.answers)


def _requires(parameters: MajorityVote, recipe: Recipe) -> Iterator[Lack]:
    own = recipe.own_completions
    if own is None or recipe.methods("completions"):
        return
    # A prompt may come with an answer beside those of the teachers.
    most = (own.pool or len(own.teachers)) * own.per_prompt + bool(recipe.methods("prompts"))
    if parameters.least_voters > most:
        yield (
            ("least_voters",),
            f"= {parameters.least_voters}: a prompt has {most} answers at most, so none would ever "
            "be voted on; raise completions.per_prompt, or lower it",
        )


@method(
    NAME,
    kind="filters",
    table=MAJORITY_VOTES.name,
    description=MAJORITY_VOTES.description,
    parameters=MajorityVote,
    columns=OWN_COLUMNS,
    requires=_requires,
    asks=False,
)
def vote_on_answers(material: Material, parameters: MajorityVote) -> MethodResult:
    """One row per completion of a kept prompt."""
    rows = _rows(kept(material.frame("mutated_prompts")), material.frame("completions"), parameters)
    found = MAJORITY_VOTES.frame(list(rows)).sort("filter_id")
    tied = found.filter(pl.col("status") == "tie")["prompt_id"].n_unique()
    return MethodResult(found, {}, found.height, {"tied_prompts": tied})


def count_votes(answers: Sequence[tuple[str, str]]) -> Vote:
    """(completion, final answer) in the order of ids → the vote. Equality is the verifier's: an
    answer joins the first class whose first member it equals. Two classes with the most votes are
    a tie, and nobody wins: any rule that broke it would be made up."""
    class_of: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for completion, answer in answers:
        if answer not in class_of:
            known = (first for first in members if compare_answers(first, answer))
            class_of[answer] = next(known, answer)
        members.setdefault(class_of[answer], []).append(completion)
    counts = {answer: len(voters) for answer, voters in members.items()}
    most = max(counts.values(), default=0)
    first = [answer for answer, count in counts.items() if count == most]
    return Vote(
        {completion: class_of[answer] for completion, answer in answers},
        counts,
        first[0] if len(first) == 1 else None,
    )


def _rows(
    prompts: pl.DataFrame, completions: pl.DataFrame, parameters: MajorityVote
) -> Iterator[dict[str, object]]:
    has_reference = {
        prompt: reference is not None
        for prompt, reference in prompts.select("prompt_id", "reference").iter_rows()
    }
    ordered = completions.sort("prompt_id", "completion_id")
    for (prompt,), group in ordered.group_by("prompt_id", maintain_order=True):
        if prompt not in has_reference:
            continue
        rows = list(group.iter_rows(named=True))
        if has_reference[str(prompt)] and not parameters.with_reference:
            yield from (_row(row, "has_reference") for row in rows)
            continue
        found = [(row["completion_id"], _answer(row, parameters)) for row in rows]
        vote = count_votes([(id, answer) for id, answer in found if answer is not None])
        yield from (_judged(row, vote, parameters) for row in rows)


def _answer(row: Mapping[str, Any], parameters: MajorityVote) -> str | None:
    """A text that broke off states no final answer, whatever it looks like."""
    if row["text"] is None or row["status"] != "ok":
        return None
    return extract_answer(row["text"], parameters.answer_line)


def _judged(row: Mapping[str, Any], vote: Vote, parameters: MajorityVote) -> dict[str, object]:
    if vote.voters < parameters.least_voters:
        reason = "too_few_voters" if parameters.drop_unjudged else None
        return _row(row, "too_few_voters", reason, vote)
    if row["completion_id"] not in vote.answers:
        return _row(row, "no_answer", "no_answer", vote)
    if vote.winner is None:
        return _row(row, "tie", "tied_answers", vote)
    reason = None
    if vote.answers[row["completion_id"]] != vote.winner:
        reason = "minority_answer"
    elif vote.counts[vote.winner] < parameters.least_agreement * vote.voters:
        reason = "low_agreement"
    return _row(row, "ok", reason, vote)


def _row(
    row: Mapping[str, Any], status: str, drop_reason: str | None = None, vote: Vote | None = None
) -> dict[str, object]:
    answer = None if vote is None else vote.answers.get(row["completion_id"])
    votes = None if vote is None or answer is None else vote.counts[answer]
    return {
        "filter_id": content_id("filter", NAME, row["completion_id"]),
        "completion_id": row["completion_id"],
        "prompt_id": row["prompt_id"],
        "round": row["round"],
        "filter": NAME,
        "score": None if vote is None or votes is None else votes / vote.voters,
        "status": status,
        "holds_for": "sft",
        "call_ids": [],
        "drop_reason": drop_reason,
        "answer": answer,
        "votes": votes,
        "voters": None if vote is None else vote.voters,
    }
