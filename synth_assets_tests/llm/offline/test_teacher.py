"""The wire: a chat/completions body in, a chat.completion out, the same for the same body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_assets.identity import content_hash
from synth_assets.llm.offline.recognise import REWRITE_PHRASES
from synth_assets.llm.offline.teacher import MODELS, UnknownModel, complete, count_tokens
from synth_assets_tests.llm.offline.bodies import (
    RATINGS_FORMAT,
    make_body,
    make_equality_text,
    make_list_text,
    make_rating_text,
    make_rewrite_text,
    make_tasks,
    reply_text,
)

GOLDEN = Path(__file__).with_name("golden_replies.json")
"""Hashes of replies. Written anew, after a change on purpose, with ``python -m`` this module."""


def golden_bodies() -> dict[str, dict[str, Any]]:
    prompts = [task.write() for task in make_tasks(8)]
    texts = {
        "answer": prompts[0],
        "general": "Why do bakeries smell so good?",
        "write": make_list_text(prompts),
        "compare": make_equality_text(prompts[0], prompts[1]),
        "rate": make_rating_text("honesty", prompts[0], ["\\boxed{1}", "\\boxed{2}"]),
    }
    texts |= {operator: make_rewrite_text(operator, prompts[2]) for operator in REWRITE_PHRASES}
    return {
        f"{model} {name} {seed}": make_body(text, model=model, seed=seed)
        for model in MODELS
        for name, text in texts.items()
        for seed in range(3)
    }


def golden_hashes() -> dict[str, str]:
    return {name: content_hash(complete(body))[:16] for name, body in golden_bodies().items()}


def test_replies_are_the_same_on_every_machine() -> None:
    assert golden_hashes() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_reply_has_the_form_of_an_endpoint() -> None:
    reply = complete(make_body("Write 14 in Roman numerals."))
    assert reply["object"] == "chat.completion"
    assert (reply["created"], reply["model"]) == (0, "careful")
    assert reply["id"].startswith("chatcmpl-")
    (choice,) = reply["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    written = count_tokens(choice["message"]["content"])
    read = count_tokens("Write 14 in Roman numerals.") + 4
    assert reply["usage"] == {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def test_a_body_is_not_changed_and_gives_the_same_reply_again() -> None:
    body = make_body("Write 14 in Roman numerals.")
    before = json.dumps(body)
    assert complete(body) == complete(json.loads(before))
    assert json.dumps(body) == before


def test_another_draw_gives_another_reply_but_not_at_temperature_0() -> None:
    prompt = make_tasks(1)[0].write()
    warm = {reply_text(make_body(prompt, seed=seed)) for seed in range(20)}
    cold = {complete(make_body(prompt, seed=s) | {"temperature": 0})["id"] for s in range(20)}
    assert len(warm) > 3
    assert len(cold) == 1


def test_null_parameters_are_as_good_as_absent_ones() -> None:
    body = make_body("Write 14 in Roman numerals.")
    assert complete(body | {"max_tokens": None, "response_format": None}) == complete(body)


@pytest.mark.parametrize("name", ["genius", None, 3])
def test_an_unknown_model_is_refused_with_the_list_of_those_known(name: Any) -> None:
    with pytest.raises(UnknownModel, match=r"known are careful, hasty"):
        complete({"model": name, "messages": []})


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=200),
    st.sampled_from(["{}", "Equal or Different {}", "Rate all 2 completions. {}", "Add one constraint or requirement.\n\n{}\n\n"]),  # noqa: E501
    st.sampled_from([*MODELS]),
    st.integers(0, 10**9),
)  # fmt: skip
def test_no_text_makes_a_model_fail(text: str, frame: str, model: str, seed: int) -> None:
    body = make_body(frame.replace("{}", text), model=model, seed=seed)
    assert complete(body)["choices"][0]["finish_reason"] in ("stop", "length")
    assert complete(body | {"response_format": RATINGS_FORMAT})["object"] == "chat.completion"


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=100), st.text(max_size=100), st.integers(0, 10**9))
def test_no_completion_makes_a_judge_fail(prompt: str, completion: str, seed: int) -> None:
    text = make_rating_text("honesty", prompt, [completion, prompt])
    assert complete(make_body(text, model="judge", seed=seed))["choices"]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden_hashes(), indent=1) + "\n", encoding="utf-8")
