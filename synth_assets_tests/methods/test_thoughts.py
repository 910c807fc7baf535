"""Thoughts that a server leaves in a reply are no part of what the model says."""

from __future__ import annotations

from typing import Any

import pytest

from synth_assets.errors import ReplyError
from synth_assets.llm.request import Reply, Request
from synth_assets.method import POOL, Material
from synth_assets.methods.back_translation import BackTranslation, translate_prompts
from synth_assets.methods.elimination import equality_reason, parse_verdict
from synth_assets.methods.evol_instruct import EvolInstruct, evolve_prompts
from synth_assets.methods.personas import Personas, write_for_personas
from synth_assets.methods.round_trip import is_same
from synth_assets.methods.self_instruct import SelfInstruct, write_prompts
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.methods.yes_or_no import parse_yes_or_no
from synth_assets_tests.methods.builders import a_prompt, make_prompts
from synth_assets_tests.scripted_ask import ScriptedAsk, in_turn

THOUGHTS = "<think>\nDifferent? No, the same.\n1. One way\n</think>\n\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{THOUGHTS}Same\n", "Same"),
        (" Same ", "Same"),
        ("<think></think>", ""),
        ("<think>It never ends. Same", ""),
        ("Say <think>x</think> twice.", "Say <think>x</think> twice."),
        ("Different? No, the same.\n</think>\n\nSame\n", "Same"),
        ("One </think> or two </think>\nSame", "Same"),
        ("<think>Shall I write </think> here? No.</think>Same", "Same"),
        ("Different.\n</think>\nSay <think>x</think> twice.", "Say <think>x</think> twice."),
        ("They never end and</think>", ""),
        (None, ""),
    ],
)
def test_what_is_said_comes_after_the_thoughts(text: str | None, said: str):
    assert without_thoughts(text) == said


def test_a_verdict_is_read_after_the_thoughts():
    assert is_same(f"{THOUGHTS}Same") and not is_same(f"{THOUGHTS}Other.")
    assert parse_verdict(f"{THOUGHTS}Equal") == "equal"
    assert parse_yes_or_no(f"{THOUGHTS}Yes")


def test_thoughts_that_the_chat_template_opened_end_with_the_closing_mark():
    unopened = THOUGHTS.removeprefix("<think>")
    assert is_same(f"{unopened}Same") and not is_same(f"{unopened}Other.")
    assert parse_verdict(f"{unopened}Equal") == "equal"
    assert parse_yes_or_no(f"{unopened}Yes")


@pytest.mark.parametrize("read", [is_same, parse_verdict, parse_yes_or_no])
def test_thoughts_alone_are_no_verdict(read: Any):
    with pytest.raises(ReplyError):
        read("<think>Same. Equal. Yes")


def test_thoughts_that_never_end_leave_the_verdict_unknown():
    assert equality_reason(Reply("c", "cut", "<think>Different")) == "equality_unknown"


def only_text(rows: Any) -> str:
    (row,) = rows.to_dicts()
    assert row["drop_reason"] is None
    return row["text"]


def test_no_prompt_that_a_model_writes_holds_its_thoughts():
    seeds = make_prompts(a_prompt("Name three rivers of Europe.", "p"))
    made = write_prompts(
        seeds,
        round=1,
        parameters=SelfInstruct(teacher="t", per_round=1),
        ask=in_turn([f"{THOUGHTS}2. Sort these four words by length."]),
    )
    assert only_text(made.rows) == "Sort these four words by length."
    answers = {"t": f"{THOUGHTS}Name two deep lakes of Asia.", "j": f"{THOUGHTS}Different"}
    evolved = evolve_prompts(
        seeds,
        round=1,
        parameters=EvolInstruct(teacher="t", judge="j", per_round=1, generations=1),
        first_completion=lambda prompt_id, messages: Request("completer", tuple(messages)),
        ask=ScriptedAsk(lambda request: answers.get(request.model, "Baikal and Issyk-Kul.")),
    )
    assert only_text(evolved.rows) == "Name two deep lakes of Asia."


def test_a_translation_goes_on_without_the_thoughts_and_is_kept_with_them():
    ask = in_turn([f"{THOUGHTS}Nenne drei Flüsse.", f"{THOUGHTS}List 3 of them.", "Same"])
    result = translate_prompts(
        Material(1, {POOL: make_prompts(a_prompt("Name 3 rivers.", "p"))}, ask),
        BackTranslation(teacher="t", judge="j", per_round=1, pivots=("German",)),
    )
    (row,) = result.rows.to_dicts()
    assert (row["text"], row["drop_reason"]) == ("List 3 of them.", None)
    assert row["back_text"].startswith("<think>")
    assert not any("<think>" in prompt for prompt in ask.prompts)


def test_a_person_is_described_and_speaks_without_thoughts():
    ask = in_turn([f"{THOUGHTS}A diver.", "<think>Who", f"{THOUGHTS}Plan a dive for two."])
    rows = write_for_personas(
        Material(1, {}, ask),
        Personas(teacher="t", per_round=1, from_model=2, skills=("coding",)),
    ).rows
    assert (rows["persona"].to_list(), only_text(rows)) == (["A diver."], "Plan a dive for two.")
