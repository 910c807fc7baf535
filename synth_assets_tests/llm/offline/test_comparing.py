"""Equality of prompts: by what they ask, not by how politely."""

from __future__ import annotations

import pytest

from synth_assets.llm.offline.comparing import ask_the_same
from synth_assets.llm.offline.skills import MODELS
from synth_assets_tests.llm.offline.bodies import (
    make_body,
    make_equality_text,
    make_tasks,
    reply_text,
)

ROMAN = "Write 14 in Roman numerals."


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (ROMAN, True),
        (f"Please answer this: {ROMAN} Thanks.", True),
        (f" {ROMAN}\n", True),
        ("Write 15 in Roman numerals.", False),
        (f"{ROMAN} State the units.", False),
        (f"Help the choir. {ROMAN}", False),
        ("Put 14 as a Roman numeral, for planning the week.", False),
    ],
)
def test_what_makes_two_prompts_equal(second: str, expected: bool) -> None:
    assert ask_the_same(ROMAN, second) is expected


def test_constraints_may_stand_in_another_order() -> None:
    first = f"{ROMAN} State the units. Name the method first."
    assert ask_the_same(first, f"{ROMAN} Name the method first. State the units.")


def test_prompts_of_no_family_are_compared_by_their_words() -> None:
    assert ask_the_same("Why is it so?", "Hello, why is it so")
    assert not ask_the_same("Why is it so?", "Why is it so? Give two reasons.")


def test_the_verdict_is_one_word_and_wrong_at_the_declared_rate() -> None:
    wrong = 0
    for draw, task in enumerate(make_tasks(400)):
        other = task.write() if draw % 2 else f"Help the choir. {task.write()}"
        body = make_body(make_equality_text(task.write(), other), model="judge") | {
            "temperature": 0
        }
        verdict = reply_text(body)
        assert verdict in ("Equal", "Different")
        wrong += (verdict == "Equal") != bool(draw % 2)
    assert abs(wrong / 400 - MODELS["judge"].judging.wrong_verdict) < 0.03
