"""Conversations that go on from prompts: turn by turn, each fault dropped by its name."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from synth_assets.method import POOL, Material
from synth_assets.methods.follow_up_turns import FollowUpTurns, continue_prompts
from synth_assets.methods.result import MethodResult
from synth_assets_tests.methods.builders import EIGHT_TASKS, a_prompt, make_prompts, turn
from synth_assets_tests.offline_ask import offline_ask
from synth_assets_tests.scripted_ask import (
    Answer,
    ScriptedAsk,
    call_id_of,
    in_turn,
    never_asked,
    reply_to,
)

RIVERS = "Name three rivers."
ANSWER = "The Danube, the Rhine and the Elbe."
NEXT = "Which of them is the longest?"


def go_on(ask: ScriptedAsk, *prompts: Any, **values: Any) -> MethodResult:
    neutral = {"teacher": "teacher", "user": "user", "per_round": 1}
    pool = make_prompts(*(prompts or (a_prompt(RIVERS, "p", licence="mit", split="test"),)))
    parameters = FollowUpTurns.model_validate(neutral | values)
    return continue_prompts(Material(1, {POOL: pool}, ask), parameters)


def only_row(result: MethodResult) -> dict[str, Any]:
    assert result.rows.height == result.items_parsed == 1
    return result.rows.row(0, named=True)


def test_a_conversation_ends_with_the_persons_turn() -> None:
    ask = in_turn([ANSWER, f"User: {NEXT}\n"])
    row = only_row(go_on(ask))
    assert row["messages"] == [
        turn("user", RIVERS),
        turn("assistant", ANSWER),
        turn("user", NEXT),
    ]
    assert (row["text"], row["turns"], row["drop_reason"]) == (NEXT, 1, None)
    assert (row["derived_from"], row["family_id"], row["split"]) == (["p"], "p", "test")
    assert row["call_ids"] == [call_id_of(request) for request in ask.requests]
    assert [request.model for request in ask.requests] == ["teacher", "user"]
    assert f"user: {RIVERS}\n\nassistant: {ANSWER}" in ask.prompts[1]


def test_each_turn_sees_all_turns_before_it() -> None:
    ask = in_turn([ANSWER, NEXT, "The Danube.", "How long is it?"])
    row = only_row(go_on(ask, turns=2))
    assert [t["role"] for t in row["messages"]] == ["user", "assistant"] * 2 + ["user"]
    assert [t["content"] for t in ask.requests[2].messages] == [RIVERS, ANSWER, NEXT]
    assert (row["turns"], row["text"]) == (2, "How long is it?")


def test_the_system_text_of_a_prompt_stays_at_its_head() -> None:
    parent = a_prompt(RIVERS, "p", messages=[turn("system", "Be brief."), turn("user", RIVERS)])
    ask = in_turn([ANSWER, NEXT])
    row = only_row(go_on(ask, parent))
    assert row["messages"][0] == turn("system", "Be brief.")
    assert ask.requests[0].messages[0] == turn("system", "Be brief.")


def test_a_completion_that_came_with_the_prompt_is_the_first_answer() -> None:
    ask = in_turn([NEXT, "The Danube.", "How long is it?"])
    row = only_row(go_on(ask, a_prompt(RIVERS, "p", given_completion=ANSWER), turns=2))
    assert [request.model for request in ask.requests] == ["user", "teacher", "user"]
    assert row["messages"][1] == turn("assistant", ANSWER)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([None], "failed_answer"),
        ([" "], "empty_answer"),
        ([ANSWER, None], "failed_reply"),
        ([ANSWER, " "], "empty"),
        ([ANSWER, "As for [conversation 0123456789]: why?"], "copies_template"),
        ([ANSWER, "Assistant: The Danube is."], "speaks_as_assistant"),
        ([ANSWER, "name  THREE rivers."], "repeats_a_turn"),
        ([ANSWER, ANSWER], "repeats_a_turn"),
        ([ANSWER, "Great, thank you!"], "says_nothing"),
        ([ANSWER, "ありがとう。"], "says_nothing"),
        ([ANSWER, "Why?"], None),
        ([ANSWER, "Is that all the help?"], None),
        ([ANSWER, "?!"], "says_nothing"),
        ([ANSWER, "…"], "says_nothing"),
        ([ANSWER, "何番目が一番長いですか。"], None),
        ([ANSWER, "أيها الأطول؟"], None),
    ],
)
def test_each_fault_is_dropped_by_its_name(answers: list[Answer], reason: str | None) -> None:
    assert only_row(go_on(in_turn(answers)))["drop_reason"] == reason


@pytest.mark.parametrize(
    ("status", "reason"), [("cut", "cut_answer"), ("refused", "refused_answer")]
)
def test_a_broken_answer_ends_the_conversation(status: Any, reason: str) -> None:
    row = only_row(go_on(ScriptedAsk(lambda request: reply_to(request, ANSWER, status)), turns=3))
    assert (row["drop_reason"], row["text"], row["messages"]) == (reason, None, None)
    assert len(row["call_ids"]) == 1


def test_a_conversation_that_breaks_late_keeps_what_was_said() -> None:
    row = only_row(go_on(in_turn([ANSWER, NEXT, "The Danube.", "Thanks!"]), turns=2))
    assert (row["drop_reason"], row["text"]) == ("says_nothing", "Thanks!")
    assert len(row["messages"]) == 5


def test_conversations_are_not_drawn_again() -> None:
    assert go_on(never_asked(), a_prompt(NEXT, "p", method="follow_up_turns")).rows.height == 0


def test_the_offline_models_hold_conversations_and_their_faults_are_caught() -> None:
    ask = offline_ask({"teacher": "careful", "user": "careful"})
    result = go_on(ask, *EIGHT_TASKS, *(f"Sort {n}, 3, 1." for n in range(92)), per_round=100)
    reasons = Counter(result.rows["drop_reason"])
    assert reasons[None] > 75
    assert {"says_nothing", "repeats_a_turn", "speaks_as_assistant"} <= reasons.keys()


def test_a_row_names_all_its_authors() -> None:
    row = only_row(go_on(in_turn([ANSWER, NEXT])))
    assert (row["model"], row["other_models"]) == ("user", ["teacher"])
    row = only_row(go_on(in_turn([ANSWER, NEXT]), user="teacher"))
    assert (row["model"], row["other_models"]) == ("teacher", None)
