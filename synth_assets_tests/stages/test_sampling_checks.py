"""What `check` says of samplings that a model does not take. Nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synth_assets.sampled_models import sampled_models
from synth_assets.stages.sampling_checks import what_models_do_not_take
from synth_assets_tests.recipes import evolving, write_recipe

OFF = {"reasoning_effort": "none"}


def found(folder: Path, teacher: dict[str, Any], **sampling: Any) -> list[tuple[str, str]]:
    """What is said of the teacher of a recipe that only completes."""
    recipe = write_recipe(
        folder,
        models={"teacher": {"max_retries": 1, **teacher}},
        prompts=None,
        completions={"sampling": sampling},
    )
    return list(what_models_do_not_take(recipe, ["teacher"]))


def test_a_sampling_is_for_the_models_that_it_is_named_after(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, prompts={"evol_instruct": evolving()})
    models = {each.place: each.models for each in sampled_models(recipe)}
    assert models == {
        ("completions", "sampling"): ("teacher",),
        ("prompts", "self_instruct", "sampling"): ("teacher",),
        ("prompts", "evol_instruct", "sampling"): ("teacher",),
        ("prompts", "evol_instruct", "judge_sampling"): ("judge",),
        ("judgments", "ultrafeedback", "sampling"): ("judge",),
    }


@pytest.mark.parametrize("name", ["openai/gpt-5-mini", "openai/o3-mini"])
def test_a_thinking_model_of_openai_is_sent_no_temperature_and_that_is_told(
    tmp_path: Path, name: str
) -> None:
    said = found(tmp_path, {"model": name}, temperature=0.8, top_p=0.9, frequency_penalty=0.5)
    assert said == [
        (
            "warning",
            f"models.teacher: not sent to {name}, which does not take them as it is asked: "
            "completions.sampling: temperature, top_p, frequency_penalty; write null for them, or "
            "take another model",
        )
    ]


def test_one_that_takes_all_of_it_is_not_spoken_of(tmp_path: Path) -> None:
    assert found(tmp_path, {"model": "openai/gpt-4o-mini"}, temperature=0.8, top_p=0.9) == []
    nothing = {"temperature": None, "top_p": None}
    assert found(tmp_path, {"model": "openai/gpt-5-mini"}, max_tokens=9, **nothing) == []


def test_claude_is_sent_no_top_p_beside_a_temperature(tmp_path: Path) -> None:
    ((level, said),) = found(
        tmp_path, {"model": "anthropic/claude-sonnet-4-5"}, temperature=0.8, top_p=0.9
    )
    assert level == "warning" and "completions.sampling: top_p;" in said


@pytest.mark.parametrize(
    ("name", "effort"), [("openai/gpt-4o-mini", "low"), ("openai/gpt-5-mini", "none")]
)
def test_an_effort_that_would_not_be_sent_is_an_error(
    tmp_path: Path, name: str, effort: str
) -> None:
    said = found(tmp_path, {"model": name, "reasoning_effort": effort}, max_tokens=99)
    assert said[0] == (
        "error",
        f"models.teacher.reasoning_effort = {effort!r}: {name} does not take it; leave it out, or "
        "take another model",
    )


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"])
def test_no_effort_is_right_for_what_does_not_think_unasked(tmp_path: Path, name: str) -> None:
    nothing = {"temperature": None, "top_p": None}
    assert found(tmp_path, {"model": name}, **OFF, **nothing) == []


def test_thoughts_that_leave_no_room_for_an_answer_are_an_error(tmp_path: Path) -> None:
    claude = {"model": "anthropic/claude-sonnet-4-5", "reasoning_effort": "low"}
    nothing = {"temperature": None, "top_p": None}
    assert found(tmp_path, claude, max_tokens=256, **nothing) == [
        (
            "error",
            "completions.sampling.max_tokens = 256: anthropic/claude-sonnet-4-5 thinks with 1,024 "
            "of them at models.teacher.reasoning_effort = 'low', so none is left to answer; raise "
            "it",
        )
    ]
    assert found(tmp_path, claude, max_tokens=4096, **nothing) == []


def test_a_value_that_litellm_refuses_is_an_error(tmp_path: Path) -> None:
    ((level, said),) = found(
        tmp_path, {"model": "gemini/gemini-2.5-flash"}, reasoning_effort="xhigh"
    )
    assert level == "error" and "Invalid `reasoning_effort`: 'xhigh'" in said


def test_what_goes_litellms_own_way_may_lose_parts_of_what_is_added(tmp_path: Path) -> None:
    ((level, said),) = found(tmp_path, {"model": "ollama_chat/qwen3", "extra_body": {"a": 1}})
    assert level == "warning" and said.startswith("models.teacher.extra_body: ollama_chat/… is")


def test_an_endpoint_asked_straight_is_not_spoken_of(tmp_path: Path) -> None:
    local = {"model": "openai_compatible/gpt-5-mini", "base_url": "http://127.0.0.1:1/v1"}
    assert found(tmp_path, local, temperature=0.8) == []
