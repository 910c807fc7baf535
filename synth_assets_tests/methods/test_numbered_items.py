from __future__ import annotations

import pytest

from synth_assets.methods.numbered_items import parse_numbered_items


@pytest.mark.parametrize(
    "reply",
    [
        "Name a river.\n10. Count to ten.\n11. Draw up a plan.",
        "9. Name a river.\n10. Count to ten.\n11. Draw up a plan.",
        " Name a river.\n10) Count to ten.\n11) Draw up a plan.",
        "Sure, here are more:\n\n9. Name a river.\n\n10. Count to ten.\n\n11. Draw up a plan.",
        "1. Name a river.\n2. Count to ten.\n3. Draw up a plan.",
        "Here you go:\n1. Name a river.\n2. Count to ten.\n3. Draw up a plan.",
        "**9.** Name a river.\n**10.** Count to ten.\n**11.** Draw up a plan.",
        "9. Name a river.\n10. Count to ten.\n11. Draw up a plan.\n\nTell me if you want more!",
    ],
)
def test_items_are_found_however_the_list_begins(reply: str):
    items = ["Name a river.", "Count to ten.", "Draw up a plan."]
    assert parse_numbered_items(reply, 9) == items


def test_a_figure_that_ends_with_the_next_number_opens_no_item():
    reply = "What is 216.5 over 2?\n10. Add 9 and\n216. What is it?\n11. Name a river."
    assert parse_numbered_items(reply, 9) == [
        "What is 216.5 over 2?",
        "Add 9 and\n216. What is it?",
        "Name a river.",
    ]


def test_a_list_inside_an_item_belongs_to_it():
    reply = "Sort these:\n1. pears\n2. apples\n10. Name a river."
    assert parse_numbered_items(reply, 9) == [
        "Sort these:\n1. pears\n2. apples",
        "Name a river.",
    ]


def test_repeated_examples_are_passed_over():
    reply = "7. An example.\n8. Another.\n9. Name a river.\n10. Count to ten."
    assert parse_numbered_items(reply, 9) == ["Name a river.", "Count to ten."]


def test_an_unnumbered_reply_is_one_item():
    assert parse_numbered_items("Name a river.", 9) == ["Name a river."]


def test_an_item_without_text_is_empty():
    assert parse_numbered_items("Name a river.\n10.\n11. Count.", 9) == [
        "Name a river.",
        "",
        "Count.",
    ]


def test_full_width_numbers_count():
    assert parse_numbered_items("川の名前を書いて\n10．数えて\n11、描いて", 9) == [
        "川の名前を書いて",
        "数えて",
        "描いて",
    ]
