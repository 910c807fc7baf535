"""Toy languages: what is fixed stays, the way back is exact, and faults come at their rates."""

from __future__ import annotations

from dataclasses import fields

import pytest

from synth_assets.llm.offline.recognise import recognise
from synth_assets.llm.offline.skills import Translating
from synth_assets.llm.offline.task import truth
from synth_assets.llm.offline.translating import (
    decode,
    encode,
    is_in,
    reword,
    set_the_same_task,
    translate,
)
from synth_assets.quality.preserved_parts import change_reason
from synth_assets.templates import load_template, quote
from synth_assets_tests.llm.offline.bodies import make_body, make_dice, make_tasks

FAULTLESS = Translating(0, 0, 0, 0, 0)
LANGUAGES = ("German", "French", "Swahili")
TEXT = "Sort `b, a` for {name}: café, 3.5 kg, <b>NOW</b>.\nThen say why."


def asked(text: str, source: str, target: str):
    words = load_template("back_translation/translate").render(
        source=source, target=target, text=quote("text", text)
    )
    return recognise(make_body(words))


def only(kind: str) -> Translating:
    return Translating(**{field.name: float(field.name == kind) for field in fields(Translating)})


@pytest.mark.parametrize("language", LANGUAGES)
def test_decoding_undoes_encoding_letter_by_letter(language: str) -> None:
    foreign = encode(TEXT, language)
    assert decode(foreign, language) == TEXT
    assert foreign != TEXT
    assert is_in(foreign, language)
    assert not is_in(TEXT, language)


def test_code_numbers_and_placeholders_stay_in_a_toy_language() -> None:
    assert change_reason(TEXT, encode(TEXT, "German")) is None
    assert encode("Two words", "German") != encode("Two words", "French")


def test_a_round_trip_says_the_same_in_other_words() -> None:
    changed = 0
    for draw, task in enumerate(make_tasks(120)):
        text = task.write()
        there = translate(asked(text, "English", "German"), make_dice(draw), FAULTLESS)
        back = translate(asked(there, "German", "English"), make_dice(draw), FAULTLESS)
        assert truth(back) == truth(text)
        assert set_the_same_task(text, back)
        changed += back != text
    assert changed == 120


def test_a_planted_number_is_found_by_the_number_rule() -> None:
    there = encode("Add 3 to 14.", "German")
    back = translate(asked(there, "German", "English"), make_dice(1), only("changed_number"))
    assert change_reason("Add 3 to 14.", back) == "numbers_changed"


def test_a_planted_task_keeps_the_numbers_and_is_another_task() -> None:
    for draw, task in enumerate(make_tasks(60)):
        text = task.write()
        there = encode(text, "French")
        back = translate(asked(there, "French", "English"), make_dice(draw), only("changed_task"))
        assert change_reason(text, back) is None
        assert not set_the_same_task(text, back)


def test_an_untranslated_text_comes_back_as_it_went() -> None:
    back = translate(asked("Why?", "English", "German"), make_dice(1), only("untranslated"))
    assert back == "Why?"


def test_a_text_of_no_family_gets_another_verb_or_a_courtesy() -> None:
    assert reword("Explain why leaves turn red.", make_dice(1)) == "Describe why leaves turn red."
    assert set_the_same_task("Explain why.", "Describe why.")
    assert set_the_same_task("Who was it?", reword("Who was it?", make_dice(1)))
    assert not set_the_same_task("Explain why.", "Explain how.")
