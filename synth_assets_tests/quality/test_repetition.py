from __future__ import annotations

import pytest

from synth_assets.quality.repetition import Repetition, repetition


def test_each_unit_is_counted_by_its_most_frequent():
    text = "One. Two. One.\n\nThree.\n\nThree."
    assert repetition(text) == Repetition(paragraphs=2, sentences=2, lines=2)


@pytest.mark.parametrize("text", ["", "\n \n", "---\n---\n---\n---", "}\n}\n}\n}"])
def test_what_says_nothing_repeats_nothing(text: str):
    assert repetition(text) == Repetition(0, 0, 0)


def test_a_line_is_in_a_row_over_blank_lines_and_not_over_others():
    assert repetition("a\na\n\na\n \na").lines == 4
    assert repetition("a\na\nb\na\na").lines == 2


def test_lines_of_other_indentation_are_other_lines():
    assert repetition("    end\n  end\nend\nend   ").lines == 2


def test_sentences_end_at_full_stops_of_many_scripts_and_at_line_ends():
    assert repetition("猫です。猫です。犬です。").sentences == 2
    assert repetition("Ja! Ja? Ja!").sentences == 2
    assert repetition("यह है। यह है।").sentences == 2
    assert repetition("- same\n- same").sentences == 2


def test_a_decimal_point_ends_no_sentence():
    assert repetition("It is 3.5 and 3.5 and 3.5").sentences == 1


def test_white_space_tells_no_paragraphs_apart():
    assert repetition("a  b\n\na b\n \na\nb").paragraphs == 3
