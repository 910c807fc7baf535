from __future__ import annotations

import json

import pytest

from synth_assets.errors import ReplyError
from synth_assets.llm.request import Reply
from synth_assets.methods.elimination import (
    completion_reason,
    copies_template,
    is_sorry,
    parse_verdict,
    says_nothing,
)
from synth_assets.templates import load_template, quote
from synth_assets_tests.real_data import real_data

TEMPLATE = load_template("evol_instruct/deepen")


@pytest.mark.parametrize("text", ["Equal", "equal", " EQUAL.\n", "**Equal**", "'Equal'", "Equal!"])
def test_equal_is_equal(text: str):
    assert parse_verdict(text) == "equal"


@pytest.mark.parametrize("text", ["Different", "different.", "*Different*"])
def test_different_is_different(text: str):
    assert parse_verdict(text) == "different"


@pytest.mark.parametrize(
    "text", ["", "Not Equal", "Equal or Different", "They are equal.", "Unequal", "Yes", "Equally"]
)
def test_any_other_verdict_is_none(text: str):
    with pytest.raises(ReplyError, match="Equal or Different"):
        parse_verdict(text)


@pytest.mark.parametrize(
    "text",
    [
        "Rewritten Prompt: Name five rivers.",
        "#Rewritten Prompt#\nName five rivers.",
        "Make the given prompt harder.",
        quote("prompt", "Name five rivers."),
        "Keep every table, piece of code and input, and name rivers.",
    ],
)
def test_words_of_the_template_are_found(text: str):
    assert copies_template(text, "Name three rivers.", TEMPLATE)


def test_words_that_the_parent_holds_are_not_copied():
    parent = "Write a new prompt for a shell, and keep every table, piece of code and input."
    text = parent.replace("shell", "shell that speaks French")
    assert not copies_template(text, parent, TEMPLATE)


def test_an_ordinary_rewrite_copies_nothing():
    text = "Name five rivers of Europe that end in the Black Sea, with their lengths."
    assert not copies_template(text, "Name three rivers.", TEMPLATE)


def test_sorry_counts_in_fewer_than_80_words_only():
    assert is_sorry("I am sorry, I cannot.", 80)
    assert is_sorry("sorry " + "word " * 78, 80)
    assert not is_sorry("sorry " + "word " * 79, 80)
    assert not is_sorry("I cannot.", 80)


@pytest.mark.parametrize(
    "text", ["", " ... ", "— — !?", "And so on.", "```\n```", "It is what it is."]
)
def test_punctuation_and_stop_words_say_nothing(text: str):
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text", ["42", "No.", "Not at all", "A", "π", "∞", "👍", "はい", "да", "x"]
)
def test_a_short_answer_says_something(text: str):
    assert not says_nothing(text)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("c", "ok", "The Danube."), None),
        (Reply("c", "cut", "The Danube and"), None),
        (Reply("c", "ok", "Sorry, no."), "completion_refuses"),
        (Reply("c", "refused", None), "completion_refuses"),
        (Reply("c", "empty", None), "completion_says_nothing"),
        (Reply("c", "ok", "..."), "completion_says_nothing"),
        (Reply("c", "failed", None), "completion_failed"),
    ],
)
def test_each_completion_has_its_reason(reply: Reply, reason: str | None):
    assert completion_reason(reply, 80) == reason


@pytest.mark.parametrize(
    ("model", "count"),
    [("davinci-self-instruct", 1), ("text-davinci-001", 1), ("text-davinci-002", 1),
     ("text-davinci-003", 0)],
)  # fmt: skip
def test_the_sorry_rule_finds_the_published_rows(model: str, count: int):
    file = real_data() / "self-instruct" / f"{model}_predictions.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 252
    assert sum(is_sorry(str(row["response"]), 80) for row in rows) == count
