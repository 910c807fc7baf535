from __future__ import annotations

from synth_assets.quality.diversity import distinct_n


def test_distinct_n_is_the_share_of_different_n_grams():
    assert distinct_n(["a b a b"], 1) == 2 / 4
    assert distinct_n(["a b a b"], 2) == 2 / 3


def test_n_grams_do_not_cross_texts():
    assert distinct_n(["a b", "b a"], 2) == 1.0


def test_equal_texts_are_less_varied_than_different_ones():
    assert distinct_n(["one two", "one two"], 2) == 0.5


def test_no_n_gram_is_no_number():
    assert distinct_n([], 1) is None
    assert distinct_n(["one"], 2) is None
