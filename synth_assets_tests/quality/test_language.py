from __future__ import annotations

import pytest

from synth_assets.quality.language import detect_language, is_other_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Explain in a few sentences how a bicycle keeps its balance.", "en"),
        ("Erkläre in wenigen Sätzen, wie ein Fahrrad sein Gleichgewicht hält.", "de"),
        ("Объясни в нескольких предложениях, как велосипед держит равновесие.", "ru"),
        ("自転車がどのように平衡を保つのかを説明してください。", "ja"),
    ],
)
def test_the_language_of_a_sentence_is_found(text: str, language: str):
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["Bonjour à tous", "Hi!", "", "😀 😀 😀 😀 😀 😀"])
def test_a_short_text_has_no_language_and_passes(text: str):
    assert detect_language(text) is None
    assert not is_other_language(text, ("en",))


def test_line_breaks_do_not_matter():
    assert detect_language("Explain in a few\nsentences how a bicycle\nkeeps balance.") == "en"


def test_another_language_is_one_that_is_not_listed():
    german = "Erkläre in wenigen Sätzen, wie ein Fahrrad sein Gleichgewicht hält."
    assert is_other_language(german, ("en",))
    assert not is_other_language(german, ("en", "de"))
