"""Why a segment of a document is no completion."""

from __future__ import annotations

import pytest

from synth_assets.quality.source_rules import heading_of, share_of_capitals, source_reason

PROSE = (
    "Sourdough needs time more than skill. Feed the starter in the evening, and it will have "
    "doubled by morning. Mix flour, water and salt, wait for half an hour, and fold the dough."
)


def reason(text: str, shortest: int = 20, longest: int = 400) -> str | None:
    return source_reason(text, shortest, longest)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PROSE, None),
        (f"# Bread\n\n{PROSE}", None),
        ("--- *** ---" * 5, "empty"),
        ("Too short.", "too_short"),
        (PROSE * 3, "too_long"),
        (f"# Table of Contents\n\n{PROSE}", "navigation_heading"),
        (f"See also:\n{PROSE}", "navigation_heading"),
        (f"目次\n{PROSE}", "navigation_heading"),
        ("- [Home](/)\n- [Blog](/blog)\n- [About us](/about)\nSome words here.", "navigation"),
        ("https://a.example/1\nhttps://a.example/2\nhttps://a.example/3", "navigation"),
        (f"# ALL ABOUT BREAD\n\n{PROSE}", "all_caps_heading"),
        (PROSE.upper(), "all_caps"),
        ("A line of words.\n" * 4 + PROSE, "repetitive"),
        ("the cat sat on the mat and " * 10, "repetitive"),
    ],
)
def test_each_rule_drops_by_its_name(text: str, expected: str | None) -> None:
    assert reason(text) == expected


def test_the_bounds_themselves_are_allowed() -> None:
    assert reason(PROSE, len(PROSE), len(PROSE)) is None
    assert reason(PROSE, len(PROSE) + 1, 999) == "too_short"
    assert reason(PROSE, 1, len(PROSE) - 1) == "too_long"


@pytest.mark.parametrize(
    "text",
    [
        "日本語の文章には大文字がありません。それでもこれは普通の段落であり、何も問題はないはずです。",
        "الخبز يحتاج إلى الوقت أكثر من المهارة، فاترك العجين حتى الصباح ثم اخبزه في فرن ساخن.",
        "Über Brötchen weiß jede Bäckerin mehr, als in einem Aufsatz Platz hätte.",
    ],
)
def test_prose_of_other_scripts_passes(text: str) -> None:
    assert reason(text) is None


def test_a_heading_is_marked_or_stands_alone_on_a_short_line() -> None:
    assert heading_of("## Bread ##\nText.") == "Bread"
    assert heading_of("Bread\n=====\nText.") == "Bread"
    assert heading_of("Bread:\nText.") == "Bread"
    assert heading_of("This is a sentence.\nText.") == ""
    assert heading_of("One line alone") == ""


def test_letters_without_case_are_no_capitals() -> None:
    assert share_of_capitals("日本") == 0.0
    assert share_of_capitals("日本 NHK x") == 0.75
