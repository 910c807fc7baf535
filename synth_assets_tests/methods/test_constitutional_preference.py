from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.llm.request import Request
from synth_assets.methods.constitution import load_constitution
from synth_assets.methods.constitutional_preference import (
    LABELLED,
    ConstitutionalPreference,
    choose_completions,
)
from synth_assets.methods.result import MethodResult
from synth_assets.templates import quote
from synth_assets_tests.methods.builders import a_prompt, make_completions, make_prompts
from synth_assets_tests.methods.offline_ask import offline_ask
from synth_assets_tests.scripted_ask import ScriptedAsk, never_asked

CONSTITUTION = load_constitution()
TWO = ({"prompt_id": "p", "text": "Po"}, {"prompt_id": "p", "text": "Elbe"})


def choose(
    ask: ScriptedAsk, *completions: dict[str, Any], **values: Any
) -> tuple[MethodResult, ScriptedAsk]:
    result = choose_completions(
        make_prompts(a_prompt("Name a river.", "p")),
        make_completions(*(completions or TWO)),
        parameters=ConstitutionalPreference(**{"judge": "judge", **values}),
        constitution=CONSTITUTION,
        ask=ask,
    )
    return result, ask


def choice(letter: str, **more: str) -> str:
    return json.dumps({**more, "choice": letter})


def prefers_elbe(request: Request) -> str:
    is_first = quote("completion A", "Elbe") in request.messages[0]["content"]
    return choice("A" if is_first else "B")


def only_row(result: MethodResult) -> dict[str, Any]:
    (row,) = result.rows.to_dicts()
    return row


def test_the_side_that_wins_both_orders_is_chosen_with_certainty():
    result, ask = choose(ScriptedAsk(prefers_elbe))
    row = only_row(result)
    assert (row["chosen_completion_id"], row["rejected_completion_id"]) == ("c1", "c0")
    assert (row["soft_label"], row["margin"], row["status"]) == (1.0, 1.0, "ok")
    assert row["votes"] == [0.0, 1.0] and len(set(row["call_ids"])) == 2
    assert len(ask.requests) == 2


def test_a_judge_of_places_makes_a_tie_and_no_pair():
    row = only_row(choose(ScriptedAsk(lambda _: choice("A")))[0])
    assert (row["soft_label"], row["status"], row["drop_reason"]) == (0.5, "tie", "tie")


def test_the_label_of_k_votes_is_their_share():
    letters = iter("A" + "B" + "A" + "A")  # for the first, for the first, for the first, against
    row = only_row(choose(ScriptedAsk(lambda _: choice(next(letters))), votes=4)[0])
    assert (row["soft_label"], row["margin"]) == (0.75, 0.5)
    assert row["votes"] == [1.0, 0.0, 1.0, 1.0]


def test_votes_of_one_order_are_draws_of_their_own():
    _, ask = choose(ScriptedAsk(prefers_elbe), votes=4)
    assert [request.sample_index for request in ask.requests] == [0, 0, 1, 1]
    assert ask.prompts[0] == ask.prompts[2] != ask.prompts[1]


def test_the_principle_is_drawn_by_the_pair_and_shown():
    result, ask = choose(ScriptedAsk(prefers_elbe))
    name = only_row(result)["choice_by"]
    (principle,) = (p for p in CONSTITUTION.principles if p.name == name)
    assert all(principle.choice in text for text in ask.prompts)


def test_a_chain_of_thought_is_asked_for_and_its_label_clamped():
    def answer(request: Request) -> str:
        return choice(json.loads(prefers_elbe(request))["choice"], rationale="For it is.")

    result, ask = choose(ScriptedAsk(answer), chain_of_thought=True)
    row = only_row(result)
    assert (row["soft_label"], row["rationale"]) == (0.6, "For it is.")
    assert "step by step" in ask.prompts[0]


def test_an_unread_vote_is_null_and_leaves_its_fellow_out():
    def answer(request: Request) -> str:
        return "Neither." if quote("completion A", "Po") in ask_text(request) else choice("A")

    result, _ = choose(ScriptedAsk(answer))
    row = only_row(result)
    assert (row["soft_label"], row["status"], row["votes"]) == (None, "unparsed", [None, 1.0])
    assert result.notes["votes_unparsed"] == 1


def ask_text(request: Request) -> str:
    return request.messages[0]["content"]


def test_with_logprobs_the_label_is_the_judges_probability():
    right, wrong = "2 + 2 = 4. The answer is \\boxed{4}.", "So it is. The answer is \\boxed{5}."
    values: dict[str, Any] = {"judge": "judge", "label": "logprobs", "votes": 1}
    result = choose_completions(
        make_prompts(a_prompt("What is 2 + 2?", "p")),
        make_completions({"prompt_id": "p", "text": right}, {"prompt_id": "p", "text": wrong}),
        parameters=ConstitutionalPreference.model_validate(values),
        constitution=CONSTITUTION,
        ask=offline_ask(),
    )
    row = only_row(result)
    (share,) = row["votes"]
    assert 0 < share < 1 and share not in (0.0, 0.5, 1.0)
    assert row["soft_label"] == pytest.approx(max(share, 1 - share))


def test_logprobs_are_asked_for_by_name_and_their_absence_is_no_label():
    result, ask = choose(ScriptedAsk(prefers_elbe), label="logprobs")
    assert ask.requests[0].sampling["logprobs"] is True
    row = only_row(result)
    assert (row["soft_label"], row["status"], row["drop_reason"]) == (
        None, "no_logprobs", "no_logprobs",
    )  # fmt: skip


@pytest.mark.parametrize("values", [{"votes": 3}, {"votes": 1}, {"label": "logprobs", "votes": 5}])
def test_orders_have_to_be_balanced(values: dict[str, Any]):
    with pytest.raises(ValidationError, match="votes"):
        ConstitutionalPreference(judge="judge", **values)


def test_nothing_to_choose_asks_nothing():
    same = ({"prompt_id": "p", "text": "Po"}, {"prompt_id": "p", "text": "Po"})
    result, _ = choose(never_asked(), *same)
    assert result.rows.equals(LABELLED.empty())
    assert result.notes["prompts_without_a_pair"] == 1
