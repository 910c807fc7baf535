"""Probabilities of tokens are read from both forms of a body, and never made up."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from synth_assets.llm.logprobs import TokenLogprob, read_logprobs


def body(logprobs: Any) -> str:
    return json.dumps({"choices": [{"message": {"content": "A"}, "logprobs": logprobs}]})


def test_a_chat_tells_each_token_with_what_else_might_have_stood_there():
    tops = [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1.0}]
    told = {"content": [{"token": "A", "logprob": -0.5, "bytes": None, "top_logprobs": tops}]}
    assert read_logprobs(body(told)) == [TokenLogprob("A", -0.5, {"A": -0.5, "B": -1.0})]


def test_the_older_api_tells_the_same_in_parallel_lists():
    told = {"tokens": ["A", "."], "token_logprobs": [-0.5, -2], "top_logprobs": [{"B": -1}, None]}
    assert read_logprobs(body(told)) == [
        TokenLogprob("A", -0.5, {"B": -1.0}),
        TokenLogprob(".", -2.0, {}),
    ]


def test_a_probability_of_zero_is_minus_infinity():
    told = '{"choices": [{"logprobs": {"tokens": ["A"], "token_logprobs": [-Infinity]}}]}'
    assert read_logprobs(told) == [TokenLogprob("A", -math.inf, {})]


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        [],
        {"content": []},
        {"content": None},
        {"content": [{"token": "A"}]},
        {"content": [{"token": "A", "logprob": None}]},
        {"content": [{"token": "A", "logprob": True}]},
        {"tokens": ["A", "B"], "token_logprobs": [-1.0]},
        {"tokens": ["A"], "token_logprobs": ["-1"]},
    ],
)
def test_what_is_of_neither_form_tells_nothing(told: Any):
    assert read_logprobs(body(told)) is None


@pytest.mark.parametrize("text", [None, "", "no JSON", "{}", '{"choices": []}', "[]"])
def test_a_body_without_a_choice_tells_nothing(text: str | None):
    assert read_logprobs(text) is None
