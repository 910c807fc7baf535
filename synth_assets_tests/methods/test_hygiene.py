from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from synth_assets.method import Material
from synth_assets.methods.hygiene import Hygiene, check_hygiene
from synth_assets_tests.methods.builders import (
    a_prompt,
    make_completions,
    make_evaluation,
    make_prompts,
    turn,
)
from synth_assets_tests.scripted_ask import never_asked

RULES = ["repetition", "self_identification", "refusal", "personal_data", "contamination"]
EIGHT = "one two three four five six seven eight"


def check(
    *texts: str | None,
    evaluation: tuple[Any, ...] = (),
    prompts: tuple[dict[str, Any], ...] = (),
    **values: Any,
) -> pl.DataFrame:
    rows = ({"prompt_id": f"p{n}", "text": text} for n, text in enumerate(texts))
    frames = {
        "mutated_prompts": make_prompts(*prompts),
        "completions": make_completions(*rows),
        "evaluation_prompts": make_evaluation(*evaluation),
    }
    result = check_hygiene(Material(1, frames, never_asked()), Hygiene.model_validate(values))
    assert result.items_parsed == result.rows.height
    return result.rows


def reasons(text: str, **values: Any) -> list[str]:
    return check(text, **values)["drop_reason"].drop_nulls().to_list()


def test_every_rule_has_a_row_for_every_completion_with_a_text():
    rows = check("A plain answer.", None)
    assert rows["filter"].to_list() == [f"hygiene:{rule}" for rule in RULES]
    assert rows["drop_reason"].null_count() == 5
    assert set(rows["completion_id"]) == {"c0"}
    assert rows["filter_id"].n_unique() == 5
    assert rows["holds_for"].to_list() == ["sft", "sft", "sft", "all", "all"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n\n".join(["Again."] * 10), "repeated_paragraph"),
        (" ".join(["Again."] * 40), "repeated_sentence"),
        ("\n".join(["again"] * 4), "repeated_line"),
        (" ".join(["もう一度。"] * 40), "repeated_sentence"),
        ("I am ChatGPT, and 7 is prime.", "identifies_itself"),
        ("I'm sorry, but I can't help with that.", "refuses"),
        ("Ask mara@posteo.de about it.", "holds_email"),
        ("Pay DE89370400440532013000 now.", "holds_iban"),
    ],
)
def test_each_fault_has_its_reason(text: str, reason: str):
    assert reasons(text) == [reason]


@pytest.mark.parametrize(
    "text",
    ["\n\n".join(["Again."] * 3), " ".join(["Again."] * 39), "\n".join(["again"] * 3)],
)
def test_one_less_is_not_too_often(text: str):
    assert reasons(text) == []


def test_the_score_of_repetition_is_the_largest_count_over_its_limit():
    (score, *_) = check("a\na\nb")["score"]
    assert score == 0.5
    assert reasons("a\nb\na", repetition={"paragraphs": 2, "sentences": 2}) == ["repeated_sentence"]


def test_a_text_with_several_faults_has_a_reason_for_each():
    text = "I'm sorry, but I can't. I am ChatGPT; write to a@posteo.de."
    assert reasons(text) == ["identifies_itself", "refuses", "holds_email"]


def test_every_rule_can_be_turned_off():
    off = {"repetition": None, "self_identification": False, "refusals": False,
           "personal_data": [], "contamination": None}  # fmt: skip
    assert check("I am ChatGPT.", **off).height == 0
    assert reasons("a@posteo.de", personal_data=["iban"]) == []


def test_the_language_is_looked_at_where_the_recipe_names_some():
    german = "Die Antwort lautet zweiundvierzig, denn so steht es in dem Buch."
    assert reasons(german) == []
    assert reasons(german, languages=["en", "fr"]) == ["other_language"]
    assert reasons(german, languages=["de"]) == []


def test_a_text_too_short_to_tell_its_language_passes_with_a_status():
    rows = check("42", languages=["en"]).filter(pl.col("filter") == "hygiene:language")
    assert rows.select("status", "score", "drop_reason").row(0) == ("unknown", None, None)


def test_code_is_in_no_language():
    text = "```\nfuer jeden in liste: drucke jeden einzelnen eintrag aus der liste\n```\n"
    answer = "The loop prints every entry of the list, one after another."
    assert reasons(text + answer, languages=["en"]) == []


def test_a_completion_that_holds_more_than_half_of_an_evaluation_text_is_contaminated():
    row = check(f"It goes: {EIGHT} and on.", evaluation=(EIGHT + " nine ten",)).row(4, named=True)
    assert (row["score"], row["drop_reason"]) == (0.8, "contaminated")
    half = EIGHT + " a b c d e f g h"
    assert reasons(EIGHT, evaluation=(half,)) == []
    assert reasons(EIGHT, evaluation=(half,), contamination={"share": 0.49}) == ["contaminated"]


def test_each_turn_of_an_evaluation_prompt_counts_by_itself():
    assert reasons(EIGHT, evaluation=(["Where were we in this long tale?", EIGHT],)) == [
        "contaminated"
    ]


def talk(answer: str, **values: Any) -> tuple[dict[str, Any], ...]:
    """A prompt in which the assistant has said something already."""
    turns = [turn("user", "Who are you? I am Claude."), turn("assistant", answer)]
    return (a_prompt("Go on.", "p0", messages=[*turns, turn("user", "Go on.")]),)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I am ChatGPT.", "identifies_itself"),
        ("I'm sorry, but I can't help with that.", "refuses"),
        ("again\nagain\nagain\nagain", "repeated_line"),
        ("Ask mara@posteo.de about it.", "holds_email"),
        (f"It goes: {EIGHT}.", "contaminated"),
    ],
)
def test_an_earlier_answer_of_the_conversation_is_looked_at_too(answer: str, reason: str):
    rows = check("A plain answer.", prompts=talk(answer), evaluation=(EIGHT,))
    assert rows["drop_reason"].drop_nulls().to_list() == [reason]
    assert rows.height == len(RULES)


def test_what_the_person_says_in_a_conversation_is_not_an_answer():
    assert reasons("A plain answer.", prompts=talk("Nobody.")) == []


def test_the_score_of_a_conversation_is_that_of_its_worst_answer():
    for answer, text in (("a\na", "b"), ("b", "a\na")):
        assert check(text, prompts=talk(answer))["score"][0] == 0.5


def test_an_earlier_answer_in_another_language_counts():
    german = "Die Antwort lautet zweiundvierzig, denn so steht es in dem Buch."
    assert reasons("42", prompts=talk(german), languages=["en"]) == ["other_language"]
    assert reasons("42", prompts=talk("7"), languages=["en"]) == []


def test_which_rules_hold_for_pairs_is_a_parameter():
    rows = check("x", also_for_pairs=["refusal"])
    assert rows.filter(holds_for="all")["filter"].to_list() == ["hygiene:refusal"]


def test_nothing_in_gives_nothing_out():
    assert check().height == 0
