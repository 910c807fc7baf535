from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synth_assets.llm.request import Request, system, user
from synth_assets.llm.tokens import (
    DEFAULT_OUTPUT_TOKENS,
    count_tokens,
    most_input_tokens,
    most_output_tokens,
)
from synth_assets_tests.llm.making import ask_for


def test_four_bytes_are_a_token_rounded_up():
    assert [count_tokens(text) for text in ("", "a", "four", "fives", "日本")] == [0, 1, 1, 2, 2]


@given(st.text())
def test_the_bound_is_never_below_the_estimate(text: str):
    assert most_input_tokens(ask_for(text)) >= count_tokens(text)


def test_the_bound_counts_every_message_and_the_schema():
    request = Request("it", (system("abc"), user("de")), response_schema={"a": 1})
    assert most_input_tokens(request) == 3 + 16 + 2 + 16 + len('{"a":1}')


def test_a_reply_is_bounded_by_max_tokens_or_a_usual_limit():
    assert most_output_tokens(ask_for("a", sampling={"max_tokens": 7})) == 7
    assert most_output_tokens(ask_for("a")) == DEFAULT_OUTPUT_TOKENS
