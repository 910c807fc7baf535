from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.methods.instance_reply import (
    INPUT_FIRST,
    OUTPUT_FIRST,
    UNREAD,
    Instance,
    parse_instances,
)

TWO = [Instance("3, 1", "1, 3"), Instance("9, 8\n7", "7, 8, 9")]


@pytest.mark.parametrize(
    "reply",
    [
        "Example 1\nInput: 3, 1\nOutput: 1, 3\n\nExample 2\nInput: 9, 8\n7\nOutput: 7, 8, 9",
        "Here are two:\n\nExample 1:\nInput:\n3, 1\nOutput:\n1, 3\nExample 2:\nInput: 9, 8\n7\n"
        "Output: 7, 8, 9\n",
        "**Example 1**\n**Input:** 3, 1\n**Output:** 1, 3\n\n### Example 2\n**Input**: 9, 8\n7\n"
        "**Output**: 7, 8, 9",
        "```\nExample 1\nInput: 3, 1\nOutput: 1, 3\nExample 2\nInput: 9, 8\n7\n"
        "Output: 7, 8, 9\n```",
        "Input: 3, 1\nOutput: 1, 3\nInput: 9, 8\n7\nOutput: 7, 8, 9",
    ],
)
def test_examples_are_read_in_the_forms_that_models_give_them(reply: str):
    assert parse_instances(reply, INPUT_FIRST) == TWO


def test_labels_come_first_where_the_task_is_a_classification():
    reply = "Example 1\nLabel: odd\nInput: 7\n\nExample 2\nLabel: even\nInput: 4"
    assert parse_instances(reply, OUTPUT_FIRST) == [Instance("7", "odd"), Instance("4", "even")]


@pytest.mark.parametrize("word", ["none", "None", "NONE.", "none."])
def test_the_word_none_is_no_input(word: str):
    reply = f"Example 1\nInput: {word}\nOutput: A poem."
    assert parse_instances(reply, INPUT_FIRST) == [Instance("", "A poem.")]


@pytest.mark.parametrize("word", ["none of these", "nothing", "N/A"])
def test_other_words_are_an_input(word: str):
    (found,) = parse_instances(f"Example 1\nInput: {word}\nOutput: x", INPUT_FIRST)
    assert found.input == word


def test_an_output_of_none_is_an_answer():
    (found,) = parse_instances("Example 1\nInput: 1, 3\nOutput: none", INPUT_FIRST)
    assert found.output == "none"


@pytest.mark.parametrize(
    "example",
    [
        "Input: a\nOutput: b\nOutput: c",
        "Input: a\nInput: b\nOutput: c",
        "Output: b\nInput: a",
        "Input: a",
        "Output: b",
        "nothing of the kind",
    ],
)
def test_an_example_out_of_form_is_unread_and_the_others_are_not(example: str):
    reply = f"Example 1\n{example}\nExample 2\nInput: x\nOutput: y"
    assert parse_instances(reply, INPUT_FIRST) == [UNREAD, Instance("x", "y")]


def test_without_numbers_one_slip_leaves_all_unread():
    reply = "Input: a\nInput: b\nOutput: c\nInput: d\nOutput: e"
    assert set(parse_instances(reply, INPUT_FIRST)) == {UNREAD}


def test_without_numbers_a_last_one_that_breaks_off_leaves_the_others():
    reply = "Input: a\nOutput: b\nInput: c"
    assert parse_instances(reply, INPUT_FIRST) == [Instance("a", "b"), UNREAD]


def test_words_of_the_form_inside_a_line_open_nothing():
    reply = "Example 1\nInput: Say Output: twice, see Example 2\nOutput: input: Input 3"
    (found,) = parse_instances(reply, INPUT_FIRST)
    assert found == Instance("Say Output: twice, see Example 2", "input: Input 3")


def test_other_scripts_and_full_width_colons_are_read():
    reply = "Example 1\nInput： 猫\nOutput：動物です。"
    assert parse_instances(reply, INPUT_FIRST) == [Instance("猫", "動物です。")]


@pytest.mark.parametrize("reply", ["", "I cannot do that.", "1. a\n2. b"])
def test_a_reply_without_examples_has_none(reply: str):
    assert parse_instances(reply, INPUT_FIRST) == []


@given(st.text(st.sampled_from("ab:\n")), st.sampled_from([INPUT_FIRST, OUTPUT_FIRST]))
def test_whatever_is_read_has_both_parts_or_neither(text: str, parts: tuple[str, str]):
    reply = text.replace("a", "Input").replace("b", "Output")
    for found in parse_instances(reply, parts):
        assert (found.input is None) == (found.output is None)
