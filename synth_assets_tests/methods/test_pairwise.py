from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import TemplateError
from synth_assets.llm.request import Request
from synth_assets.methods.pairwise import (
    PAIRWISE_SCHEMA,
    Pairwise,
    compare_completions,
    template_of,
)
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_model import Model
from synth_assets.templates import load_template, quote
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.scripted_ask import ScriptedAsk, never_asked

MODELS = {
    "judge": Model(model="openai/gpt-5-mini"),
    "second": Model(model="anthropic/claude-haiku-4-5"),
    "third": Model(model="openai_compatible/qwen3", base_url="http://127.0.0.1:1/v1"),
}


def compare(
    answer: Callable[[Request], str | None],
    *,
    judges: tuple[str, ...] = ("judge",),
    prompts: pl.DataFrame | None = None,
    completions: pl.DataFrame | None = None,
    **values: Any,
) -> MethodResult:
    parameters = Pairwise(judges=judges, **values)
    return compare_completions(
        make_prompts(a_prompt("Name a river.", "p")) if prompts is None else prompts,
        two_rivers() if completions is None else completions,
        parameters=parameters,
        template=load_template("pairwise/compare"),
        models=MODELS,
        ask=ScriptedAsk(answer),
    )


def two_rivers(**values: Any) -> pl.DataFrame:
    return make_completions(
        {"prompt_id": "p", "text": "Po", "model": "openai/gpt-4o", **values},
        {"prompt_id": "p", "text": "The long river Rhine", "model": "mistral/mixtral", **values},
    )


def verdict(word: str) -> str:
    return json.dumps({"rationale": f"because {word}", "verdict": word})


def shows_po_first(request: Request) -> bool:
    return quote("completion A", "Po") in request.messages[0]["content"]


def prefers_po(request: Request) -> str:
    return verdict("A" if shows_po_first(request) else "B")


def prefers_rhine(request: Request) -> str:
    return verdict("B" if shows_po_first(request) else "A")


def of_places(first: str | None, swapped: str | None) -> Callable[[Request], str | None]:
    def answer(request: Request) -> str | None:
        word = first if shows_po_first(request) else swapped
        return None if word is None else verdict(word) if len(word) < 4 else word

    return answer


def only_row(result: MethodResult) -> dict[str, Any]:
    (row,) = result.rows.to_dicts()
    return row


def test_a_side_that_wins_in_both_orders_is_chosen():
    for answer, sides in ((prefers_po, ("c0", "c1")), (prefers_rhine, ("c1", "c0"))):
        row = only_row(compare(answer))
        assert (row["chosen_completion_id"], row["rejected_completion_id"]) == sides
        assert (row["status"], row["drop_reason"], row["margin"]) == ("ok", None, 1.0)
        assert len(set(row["call_ids"])) == 2
        assert row["disagreement"] == 0.0


@pytest.mark.parametrize(
    ("first", "swapped", "status"),
    [
        ("tie", "tie", "tie"),
        ("A", "A", "inconsistent"),
        ("B", "B", "inconsistent"),
        ("A", "tie", "inconsistent"),
        ("A", "Neither is.", "unparsed"),
        (None, "B", "failed"),
    ],
)
def test_what_does_not_win_in_both_orders_is_no_pair(
    first: str | None, swapped: str | None, status: str
):
    result = compare(of_places(first, swapped))
    row = only_row(result)
    assert (row["status"], row["drop_reason"], row["margin"]) == (status, status, None)
    assert result.notes[f"pairs_{status}"] == 1


def test_a_reply_of_two_minds_leaves_the_pair_out():
    wavering = json.dumps({"rationale": "First [[B]], then not.", "verdict": "A"})
    row = only_row(compare(of_places(wavering, "B")))
    assert row["status"] == "ambiguous"
    assert row["verdicts"][0]["ab_status"] == "ambiguous"


def by_model(**answers: Callable[[Request], str | None]) -> Callable[[Request], str | None]:
    return lambda request: answers[request.model](request)


def test_a_panel_goes_by_more_than_half_and_keeps_the_disagreement():
    answer = by_model(judge=prefers_po, second=prefers_po, third=prefers_rhine)
    row = only_row(compare(answer, judges=("judge", "second", "third")))
    assert (row["status"], row["chosen_completion_id"]) == ("ok", "c0")
    assert row["margin"] == pytest.approx(1 / 3)
    assert row["disagreement"] == pytest.approx(1 / 3)
    assert row["judge"] == "judge, second, third"
    assert [said["vote"] for said in row["verdicts"]] == ["a", "a", "b"]


def test_a_panel_without_a_majority_is_a_tie():
    tie = of_places("tie", "tie")
    for answer in (
        by_model(judge=prefers_po, second=tie, third=prefers_rhine),
        by_model(judge=prefers_po, second=tie, third=tie),
    ):
        row = only_row(compare(answer, judges=("judge", "second", "third")))
        assert (row["status"], row["drop_reason"]) == ("tie", "tie")


def test_an_unread_vote_helps_nobody_to_a_majority():
    unread = of_places("Who knows?", "Who knows?")
    answer = by_model(judge=prefers_po, second=unread)
    row = only_row(compare(answer, judges=("judge", "second")))
    assert (row["status"], row["chosen_completion_id"]) == ("unparsed", "c0")
    answer = by_model(judge=prefers_po, second=prefers_po, third=unread)
    assert only_row(compare(answer, judges=("judge", "second", "third")))["status"] == "ok"


def test_a_reference_is_shown_where_there_is_one():
    prompts = make_prompts(a_prompt("Name a river.", "p", reference="The Danube"))
    seen: list[str] = []

    def answer(request: Request) -> str:
        seen.append(request.messages[0]["content"])
        return prefers_po(request)

    assert only_row(compare(answer, prompts=prompts))["is_reference_guided"] is True
    assert all(quote("reference answer", "The Danube") in text for text in seen)
    assert only_row(compare(answer))["is_reference_guided"] is False
    assert "No reference answer is known." in seen[-1]


def test_measures_of_each_judge_stand_in_the_notes():
    answer = by_model(judge=prefers_po, second=of_places("A", "A"))
    notes = compare(answer, judges=("judge", "second")).notes
    assert notes["judge_consistent"] == 1.0 and notes["second_consistent"] == 0.0
    assert notes["judge_kin_wins"] == 1.0 and "second_kin_wins" not in notes
    assert notes["judge_longer_wins"] == 0.0 and notes["second_first_place"] == 1.0
    assert notes["judge_consistent_low"] <= 1.0 <= notes["judge_consistent_high"]


def test_pairs_per_prompt_are_drawn_and_the_order_of_rows_changes_nothing():
    completions = make_completions(*[{"prompt_id": "p", "text": f"River {n}"} for n in range(4)])
    result = compare(lambda _: verdict("tie"), completions=completions, pairs_per_prompt=3)
    again = compare(lambda _: verdict("tie"), completions=completions.reverse(), pairs_per_prompt=3)
    assert result.rows.height == 3 and result.rows.equals(again.rows)


def test_nothing_to_compare_asks_nothing():
    alone = make_completions({"prompt_id": "p", "text": "Po"})
    result = compare_completions(
        make_prompts(a_prompt("Name a river.", "p")),
        alone,
        parameters=Pairwise(judges=("judge",)),
        template=load_template("pairwise/compare"),
        models=MODELS,
        ask=never_asked(),
    )
    assert result.rows.equals(PAIRWISE_SCHEMA.empty())
    assert result.notes["prompts_without_a_pair"] == 1


def test_a_template_of_ones_own_needs_both_sides(tmp_path: Any):
    (tmp_path / "own.txt").write_text("Which? {{ completion_a }} {{ completion_b }}")
    (tmp_path / "wrong.txt").write_text("Which? {{ completion_a }}")
    own = template_of(Pairwise(judges=("judge",), template="own.txt"), tmp_path.joinpath)
    assert own.slots == {"completion_a", "completion_b"}
    with pytest.raises(TemplateError, match=r"wrong\.txt.*completion_b"):
        template_of(Pairwise(judges=("judge",), template="wrong.txt"), tmp_path.joinpath)
