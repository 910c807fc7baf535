from __future__ import annotations

import json
from collections import Counter

import pytest

from synth_assets.methods.instance_filters import instance_reasons
from synth_assets.methods.instance_reply import UNREAD, Instance
from synth_assets_tests.real_data import real_data


def reasons(
    *instances: tuple[str, str] | Instance,
    is_cut: bool = False,
    is_classification: bool = False,
    most: int = 5,
) -> list[str | None]:
    given = [each if isinstance(each, Instance) else Instance(*each) for each in instances]
    return instance_reasons(given, is_cut=is_cut, is_classification=is_classification, most=most)


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        (Instance("a", "b"), None),
        (Instance("", "b"), None),
        (Instance("a", ""), "empty_output"),
        (Instance("", ""), "empty_output"),
        (Instance("a", "a"), "input_equals_output"),
        (Instance("a", "A"), None),
        (Instance("the list:", "b"), "ends_with_colon"),
        (Instance("a", "It is:"), "ends_with_colon"),
        (Instance("a", "答えは："), "ends_with_colon"),
        (Instance("a: b", "c: d"), None),
        (UNREAD, "unparsed"),
    ],
)
def test_each_rule_has_its_reason(instance: Instance, reason: str | None):
    assert reasons(instance) == [reason]


def test_a_cut_reply_loses_its_last_instance_only():
    assert reasons(("a", "b"), ("c", "d"), is_cut=True) == [None, "cut_off"]
    assert reasons(("a", "b"), UNREAD, is_cut=True) == [None, "cut_off"]


def test_two_outputs_of_one_input_drop_every_instance_of_the_instruction():
    assert reasons(("a", "b"), ("a", "c"), ("d", "e")) == ["conflicting_outputs"] * 3


def test_what_another_rule_dropped_keeps_its_reason_and_conflicts_with_nothing():
    assert reasons(("a", "b"), ("a", ""), ("d", "e")) == [None, "empty_output", None]
    assert reasons(("a", "b"), ("a", "c"), is_cut=True) == [None, "cut_off"]
    assert reasons(("a", "b"), ("a", "c"), ("x", "x")) == [
        "conflicting_outputs", "conflicting_outputs", "input_equals_output",
    ]  # fmt: skip


def test_two_answers_to_an_open_task_without_input_are_both_right():
    assert reasons(("", "a poem"), ("", "another poem")) == [None, None]


def test_two_labels_of_a_classification_without_input_conflict():
    assert reasons(("", "yes"), ("", "no"), is_classification=True) == ["conflicting_outputs"] * 2


def test_exact_duplicates_go_and_the_first_stays():
    assert reasons(("a", "b"), ("a", "b"), ("c", "b")) == [None, "duplicate_instance", None]


def test_five_instances_are_kept_not_counting_what_is_dropped():
    many = [(f"{n}", "x") for n in range(6)]
    assert reasons(("a", ""), many[0], *many) == [
        "empty_output", None, "duplicate_instance", *[None] * 4, "surplus_instance",
    ]  # fmt: skip
    assert reasons(*many, most=2) == [None, None, *["surplus_instance"] * 4]


def test_nothing_in_gives_nothing_out():
    assert reasons() == []
    assert reasons(is_cut=True) == []


def test_the_instances_that_people_wrote_pass_nearly_all():
    """Of the 175 seed tasks and the 252 user-oriented ones; counted when this test was written."""
    found: Counter[str | None] = Counter()
    for file in ("seed_tasks.jsonl", "user_oriented_instructions.jsonl"):
        lines = (real_data() / "self-instruct" / file).read_text(encoding="utf-8").splitlines()
        for row in map(json.loads, lines):
            given = [(each["input"].strip(), each["output"].strip()) for each in row["instances"]]
            found.update(reasons(*given))
    assert found == {None: 423, "ends_with_colon": 4}
