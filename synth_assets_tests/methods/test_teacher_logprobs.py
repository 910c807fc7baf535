"""A teacher's token probabilities, from stored replies."""

from __future__ import annotations

import json

import polars as pl

from synth_assets.methods.teacher_logprobs import token_logprobs
from synth_assets.schemas import COMPLETIONS, TEACHER_LOGPROBS
from synth_assets_tests.methods.builders import make_completions

TOLD = {"B": -1.0, "A": -0.5}


def body() -> str:
    tops = [{"token": token, "logprob": value} for token, value in TOLD.items()]
    told = {"content": [{"token": "A", "logprob": -0.5, "top_logprobs": tops}]}
    return json.dumps({"choices": [{"message": {"content": "A"}, "logprobs": told}]})


def completions(*rows: dict[str, object]) -> pl.DataFrame:
    return make_completions(*({"prompt_id": "p", "round": 1, "text": "A", **row} for row in rows))


def test_tokens_keep_their_probability_and_what_might_have_stood_there_likeliest_first():
    (row,) = token_logprobs(
        completions({"completion_id": "c", "call_id": "k"}), {"k": body()}
    ).to_dicts()
    likeliest = [{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -1.0}]
    assert row["tokens"] == [{"token": "A", "logprob": -0.5, "alternatives": likeliest}]
    assert (row["status"], row["call_id"]) == ("ok", "k")


def test_a_reply_that_tells_none_and_a_text_that_nobody_was_asked_for_have_no_tokens():
    rows = token_logprobs(
        completions(
            {"completion_id": "a", "call_id": "k"},
            {"completion_id": "b", "call_id": None},
            {"completion_id": "c", "call_id": "gone"},
        ),
        {"k": json.dumps({"choices": [{"message": {"content": "A"}}]})},
    )
    assert rows["status"].to_list() == ["not_given", "no_call", "not_given"]
    assert rows["tokens"].is_null().all()


def test_a_completion_without_a_text_is_left_out_and_nothing_gives_nothing():
    assert token_logprobs(completions({"completion_id": "c", "text": None}), {}).height == 0
    assert token_logprobs(COMPLETIONS.empty(), {}).equals(TEACHER_LOGPROBS.empty())
