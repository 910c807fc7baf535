"""IFD from log-probabilities that are written out, in both ways of counting."""

from __future__ import annotations

import math

import pytest

from synth_assets.quality.ifd import IfdMode, instruction_following_difficulty
from synth_assets.quality.scorers import ScoredText

PROMPT = "ask\n"


def scored(text: str, *logprobs: float | None, problem: str | None = None) -> ScoredText:
    """One token a character."""
    places = tuple(range(len(logprobs)))
    assert len(logprobs) <= len(text)
    return ScoredText(places, tuple(p + 1 for p in places), logprobs, problem=problem)


def ifd(direct: ScoredText, conditional: ScoredText, mode: IfdMode = "parity", most: int = 1024):
    return instruction_following_difficulty(
        direct, conditional, prompt_length=len(PROMPT), mode=mode, max_tokens=most
    )


DIRECT = scored("xyz", None, -2.0, -4.0)
CONDITIONAL = scored(PROMPT + "xyz", None, -9.0, -9.0, -9.0, -0.5, -1.0, -1.5)


def test_parity_counts_the_first_token_after_the_prompt_only():
    # exp(mean(0.5, 1, 1.5) - mean(2, 4))
    found = ifd(DIRECT, CONDITIONAL)
    assert found.ifd == pytest.approx(math.exp(1 - 3), rel=1e-6)
    assert found.ppl_direct == pytest.approx(math.exp(3), rel=1e-6)
    assert found.ppl_conditional == pytest.approx(math.e, rel=1e-6)
    assert found.tokens == 3


def test_strict_counts_the_same_tokens_in_both():
    # exp(mean(1, 1.5) - mean(2, 4))
    found = ifd(DIRECT, CONDITIONAL, "strict")
    assert found.ifd == pytest.approx(math.exp(1.25 - 3), rel=1e-6)
    assert found.tokens == 2


def test_strict_leaves_out_what_was_cut_off_in_one_of_them():
    cut = scored(PROMPT + "xy", None, -9.0, -9.0, -9.0, -0.5, -1.0)
    assert ifd(DIRECT, cut, "strict", 6).ifd == pytest.approx(math.exp(1 - 2), rel=1e-6)


def test_parity_cuts_the_completion_alone_to_one_token_more_than_is_left_for_it():
    """Released code: max_length - length of the prompt + 1."""
    cut = scored(PROMPT + "x", None, -9.0, -9.0, -9.0, -0.5)
    # Five tokens at most: one of the completion after the prompt; two alone, the second of which
    # is scored.
    assert ifd(DIRECT, cut, "parity", 5).ifd == pytest.approx(math.exp(0.5 - 2), rel=1e-6)


@pytest.mark.parametrize("mode", ["parity", "strict"])
def test_tokens_of_one_character_are_told_apart_by_their_order(mode: IfdMode):
    direct = ScoredText((0, 0, 0), (1, 1, 1), (None, -2.0, -4.0))
    conditional = ScoredText((0, 4, 4, 4), (4, 5, 5, 5), (None, -0.5, -1.0, -1.5))
    told = {"parity": math.exp(1 - 3), "strict": math.exp(1.25 - 3)}[mode]
    assert ifd(direct, conditional, mode).ifd == pytest.approx(told, rel=1e-6)


@pytest.mark.parametrize(
    ("direct", "conditional", "status"),
    [
        (scored("x", None), CONDITIONAL, "too_short"),
        (scored(""), CONDITIONAL, "too_short"),
        (DIRECT, scored(PROMPT, None, -9.0, -9.0), "prompt_too_long"),
        (scored("", problem="refused"), CONDITIONAL, "failed"),
        (DIRECT, scored("", problem="refused"), "failed"),
        (scored("xy", None, -1e6), CONDITIONAL, "not_finite"),
        (scored("xy", None, -math.inf), CONDITIONAL, "not_finite"),
    ],
)
def test_what_cannot_be_scored_has_a_status_and_no_number(
    direct: ScoredText, conditional: ScoredText, status: str
):
    found = ifd(direct, conditional)
    assert (found.status, found.ifd, found.ppl_direct) == (status, None, None)
