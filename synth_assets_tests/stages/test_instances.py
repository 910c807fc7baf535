"""Instances in the graph: instructions, their instances, and completions that came with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import RecipeError
from synth_assets.llm.request import Request
from synth_assets.stages.planning import plan_recipe
from synth_assets_tests.recipes import TASKS, write_recipe
from synth_assets_tests.stages.bench import Bench, bench

PARTS: dict[str, Any] = {
    "prompts": {"self_instruct_instances": {"teacher": "teacher"}},
    "completions": {"teachers": []},
    "filters": {"hygiene": {}},
}


def reply(request: Request) -> str | None:
    """The first task is a classification whose instances are sound; of others all is dropped."""
    text = request.messages[-1]["content"]
    if "Answer with one word: Yes or No" in text:
        return "Yes" if TASKS[0] in text else "No"
    if text.startswith("The task below is answered"):
        return "Example 1\nLabel: wet\nInput: rain\n\nExample 2\nLabel: dry\nInput: I am an AI."
    if text.startswith("Write up to 5"):
        return "Example 1\nInput: none\nOutput:"
    return None


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, **PARTS) as made:
        made.teacher.before = reply
        yield made


def test_instances_are_prompts_that_come_with_their_completions(ready: Bench) -> None:
    planned = {row.table: row.calls for row in plan_recipe(ready.recipe, ready.lake.home)}
    reports = ready.run()
    assert (
        planned["self_instruct_instances"] == 2 * 2
    )  # two instructions, a verdict and a list each
    assert reports["self_instruct_instances"].stats.made == 4

    prompts = {row["text"]: row for row in ready.read("mutated_prompts").to_dicts()}
    assert prompts[TASKS[0]]["drop_reason"] == "replaced_by_instances"
    assert prompts[TASKS[1]]["drop_reason"] == "without_instances"
    assert prompts[TASKS[0]]["dropped_by"] == "mutated_prompts"
    made = prompts[f"{TASKS[0]}\n\nrain"]
    assert (made["drop_reason"], made["derived_from"]) == (None, [prompts[TASKS[0]]["prompt_id"]])

    completions = {row["text"]: row for row in ready.read("completions").to_dicts()}
    assert set(completions) == {"wet", "dry"}
    assert completions["wet"]["prompt_id"] == made["prompt_id"]
    assert (completions["wet"]["method"], completions["wet"]["origin"]) == (
        "given",
        "model:teacher",
    )
    rules = ready.read("completion_filters").group_by("completion_id").len()["len"].to_list()
    assert rules == [5, 5]


def test_a_later_round_draws_on_the_instances_as_one_example(ready: Bench) -> None:
    ready.run()
    asked = len(ready.teacher.asked)
    ready.run(until="mutated_prompts", open_round="by_hand")
    lists = [
        text
        for each in ready.teacher.asked[asked:]
        if (text := each.messages[-1]["content"]).startswith("People give")
    ]
    assert len(lists) == 2
    assert all(text.count(TASKS[0]) == 1 and TASKS[1] not in text for text in lists)
    assert ready.read("self_instruct_instances", "round = 2").height == 2


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({"self_instruct": None}, "reads self_instruct_prompts, which the recipe does not make"),
        (
            {"self_instruct": {"may_need_input": True}, "self_instruct_instances": None},
            "nothing writes the inputs",
        ),
    ],
)
def test_a_recipe_that_cannot_make_instances_is_refused(
    tmp_path: Path, prompts: dict[str, Any], message: str
) -> None:
    parts = {**PARTS, "prompts": {**PARTS["prompts"], **prompts}}
    with pytest.raises(RecipeError, match=message):
        write_recipe(tmp_path, **parts)
