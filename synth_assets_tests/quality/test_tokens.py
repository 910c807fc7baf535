from __future__ import annotations

import pytest

from synth_assets.quality.tokens import count_words, tokenize


def test_ascii_tokens_are_runs_of_letters_and_digits_in_lower_case():
    assert tokenize("Write 3 e-mails, Don't_stop!", "ascii") == [
        "write", "3", "e", "mails", "don", "t", "stop",
    ]  # fmt: skip


def test_ascii_tokens_of_another_script_are_none_and_unicode_tokens_are_some():
    assert tokenize("日本語", "ascii") == []
    assert tokenize("日本語") == ["日", "本", "語"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Straße", ["strasse"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("Привет, мир!", ["привет", "мир"]),
        ("snake_case", ["snake", "case"]),
        ("👍 … !", []),
        ("", []),
    ],
)
def test_unicode_tokens_are_words_of_any_script(text: str, tokens: list[str]):
    assert tokenize(text) == tokens


def test_a_combining_accent_is_the_same_token_as_the_composed_letter():
    assert tokenize("cafe\u0301") == tokenize("caf\u00e9") == ["café"]


def test_words_are_counted_by_white_space():
    assert count_words("one two-three  four\nfive") == 4
    assert count_words("") == 0


def test_two_characters_count_as_a_word_where_a_script_has_no_spaces():
    assert count_words("日本語を書く") == 3
    assert count_words("write 日本語") == 3
