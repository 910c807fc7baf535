"""Verdicts and instances: sound ones read well and are right, faults come at their rates."""

from __future__ import annotations

from collections import Counter

import pytest

from synth_assets.llm.offline.open_tasks import OPEN_TASKS, find_open_task, open_truth
from synth_assets.llm.offline.skills import MODELS
from synth_assets.llm.offline.teacher import complete
from synth_assets.methods.instance_filters import instance_reasons
from synth_assets.methods.instance_reply import INPUT_FIRST, OUTPUT_FIRST, parse_instances
from synth_assets.methods.yes_or_no import parse_yes_or_no
from synth_assets.templates import load_template, quote
from synth_assets_tests.llm.offline.bodies import make_body, make_dice, make_tasks, reply_text

PARITY = "Say whether the given whole number is even or odd."
SORT = "Put the given words into alphabetical order."


def verdict_text(instruction: str) -> str:
    return load_template("self_instruct/is_classification").render(task=quote("task", instruction))


def instances_text(instruction: str, *, first: str = "input", count: int = 5) -> str:
    template = load_template(f"self_instruct/{first}_first")
    return template.render(task=quote("task", instruction), count=str(count))


@pytest.mark.parametrize("name", OPEN_TASKS)
def test_every_wording_is_found_again_and_its_outputs_are_among_its_labels(name: str) -> None:
    task, dice = OPEN_TASKS[name], make_dice(name)
    for wording in task.wordings:
        assert find_open_task(wording.fill(dice.scene())) is task
    for label in task.labels or (None,):
        for _ in range(50):
            given = task.draw_input(dice, label)
            output = task.answered(given)
            assert label in (None, output)
            assert open_truth(f"{task.write(dice)}\n\n{given}") == output
    for _ in range(50):
        output = task.answered(task.draw_input(dice))
        assert not task.labels or output in task.labels


@pytest.mark.parametrize(
    ("prompt", "truth"),
    [
        (f"{PARITY}\n\n17", "odd"),
        (f"{SORT}\n\npear, apple", "apple, pear"),
        (f"{PARITY}\n\nseventeen", None),
        (PARITY, None),
        ("Name a river.\n\n17", None),
    ],
)
def test_the_truth_of_an_instance_is_computed(prompt: str, truth: str | None) -> None:
    assert open_truth(prompt) == truth


def test_a_verdict_is_right_but_for_its_rates() -> None:
    verdicts = Counter(
        reply_text(make_body(verdict_text(PARITY), model="hasty", seed=seed)) for seed in range(600)
    )
    rates = MODELS["hasty"].instancing
    assert verdicts["No"] / 600 == pytest.approx(rates.wrong_verdict, abs=0.04)
    unread = 600 - verdicts["Yes"] - verdicts["No"]
    assert unread / 600 == pytest.approx(rates.no_verdict, abs=0.03)
    assert not parse_yes_or_no(reply_text(make_body(verdict_text(make_tasks(1)[0].write()))))


def test_instances_of_a_classification_take_one_label_after_another() -> None:
    text = instances_text(PARITY, first="output")
    found = parse_instances(reply_text(make_body(text, seed=3)), OUTPUT_FIRST)
    assert {each.output for each in found} == {"even", "odd"}
    assert all(open_truth(f"{PARITY}\n\n{each.input}") == each.output for each in found)


def test_a_task_that_is_complete_gets_its_answer_without_input() -> None:
    text = instances_text(make_tasks(1)[0].write())
    (found,) = parse_instances(reply_text(make_body(text, seed=1)), INPUT_FIRST)
    assert found.input == ""
    assert "\\boxed" in (found.output or "")


def test_every_planted_fault_but_a_slip_is_dropped_for_its_reason() -> None:
    reasons: Counter[str | None] = Counter()
    replies = 800
    for seed in range(replies):
        reply = complete(make_body(instances_text(SORT), model="hasty", seed=seed))["choices"][0]
        found = parse_instances(reply["message"]["content"], INPUT_FIRST)
        is_cut = reply["finish_reason"] == "length"
        given = instance_reasons(found, is_cut=is_cut, is_classification=False, most=5)
        reasons.update(set(given) or {"unparsed"})
        for each, reason in zip(found, given, strict=True):
            right = open_truth(f"{SORT}\n\n{each.input}") == each.output
            reasons["wrong but kept"] += reason is None and not right
    rates = MODELS["hasty"].instancing
    expected = {
        "unparsed": rates.unformed,
        "empty_output": rates.empty_output,
        "input_equals_output": rates.echo,
        "ends_with_colon": rates.colon,
        "conflicting_outputs": rates.conflict,
        "duplicate_instance": rates.duplicate,
        "cut_off": rates.cut,
        "wrong but kept": rates.slip,
    }
    for reason, rate in expected.items():
        assert reasons[reason] / replies == pytest.approx(rate, abs=0.03), reason
    assert set(reasons) == {None, *expected}


def test_new_tasks_leave_their_input_open_where_they_may() -> None:
    template = load_template("self_instruct/instructions_with_input")
    text = template.render(count="1", last_number="8", next_number="2", examples="1. Name a river.")
    items = [
        line.partition(". ")[2]
        for seed in range(40)
        for line in reply_text(make_body(text, seed=seed)).splitlines()
    ]
    is_open = [find_open_task(item) is not None for item in items]
    assert 0.4 < sum(is_open) / len(items) < 0.65
