from __future__ import annotations

import pytest

from synth_assets.quality.model_families import model_family


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("openai/gpt-5-mini", "gpt"),
        ("azure/gpt-4o", "gpt"),
        ("openai/o3-mini", "gpt"),
        ("anthropic/claude-haiku-4-5", "claude"),
        ("openrouter/anthropic/claude-sonnet-4", "claude"),
        ("openai_compatible/Qwen3-8B", "qwen"),
        ("openai_compatible/Qwen/Qwen3-8B", "qwen"),
        ("ollama/llama3.2:3b", "llama"),
        ("openai_compatible/meta-llama/Llama-3.1-8B-Instruct", "llama"),
        ("mistral/mixtral-8x7b", "mistral"),
        ("openai_compatible/our-model-7b", "our"),
        ("openai/ft:gpt-4o-mini:org::id", "gpt"),
        ("bedrock/anthropic.claude-3-haiku-20240307-v1:0", "claude"),
        ("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0", "claude"),
        ("bedrock/meta.llama3-70b-instruct-v1:0", "llama"),
        ("bedrock/us.deepseek.r1-v1:0", "deepseek"),
        ("bedrock/amazon.nova-pro-v1:0", "nova"),
        ("bedrock/openai.gpt-oss-120b-1:0", "gpt"),
        ("offline/careful", "offline/careful"),
        ("recorded/theirs", "recorded/theirs"),
    ],
)
def test_the_family_is_that_of_the_name_whoever_serves_it(model: str, family: str):
    assert model_family(model) == family


def test_simulated_models_are_no_kin_of_one_another():
    assert model_family("offline/careful") != model_family("offline/judge")
