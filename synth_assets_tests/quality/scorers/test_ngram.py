"""The n-gram model: probabilities that are checked by eye, and the property of a unigram."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.quality.ifd import instruction_following_difficulty
from synth_assets.quality.scorers.ngram import NgramScorer
from synth_assets_tests.real_data import real_data

TEXTS = ("the cat sat", "the dog sat", "a cat ran home", "the cat ran home")


def scores(scorer: NgramScorer, text: str) -> list[float]:
    (found,) = scorer.token_logprobs([text])
    return [value for value in found.logprobs if value is not None]


def test_a_unigram_model_interpolates_counts_with_an_even_share():
    scorer = NgramScorer.trained_on(["a b", "a", "b a a", "c"], order=1, memory=0)
    # Beside its own text, a stands in two and b in one: (count + 2 kinds * 1/3) / (3 + 2 kinds).
    assert scores(scorer, "a") == [pytest.approx(math.log((2 + 2 / 3) / 5))]
    assert scores(scorer, "z") == [pytest.approx(math.log((0 + 2 / 3) / 5))]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_probabilities_of_all_that_may_follow_sum_to_one(order: int):
    scorer = NgramScorer.trained_on(TEXTS, order=order, memory=0)
    following = [scores(scorer, f"the cat {word}")[-1] for word in (*scorer.vocabulary, "zebra")]
    assert math.fsum(math.exp(value) for value in following) == pytest.approx(1)


def test_what_only_one_text_holds_is_not_known():
    assert set(NgramScorer.trained_on(TEXTS).vocabulary) == {"the", "cat", "sat", "ran", "home"}


def test_a_word_that_stood_before_becomes_more_probable():
    scorer = NgramScorer.trained_on(TEXTS, memory=0.2)
    assert scores(scorer, "zebra ran zebra")[-1] > scores(scorer, "zebra ran quagga")[-1]


def test_tokens_know_where_they_stand():
    (found,) = NgramScorer.trained_on(TEXTS).token_logprobs(["The cat,  東京!"])
    text = "The cat,  東京!"
    shown = [text[start:end] for start, end in zip(found.starts, found.ends, strict=True)]
    assert shown == ["The", "cat", ",", "東", "京", "!"]


def test_a_text_that_is_too_long_is_cut_and_says_so():
    (found,) = NgramScorer.trained_on(TEXTS, max_tokens=2).token_logprobs(["the cat sat"])
    assert (len(found.logprobs), found.is_truncated) == (2, True)


def test_the_order_in_which_texts_are_learnt_does_not_matter():
    forwards, backwards = NgramScorer.trained_on(TEXTS), NgramScorer.trained_on(TEXTS[::-1])
    assert scores(forwards, "the cat ran home") == scores(backwards, "the cat ran home")


WORDS = st.lists(
    st.sampled_from(("the", "cat", "sat", "dog", "ran", "7", ",")), min_size=2, max_size=9
)


@given(prompt=WORDS, completion=WORDS)
def test_with_a_unigram_model_the_ifd_of_every_row_is_one(prompt: list[str], completion: list[str]):
    scorer = NgramScorer.trained_on(TEXTS, order=1, memory=0)
    before, text = " ".join(prompt) + "\n", " ".join(completion)
    direct, conditional = scorer.token_logprobs([text, before + text])
    found = instruction_following_difficulty(
        direct, conditional, prompt_length=len(before), mode="strict", max_tokens=1024
    )
    assert (found.status, found.ifd) == ("ok", 1.0)


def test_on_real_tasks_a_completion_is_likelier_after_its_own_prompt_than_after_another():
    """Self-Instruct's 175 seed tasks: each output after its own and its neighbour's prompt."""
    file = real_data() / "self-instruct" / "seed_tasks.jsonl"
    rows = [
        (
            row["instruction"] + "\n" + "".join(f"{i}\n" for i in [first["input"]] if i),
            first["output"],
        )
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())
        for first in row["instances"][:1]
    ]
    scorer = NgramScorer.trained_on(text for row in rows for text in row)

    def ifd(prompt: str, completion: str) -> float | None:
        direct, conditional = scorer.token_logprobs([completion, prompt + completion])
        return instruction_following_difficulty(
            direct, conditional, prompt_length=len(prompt), mode="parity", max_tokens=1024
        ).ifd

    both = [
        (ifd(prompt, completion), ifd(rows[place - 1][0], completion))
        for place, (prompt, completion) in enumerate(rows)
    ]
    told = [(own, other) for own, other in both if own is not None and other is not None]
    # 23 outputs have one token, whose probability alone nobody knows; one prompt, which is shown
    # before two outputs, is too long for 1,024 tokens.
    assert len(told) == 150
    assert sum(own < other for own, other in told) / len(told) > 0.8
