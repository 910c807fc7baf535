from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.console.plain_text import escape_harmful, one_line, plain

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J\x1b[H",  # clears the screen
        "\x1b]0;title\x07",  # renames the window
        "\x9b2J",  # the same in one character
        "a\rb",  # writes over the line
        "a\bb",
        "\u202eabc\u202c",  # turns the direction round
        "\u2066abc\u2069",
        "\x00",
        "\x7f",
    ],
)
def test_nothing_that_moves_a_cursor_is_left(text: str) -> None:
    assert all(character.isprintable() for character in plain(text))


@given(ANY_TEXT)
def test_what_is_left_is_printable_and_line_breaks(text: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in plain(text))
    assert one_line(text).isprintable()


def test_words_letters_and_line_breaks_stay() -> None:
    assert plain("日本語\n  è «x» 🙂") == "日本語\n  è «x» 🙂"
    assert plain("a\tb\r\nc") == "a   b\nc"


def test_a_removed_character_leaves_a_mark() -> None:
    assert plain("a\x1b[2Jb") == "a\ufffd[2Jb"


def test_one_line_is_cut_with_a_mark() -> None:
    assert one_line("a\n b\t\tc") == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"


@given(ANY_TEXT)
def test_escaped_json_says_the_same_and_holds_no_control(text: str) -> None:
    escaped = escape_harmful(json.dumps({"a": text}, ensure_ascii=False))
    assert json.loads(escaped) == {"a": text}
    assert not set(escaped) & {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x202E)}
