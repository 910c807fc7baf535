"""Documents are cut into exact slices of themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.seed_files.segments import segments_of


def texts(document: str, shortest: int = 10, longest: int = 30) -> list[str]:
    return [segment.text for segment in segments_of(document, shortest, longest)]


def test_paragraphs_are_joined_up_to_the_longest() -> None:
    assert texts("One two.\n\nThree four.\n\nFive six seven eight.") == [
        "One two.\n\nThree four.",
        "Five six seven eight.",
    ]


def test_a_heading_opens_a_segment_once_the_one_before_is_long_enough() -> None:
    document = "Some words of A.\n\n# B\n\nMore words."
    assert texts(document, 10, 60) == ["Some words of A.", "# B\n\nMore words."]
    assert texts(document, 20, 60) == [document]


def test_a_long_paragraph_is_cut_at_the_end_of_a_sentence() -> None:
    assert texts("Alpha beta gamma. Delta epsilon zeta eta.", 5, 30) == [
        "Alpha beta gamma.",
        "Delta epsilon zeta eta.",
    ]


def test_without_sentences_it_is_cut_between_words_and_else_anywhere() -> None:
    assert texts("a" * 20 + " " + "b" * 20, 5, 30) == ["a" * 20, "b" * 20]
    assert texts("x" * 70, 5, 30) == ["x" * 30, "x" * 30, "x" * 10]


def test_japanese_is_cut_behind_its_full_stop() -> None:
    assert texts("これは一つ目の文です。これは二つ目の文です。", 5, 15) == [
        "これは一つ目の文です。",
        "これは二つ目の文です。",
    ]


def test_a_short_end_joins_the_segment_before_it_where_there_is_room() -> None:
    document = "Some words of A.\n\n# B"
    assert texts(document, 10, 30) == [document]
    assert texts("x" * 29 + "\n\nend", 10, 30) == ["x" * 29, "end"]


def test_white_space_alone_has_no_segments() -> None:
    assert texts(" \n\n\t\n") == []


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_stay_as_they_are(ending: str) -> None:
    document = f"One.{ending}{ending}Two."
    assert texts(document, 1, 100) == [document]


@given(st.text(alphabet="ab.\n #é。", max_size=200), st.integers(1, 20), st.integers(20, 60))
def test_nothing_but_white_space_lies_between_segments(
    document: str, shortest: int, longest: int
) -> None:
    position = 0
    for segment in segments_of(document, shortest, longest):
        assert document[segment.start : segment.start + len(segment.text)] == segment.text
        assert not document[position : segment.start].strip()
        assert 0 < len(segment.text) <= longest
        position = segment.start + len(segment.text)
    assert not document[position:].strip()
