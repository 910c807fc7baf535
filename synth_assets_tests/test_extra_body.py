"""What a recipe may add to the body of a request, and what it may not."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from synth_assets.extra_body import ELSEWHERE, why_no_extra_body
from synth_assets.recipe_model import Model

SECRET = "sk-proj-Zx81mQq0plT5vRrW3e9d"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"think": False, "options": {"num_ctx": 8192, "stops": ["a", None]}},
        {"stop_token_ids": [1, 2], "min_tokens": 5, "skip_special_tokens": True},
        {"thinking_token_budget": 512, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"bos_token": "<s>", "eos_token": "</s>", "service_tier": "flex", "keep_alive": "5m"},
    ],
)
def test_what_an_endpoint_takes_may_be_added(body: dict[str, Any]) -> None:
    assert why_no_extra_body(body) is None


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_what_a_request_says_already_is_refused_with_its_place(name: str) -> None:
    assert why_no_extra_body({name: 1}) == f"{name} does not belong here: {ELSEWHERE[name]}"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"api_key": "x"}, "api_key"),
        ({"apiKey": "x"}, "apiKey"),
        ({"X-Api-Key": "x"}, "X-Api-Key"),
        ({"extra_headers": {"a": "b"}}, "extra_headers"),
        ({"Authorization": "Bearer x"}, "Authorization"),
        ({"tool": {"auth": {"hf_token": "x"}}}, "tool.auth"),
        ({"servers": [{"password": "x"}]}, "servers[0].password"),
        ({"client_secret": "x"}, "client_secret"),
        ({"token": "x"}, "token"),
    ],
)
def test_what_is_named_like_a_credential_is_refused(body: dict[str, Any], path: str) -> None:
    said = why_no_extra_body(body)
    assert said == (
        f"{path} looks like a credential, which never stands in a recipe; take it out and give the "
        "model api_key: env:NAME"
    )


def test_a_value_that_looks_like_a_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        Model(
            model="openai_compatible/m",
            base_url="http://127.0.0.1:1/v1",
            extra_body={"user": {"note": SECRET}},
        )
    (finding,) = caught.value.errors(include_input=False)
    assert "user.note holds what looks like a key" in finding["msg"]
    assert SECRET not in finding["msg"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (float("nan"), "a.b is no finite number, which JSON has not"),
        (datetime.date(2026, 1, 2), "a.b is no value of JSON (date); put it in quotes"),
    ],
)
def test_what_json_cannot_hold_is_refused(value: Any, problem: str) -> None:
    assert why_no_extra_body({"a": {"b": value}}) == problem


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"model": "offline/careful", "extra_body": {"a": 1}}, "offline/… has none"),
        (
            {"model": "recorded/x", "replies": "r.jsonl", "reasoning_effort": "low"},
            "recorded/… has none",
        ),
        (
            {
                "model": "openai_compatible/m",
                "base_url": "http://127.0.0.1:1",
                "api": "completions",
                "reasoning_effort": "low",
            },
            "reasoning_effort is for chat",
        ),
    ],
)
def test_a_model_that_nothing_is_sent_to_takes_neither(model: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Model.model_validate(model)
