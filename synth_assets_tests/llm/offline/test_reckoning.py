"""Reasoning with programs, as the offline models do it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.draft import final_answer
from synth_assets.llm.offline.families import FAMILIES
from synth_assets.llm.offline.programs import PROGRAMS, write_program
from synth_assets.llm.offline.reckoning import DITHERING, reckon
from synth_assets.llm.offline.recognise import recognise
from synth_assets.llm.offline.skills import Answering, Reckoning
from synth_assets.llm.offline.task import Task
from synth_assets.llm.offline.teacher import complete
from synth_assets.methods.answer_equality import is_equal_answer
from synth_assets.methods.tool_integrated import ToolIntegrated, instructions
from synth_assets.methods.tool_trace import output_block, split_reply
from synth_assets.sandbox import Limits, Outcome, run_python
from synth_assets.templates import load_template
from synth_assets_tests.methods.builders import turn
from synth_assets_tests.needs_bubblewrap import needs_sandbox

SYSTEM = instructions(ToolIntegrated(teacher="careful"))
STOCK = Task(FAMILIES["stock"].draw(Dice(random.Random(1))))
FLAWLESS = Reckoning(0, 0, 0, 0, 0, 0)


def body(*turns: dict[str, str], model: str = "careful", seed: int = 0) -> dict[str, Any]:
    messages = [turn("system", SYSTEM), turn("user", STOCK.write()), *turns]
    return {"model": model, "messages": messages, "seed": seed, "temperature": 0.8}


def said(wire: Mapping[str, Any]) -> str:
    return complete(wire)["choices"][0]["message"]["content"]


def after(outcome: Outcome, said: str = "A program.") -> tuple[dict[str, str], dict[str, str]]:
    return turn("assistant", said), turn("user", output_block(outcome))


def answer(seed: int, *turns: dict[str, str], rates: Reckoning = FLAWLESS) -> str:
    asked = recognise(body(*turns))
    return reckon(asked, Dice(random.Random(seed)), rates, Answering())


def test_the_programs_of_all_families_print_the_right_answer() -> None:
    needs_sandbox()
    dice = Dice(random.Random(7))
    tasks = [Task(FAMILIES[name].draw(dice)) for name in PROGRAMS for _ in range(5)]
    source = "".join(f"{write_program(task)}print(answer)\n" for task in tasks)
    outcome = run_python(source, Limits(output_characters=50_000))
    assert outcome.status == "ok", outcome.output
    for task, printed in zip(tasks, outcome.output.splitlines(), strict=True):
        work = task.solve()
        assert work is not None
        assert is_equal_answer(work.answer, printed), task.write()


def test_the_templates_are_recognised() -> None:
    asked = recognise(body(*after(Outcome("ok", "41\n"), "First."), *after(Outcome("ok", "42\n"))))
    assert (asked.kind, asked.text) == ("reckon", STOCK.write())
    assert (asked.outputs, asked.said) == (("41\n", "42\n"), "A program.")
    assert not asked.is_last_turn
    last = load_template("tool_integrated/last_turn").render(
        output=output_block(Outcome("ok", "1"))
    )
    assert recognise(body(turn("assistant", "x"), turn("user", last))).is_last_turn


def test_it_begins_with_one_program() -> None:
    text, program = split_reply(answer(0))
    assert text == answer(0)
    assert program == f"{write_program(STOCK)}print(answer)\n"


def test_it_answers_with_what_the_program_printed() -> None:
    text = answer(0, *after(Outcome("ok", "looking\n1234\n")))
    assert final_answer(text) == "1234"
    assert split_reply(text)[1] is None


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("error", "Traceback (most recent call last):\n…\nNameError: name 'x'"),
        Outcome("timed_out", ""),
        Outcome("ok", ""),
    ],
)
def test_it_mends_a_program_that_failed(outcome: Outcome) -> None:
    assert split_reply(answer(0, *after(outcome)))[1] == f"{write_program(STOCK)}print(answer)\n"


def test_one_who_dithers_mostly_goes_on_with_it() -> None:
    again = [answer(n, *after(Outcome("ok", "5\n"), DITHERING)) for n in range(200)]
    assert 160 < sum(split_reply(text)[1] is not None for text in again) < 195


def test_a_prompt_without_a_program_is_answered_as_without_tools() -> None:
    messages = [turn("system", SYSTEM), turn("user", "Why do bakeries smell so good?")]
    asked = recognise({"model": "careful", "messages": messages})
    text = reckon(asked, Dice(random.Random(1)), FLAWLESS, Answering())
    assert split_reply(text)[1] is None


@pytest.mark.parametrize(
    ("flaw", "sign"),
    [
        ("crash", "print(anwser)"),
        ("endless", "while answer == answer:"),
        ("invented_output", "```output"),
    ],
)
def test_each_flaw_of_a_first_turn_comes_at_its_declared_rate(flaw: str, sign: str) -> None:
    rates = Reckoning(**{**dict.fromkeys(FLAWLESS.__dataclass_fields__, 0.0), flaw: 0.3})
    found = sum(sign in answer(n, rates=rates) for n in range(500))
    assert 110 < found < 190


def test_a_slip_changes_the_program_and_a_misreading_the_answer() -> None:
    slips = Reckoning(1, 0, 0, 0, 0, 0)
    assert split_reply(answer(0, rates=slips))[1] != split_reply(answer(0))[1]
    misreads = Reckoning(0, 0, 0, 0, 1, 0)
    assert final_answer(answer(0, *after(Outcome("ok", "1234\n")), rates=misreads)) == "2134"


def test_a_hasty_model_slips_more_often_than_a_careful_one() -> None:
    right = f"{write_program(STOCK)}print(answer)\n"
    wrong = {
        model: sum(split_reply(said(body(model=model, seed=n)))[1] != right for n in range(300))
        for model in ("careful", "hasty")
    }
    assert 15 < wrong["careful"] < 60 < wrong["hasty"] < 140


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=100), st.integers(0, 10**9))
def test_no_output_makes_it_fail(text: str, seed: int) -> None:
    assert said(body(*after(Outcome("ok", text)), seed=seed))
    assert said(body(turn("user", text), seed=seed))
