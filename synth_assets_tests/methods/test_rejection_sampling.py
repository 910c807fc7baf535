from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from synth_assets.identity import content_id, text_hash
from synth_assets.method import Material
from synth_assets.methods.majority_vote import MajorityVote, vote_on_answers
from synth_assets.methods.rejection_sampling import (
    SELECTIONS,
    RejectionSampling,
    sample_by_rejection,
    scores_of,
    select,
    table_of_score,
)
from synth_assets.methods.result import MethodResult
from synth_assets.schemas import COMPLETIONS, JUDGMENTS, MUTATED_PROMPTS
from synth_assets_tests.methods.builders import (
    a_prompt,
    make_completions,
    make_journal,
    make_prompts,
)
from synth_assets_tests.scripted_ask import never_asked

R = (
    (0.7, 0.3, 0.5, 0.2),
    (0.4, 0.8, 0.6, 0.5),
    (0.9, 0.3, 0.4, 0.7),
    (0.2, 0.5, 0.8, 0.6),
    (0.5, 0.4, 0.3, 0.6),
)
"""Scores of four completions of each of five prompts."""

CANDIDATES = pl.DataFrame(
    [
        {"completion_id": f"{4 * row + place:02}", "prompt_id": f"p{row}", "score": score}
        for row, scores in enumerate(R)
        for place, score in enumerate(scores)
    ]
)


def make_judgments(*rows: dict[str, Any]) -> pl.DataFrame:
    neutral: dict[str, Any] = dict.fromkeys(JUDGMENTS.polars.names())
    neutral |= {"round": 1, "status": "ok", "kind": "rating", "method": "ultrafeedback"}
    neutral |= {"criterion": "helpfulness"}
    return JUDGMENTS.frame(
        [
            neutral | {"judgment_id": content_id("test", place)} | row
            for place, row in enumerate(rows)
        ]
    )


def rated(completion: str, rating: float | None, **values: Any) -> dict[str, Any]:
    return {"completion_id": completion, "rating": rating, **values}


def said(prompt: str, text: str | None, **values: Any) -> dict[str, Any]:
    return {"prompt_id": prompt, "text": text, "text_hash": text and text_hash(text), **values}


def sample(
    completions: pl.DataFrame,
    judgments: pl.DataFrame,
    prompts: pl.DataFrame,
    journal: pl.DataFrame | None = None,
    **values: Any,
) -> MethodResult:
    frames = {"mutated_prompts": prompts, "completions": completions, "judgments": judgments}
    frames["retractions"] = make_journal() if journal is None else journal
    return sample_by_rejection(Material(0, frames, never_asked()), RejectionSampling(**values))


def by_completion(result: MethodResult) -> dict[str, dict[str, Any]]:
    return {row["completion_id"]: row for row in result.rows.to_dicts()}


def test_the_best_of_each_prompt_of_the_published_example():
    chosen = select(CANDIDATES, RejectionSampling())
    places = [int(id) % 4 + 1 for id in chosen.selected]
    assert places == [1, 2, 1, 3, 4]


def test_the_five_best_overall_of_the_published_example_with_stable_ties():
    chosen = select(CANDIDATES, RejectionSampling(select="top_overall", top=5))
    assert [int(id) for id in chosen.selected] == [8, 5, 14, 0, 11]


def test_the_order_of_rows_decides_nothing():
    for parameters in (RejectionSampling(), RejectionSampling(select="top_overall", top=5)):
        assert select(CANDIDATES.reverse(), parameters) == select(CANDIDATES, parameters)


def test_the_control_of_the_best_per_prompt_has_one_of_each_prompt():
    chosen = select(CANDIDATES, RejectionSampling())
    prompts = dict(CANDIDATES.select("completion_id", "prompt_id").iter_rows())
    assert [prompts[id] for id in chosen.control] == ["p0", "p1", "p2", "p3", "p4"]


def test_the_control_of_the_top_has_as_many_different_members():
    chosen = select(CANDIDATES, RejectionSampling(select="top_overall", top=5))
    assert len(set(chosen.control)) == 5


def test_the_control_does_not_look_at_scores():
    shuffled = CANDIDATES.with_columns(score=1 - pl.col("score"))
    for values in ({}, {"select": "top_overall", "top": 5}):
        parameters = RejectionSampling.model_validate(values)
        assert select(shuffled, parameters).control == select(CANDIDATES, parameters).control


def test_a_control_is_any_completion_of_its_prompt_about_as_often():
    many = pl.concat(
        [
            CANDIDATES.head(4).with_columns(
                completion_id=pl.format("{}-{}", pl.lit(n), "completion_id"),
                prompt_id=pl.lit(f"p{n}"),
            )
            for n in range(400)
        ]
    )
    control = select(many, RejectionSampling()).control
    counts = [sum(id.endswith(f"-0{place}") for id in control) for place in range(4)]
    assert sum(counts) == 400
    assert all(70 < count < 130 for count in counts)


def test_what_scores_too_little_is_not_selected_and_the_control_shrinks_with_it():
    chosen = select(CANDIDATES, RejectionSampling(least_score=0.8))
    assert chosen.selected == ("05", "08", "14")
    assert len(chosen.control) == 3


def test_fewer_candidates_than_asked_for_are_all_selected():
    chosen = select(CANDIDATES.head(3), RejectionSampling(select="top_overall", top=5))
    assert chosen.selected == ("00", "02", "01")
    assert set(chosen.control) == {"00", "01", "02"}


def test_each_row_says_why_it_is_not_selected():
    completions = make_completions(
        said("a", "one"),
        said("a", "two"),
        said("a", "three"),
        said("a", None, status="failed"),
        said("a", "four", is_for_pairs_only=True),
        said("b", "same"),
        said("b", "same"),
        said("gone", "x"),
    )
    judgments = make_judgments(rated("c0", 2), rated("c1", 5), rated("c5", 3), rated("c6", 3))
    prompts = make_prompts(
        a_prompt("A?", "a"), a_prompt("B?", "b"), a_prompt("C?", "gone", drop_reason="too_short")
    )
    result = sample(completions, judgments, prompts)
    rows = by_completion(result)
    assert {id: row["drop_reason"] for id, row in rows.items()} == {
        "c0": "not_selected",
        "c1": None,
        "c2": "no_score",
        "c3": "not_usable",
        "c4": "not_usable",
        "c5": "all_the_same",
        "c6": "all_the_same",
    }
    assert [rows[f"c{n}"]["place"] for n in range(3)] == [2, 1, None]
    assert sum(row["is_control"] for row in rows.values()) == 1
    assert result.notes == {"selected": 1, "control": 1, "prompts_all_the_same": 1}
    assert {row["holds_for"] for row in rows.values()} == {"sft"}


def test_the_mean_rating_is_over_criteria_and_skips_what_has_no_number():
    judgments = make_judgments(
        rated("c0", 5, criterion="honesty"),
        rated("c0", 2),
        rated("c0", 4),
        rated("c1", None, status="unparsed"),
        rated("c1", 3),
        rated("c2", None, status="not_applicable"),
        rated("c3", 1, kind="deita", method="deita"),
    )
    assert scores_of(judgments, "mean_rating").rows() == [("c0", 4.0), ("c1", 3.0)]
    assert scores_of(judgments, "deita").rows() == [("c3", 1.0)]


def test_a_filters_number_may_be_the_score():
    completions = make_completions(
        *[
            {"prompt_id": "p", "text": rf"{n} \boxed{{{n % 2}}}", "text_hash": str(n)}
            for n in (1, 2, 3)
        ]
    )
    frames = {"mutated_prompts": make_prompts(a_prompt("A?", "p")), "completions": completions}
    votes = vote_on_answers(Material(1, frames, never_asked()), MajorityVote())
    parameters = RejectionSampling(score="majority_vote")
    assert table_of_score(parameters) == ("majority_votes",)
    more = {"majority_votes": votes.rows, "judgments": make_judgments()}
    more |= {"retractions": make_journal()}
    result = sample_by_rejection(Material(0, frames | more, never_asked()), parameters)
    rows = by_completion(result)
    assert [rows[f"c{n}"]["score"] for n in range(3)] == pytest.approx([2 / 3, 1 / 3, 2 / 3])
    assert [id for id, row in rows.items() if row["is_selected"]] == ["c0"]


def test_by_verification_only_what_verifies_is_selected():
    completions = make_completions(
        *[said(prompt, f"{prompt}{n}") for prompt in "ab" for n in range(2)]
    )
    verdicts = {"c0": "refuted", "c1": "verified", "c2": "refuted", "c3": "unparsed"}
    judgments = make_judgments(
        *[
            rated(id, None, status=status, kind="verification", criterion="answer")
            for id, status in verdicts.items()
        ]
    )
    prompts = make_prompts(a_prompt("A?", "a"), a_prompt("B?", "b"))
    rows = by_completion(sample(completions, judgments, prompts, score="verification"))
    assert {id: row["score"] for id, row in rows.items()} == {
        "c0": 0.0,
        "c1": 1.0,
        "c2": 0.0,
        "c3": None,
    }
    assert [id for id, row in rows.items() if row["is_selected"]] == ["c1"]
    assert [row["prompt_id"] for row in rows.values() if row["is_control"]] == ["a"]


THREE = make_completions(said("a", "one"), said("a", "two"), said("a", "three"))
TWO_JUDGES = make_judgments(
    rated("c0", 5, judge="kind"), rated("c1", 2, judge="kind"),
    rated("c0", 1, judge="strict"), rated("c1", 3, judge="strict"), rated("c2", 2, judge="strict"),
)  # fmt: skip


def test_what_a_withdrawn_judge_said_does_not_count():
    def scores(*withdrawn: dict[str, Any]) -> dict[str, Any]:
        prompts, journal = make_prompts(a_prompt("A?", "a")), make_journal(*withdrawn)
        rows = by_completion(sample(THREE, TWO_JUDGES, prompts, journal))
        return {id: row["score"] for id, row in rows.items()}

    assert scores() == {"c0": 3.0, "c1": 2.5, "c2": 2.0}
    assert scores({"kind": "model", "target": "strict"}) == {"c0": 5.0, "c1": 2.0, "c2": None}
    one = TWO_JUDGES["judgment_id"][4]
    assert scores({"target": one, "row_ids": [one]}) == {"c0": 3.0, "c1": 2.5, "c2": None}


def test_a_withdrawn_completion_is_neither_selected_nor_control():
    prompts = make_prompts(a_prompt("A?", "a"))
    for withdrawn in ({"target": "c0", "row_ids": ["c0"]}, {"kind": "model", "target": "hasty"}):
        completions = THREE.with_columns(
            teacher=pl.Series(["hasty", "careful", "careful"]),
        )
        journal = make_journal(withdrawn)
        result = sample(completions, TWO_JUDGES, prompts, journal, select="top_overall", top=3)
        rows = by_completion(result)
        assert {id: row["drop_reason"] for id, row in rows.items()} == {
            "c0": "retracted",
            "c1": None,
            "c2": None,
        }
        assert [id for id, row in rows.items() if row["is_control"]] == ["c1", "c2"]


def test_nothing_in_gives_nothing_out():
    result = sample(COMPLETIONS.empty(), JUDGMENTS.empty(), MUTATED_PROMPTS.empty())
    assert result.rows.equals(SELECTIONS.empty())


@pytest.mark.parametrize("values", [{"select": "top_overall"}, {"top": 3}])
def test_a_number_belongs_to_the_top_overall_and_to_nothing_else(values: dict[str, Any]):
    with pytest.raises(ValidationError, match="top: N belongs to"):
        RejectionSampling.model_validate(values)
