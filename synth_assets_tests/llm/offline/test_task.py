"""A whole prompt is parsed back into its parts, and its truth follows all of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_assets.llm.offline.constraints import CONSTRAINTS, draw_demand
from synth_assets.llm.offline.extensions import EXTENSIONS, draw_further
from synth_assets.llm.offline.task import Task, can_parse, parse_task, truth
from synth_assets_tests.llm.offline.bodies import make_dice, make_tasks

ROMAN = "Write 14 in Roman numerals."
STAMPS = "In a league in Riga with 6 teams, every team plays every other exactly once. How many matches are played?"  # noqa: E501


def test_a_drawn_task_is_parsed_back_with_its_setting_and_constraint() -> None:
    for task in make_tasks(400):
        assert parse_task(task.write()) == task


@pytest.mark.parametrize("name", EXTENSIONS)
def test_each_further_question_is_parsed_back_and_answered(name: str) -> None:
    for draw, task in enumerate(make_tasks(300)):
        if EXTENSIONS[name].takes != task.kind:
            continue
        further = draw_further(make_dice(name, draw), (name,), task.kind)
        longer = Task(task.problem, task.setting, (further,), task.demands)
        assert parse_task(longer.write()) == longer
        assert truth(longer.write()) is not None


def test_each_constraint_is_parsed_back() -> None:
    seen = set()
    for draw, task in enumerate(make_tasks(400)):
        demand = draw_demand(make_dice("demand", draw))
        assert demand is not None
        seen.add((demand.name, demand.wording))
        longer = Task(task.problem, "", (), (demand,))
        assert parse_task(longer.write()) == longer
    assert seen == {(n, w) for n, c in CONSTRAINTS.items() for w in range(len(c.texts))}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (ROMAN, "XIV"),
        (f"Please {ROMAN}", "XIV"),
        (f"  A note from Ada.\n{ROMAN}  Thank you.", "XIV"),
        (f"{ROMAN} State the units.", "XIV"),
        (f"{ROMAN} How many characters, not counting spaces and commas, does this have? Give that number as the final answer.", "3"),  # noqa: E501
        (f"{STAMPS} Then add 7 to it and answer with the sum.", "22"),
        (f"{STAMPS} Also multiply the outcome by 3 and finish with the product. Finally add up the digits of the result and answer with their sum.", "9"),  # noqa: E501
        (f"{STAMPS} Then add the figure for fig from this table and answer with the total: pear, 4; fig, 9.", "24"),  # noqa: E501
    ],
)  # fmt: skip
def test_the_truth_follows_every_part_of_a_prompt(prompt: str, expected: str) -> None:
    assert truth(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Why is the sky blue?",
        f"{ROMAN} Then sing it.",
        "Write 0 in Roman numerals.",
        f"{ROMAN} Then add 7 to it and answer with the sum.",
        f"{STAMPS} Then add the figure for kiwi from this table and answer with the total: fig, 9.",
    ],
)
def test_the_truth_of_what_is_not_understood_is_unknown(prompt: str) -> None:
    assert truth(prompt) is None
    assert not can_parse(prompt)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_parsed_or_not_without_an_error(text: str) -> None:
    parse_task(text)
    parse_task(f"{ROMAN} {text}")
    parse_task(f"Sort alphabetically: {text}.")
