from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from synth_assets.method import Material
from synth_assets.methods.majority_vote import (
    MAJORITY_VOTES,
    MajorityVote,
    count_votes,
    vote_on_answers,
)
from synth_assets.methods.result import MethodResult
from synth_assets.schemas import COMPLETIONS, MUTATED_PROMPTS
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.scripted_ask import never_asked


def vote(
    *texts: str | None, reference: str | None = None, status: str = "ok", **values: Any
) -> MethodResult:
    """A vote over completions c0, c1 … of one prompt; each text is a final answer."""
    completions = make_completions(
        *[
            {"prompt_id": "p", "text": None if text is None else rf"So \boxed{{{text}}}."}
            | {"status": status}
            for text in texts
        ]
    )
    frames = {
        "mutated_prompts": make_prompts(a_prompt("What?", "p", reference=reference)),
        "completions": completions,
    }
    return vote_on_answers(Material(1, frames, never_asked()), MajorityVote(**values))


def column(result: MethodResult, name: str) -> list[Any]:
    return result.rows.sort("completion_id")[name].to_list()


def test_the_most_frequent_answer_stands_and_the_others_are_dropped():
    result = vote("18", "17", "18", "18")
    assert column(result, "drop_reason") == [None, "minority_answer", None, None]
    assert column(result, "score") == [0.75, 0.25, 0.75, 0.75]
    assert column(result, "voters") == [4, 4, 4, 4]


def test_equal_answers_vote_together_however_they_are_written():
    result = vote("1/2", "0.5", r"\frac{1}{2}", "2")
    assert column(result, "answer") == ["1/2", "1/2", "1/2", "2"]
    assert column(result, "votes") == [3, 3, 3, 1]


def test_a_tie_has_no_winner():
    result = vote("18", "17", "18", "17", "16")
    assert set(column(result, "status")) == {"tie"}
    assert set(column(result, "drop_reason")) == {"tied_answers"}
    assert column(result, "score") == [0.4, 0.4, 0.4, 0.4, 0.2]
    assert result.notes == {"tied_prompts": 1}


def test_a_prompt_with_a_reference_is_not_judged_by_vote_unless_asked():
    result = vote("18", "18", "17", reference="17")
    assert set(column(result, "status")) == {"has_reference"}
    assert set(column(result, "drop_reason")) == {None}
    assert set(column(result, "score")) == {None}
    asked = vote("18", "18", "17", reference="17", with_reference=True)
    assert column(asked, "drop_reason") == [None, None, "minority_answer"]


def test_too_few_voters_decide_nothing():
    result = vote("18", "18", None)
    assert set(column(result, "status")) == {"too_few_voters"}
    assert set(column(result, "drop_reason")) == {None}
    assert set(column(vote("18", "18", drop_unjudged=True), "drop_reason")) == {"too_few_voters"}


def test_a_completion_without_an_answer_has_no_vote():
    result = vote("18", None, "18", "18")
    assert column(result, "status") == ["ok", "no_answer", "ok", "ok"]
    assert column(result, "drop_reason") == [None, "no_answer", None, None]
    assert column(result, "score") == [1.0, None, 1.0, 1.0]


def test_an_answer_that_was_cut_off_has_no_vote():
    assert set(column(vote("18", "18", "18", status="cut"), "voters")) == {0}


@pytest.mark.parametrize(("least", "reason"), [(0.6, None), (0.7, "low_agreement")])
def test_a_winner_needs_the_agreement_asked_for(least: float, reason: str | None):
    result = vote("18", "18", "17", "18", "16", least_agreement=least)
    assert column(result, "drop_reason")[0] == reason


def test_the_answer_line_of_the_recipe_is_read():
    completions = make_completions(*[{"prompt_id": "p", "text": f"A: {n}"} for n in (1, 1, 2)])
    frames = {"mutated_prompts": make_prompts(a_prompt("?", "p")), "completions": completions}
    result = vote_on_answers(Material(1, frames, never_asked()), MajorityVote(answer_line="^A:"))
    assert column(result, "answer") == ["1", "1", "2"]


def test_completions_of_a_dropped_prompt_have_no_row():
    frames = {
        "mutated_prompts": make_prompts(a_prompt("?", "p", drop_reason="too_short")),
        "completions": make_completions({"prompt_id": "p", "text": r"\boxed{1}"}),
    }
    assert vote_on_answers(Material(1, frames, never_asked()), MajorityVote()).rows.is_empty()


def test_nothing_in_gives_nothing_out():
    frames = {"mutated_prompts": MUTATED_PROMPTS.empty(), "completions": COMPLETIONS.empty()}
    result = vote_on_answers(Material(1, frames, never_asked()), MajorityVote())
    assert result.rows.equals(MAJORITY_VOTES.empty())


def test_the_order_of_rows_decides_nothing():
    texts = [r"\boxed{1}", r"\boxed{2}", r"\boxed{1.0}", "none"]
    completions = make_completions(*[{"prompt_id": "p", "text": text} for text in texts])
    prompts = make_prompts(a_prompt("?", "p"))
    found = [
        vote_on_answers(
            Material(1, {"mutated_prompts": prompts, "completions": frame}, never_asked()),
            MajorityVote(),
        ).rows
        for frame in (completions, completions.reverse())
    ]
    assert found[0].equals(found[1])
    assert found[0].filter(pl.col("drop_reason").is_null()).height == 2


def test_nobody_votes_and_nobody_wins():
    vote = count_votes([])
    assert (vote.winner, vote.voters) == (None, 0)
