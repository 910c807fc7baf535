"""The arithmetic of soft labels."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from synth_assets.llm.request import Reply
from synth_assets.methods.choice_label import Choice, Vote, label_of, read_vote, share_of_a
from synth_assets.methods.structured_asking import StructuredReply


def vote(share: float | None) -> Vote:
    return Vote("unparsed" if share is None else "ok", share, None, ("c",))


def label(*shares: float | None, is_clamped: bool = False) -> float | None:
    return label_of([vote(share) for share in shares], is_clamped=is_clamped)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0.8,), 0.8),  # one call, as shown
        ((1.0, 0.0), 1.0),  # A, then B with the order swapped: the first completion both times
        ((0.0, 1.0), 0.0),
        ((1.0, 1.0), 0.5),  # the same place both times
        ((1.0, 0.0, 1.0, 1.0), 0.75),
        ((0.9, 0.3), 0.8),  # (0.9 + 0.7) / 2
    ],
)
def test_a_label_is_the_mean_of_votes_turned_to_the_first_completion(
    shares: tuple[float, ...], expected: float
):
    assert label(*shares) == pytest.approx(expected)


def test_a_vote_counts_only_with_its_swapped_fellow():
    assert label(1.0, None) is None
    assert label(1.0, None, 0.0, 1.0) == 0.0
    assert label(None) is None


@pytest.mark.parametrize(("share", "expected"), [(0.97, 0.6), (0.55, 0.55), (0.0, 0.4)])
def test_labels_after_a_chain_of_thought_are_clamped(share: float, expected: float):
    assert label(share, is_clamped=True) == expected


def reply(*tokens: tuple[str, dict[str, float] | None]) -> Reply:
    """Probabilities, not logarithms, of the alternatives at each token."""
    content = [
        {
            "token": text,
            "logprob": -0.1,
            "top_logprobs": [
                {"token": token, "logprob": math.log(share)} for token, share in (top or {}).items()
            ],
        }
        for text, top in tokens
    ]
    text = "".join(text for text, _ in tokens)
    body = {"choices": [{"message": {"content": text}, "logprobs": {"content": content}}]}
    return Reply("c", "ok", text, body=json.dumps(body))


def test_the_share_of_a_is_taken_at_the_letter_of_the_choice():
    said = reply(('{"', {"A": 0.9}), ("choice", None), ('": "', None), ("A", {"A": 0.6, "B": 0.2}))
    assert share_of_a(said) == pytest.approx(0.75)


def test_forms_of_a_letter_are_summed_and_other_tokens_left_out():
    top = {' "B': 0.3, "B": 0.1, '"A"': 0.4, "C": 0.1, " The": 0.1}
    said = reply(('{"choice":', None), (' "B', top), ('"}', None))
    assert share_of_a(said) == pytest.approx(0.5)


def test_the_last_choice_counts_and_not_one_that_the_reasons_quote():
    said = reply(('{"rationale": "\\"choice\\": ', None), ('"choice": "', None), ("B", {"B": 1.0}))
    assert share_of_a(said) == 0.0


@pytest.mark.parametrize(
    "said",
    [
        None,
        Reply("c", "ok", '{"choice": "A"}'),
        reply(('{"choice": "', None), ("A", None)),
        reply(("I choose A.", {"A": 0.5})),
        reply(('{"choice": "', None), ("A", {"C": 0.5})),
    ],
)
def test_without_probabilities_of_the_letters_there_is_no_share(said: Reply | None):
    assert share_of_a(said) is None


def test_a_missing_probability_is_no_vote_and_no_certainty():
    found: StructuredReply[Any] = StructuredReply(
        "parsed", Choice(choice="A"), Reply("c", "ok", '{"choice": "A"}')
    )
    assert read_vote(found, by="votes").share == 1.0
    without = read_vote(found, by="logprobs")
    assert (without.status, without.share) == ("no_logprobs", None)
