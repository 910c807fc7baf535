from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.llm.request import Request
from synth_assets.method import Material
from synth_assets.methods.completions import Completions, complete_prompts, completion_request
from synth_assets.methods.resampling import RESAMPLED, Resampling, resample_failures
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_model import Model
from synth_assets_tests.methods.builders import a_prompt, make_prompts
from synth_assets_tests.scripted_ask import Answer, ScriptedAsk, never_asked, reply_to

MODELS = {name: Model(model=f"offline/{name}") for name in ("careful", "hasty")}
PROMPTS = make_prompts(
    a_prompt("Easy?", "easy", reference="42"),
    a_prompt("Late?", "late", reference="43"),
    a_prompt("Never?", "never", reference="44"),
    a_prompt("Open?", "open"),
)


def answers(request: Request) -> str:
    """Easy from the first sample on, late from the sample 3 on, never."""
    is_late = request.messages[-1]["content"] == "Late?" and request.sample_index >= 3
    return r"\boxed{43}" if is_late else r"\boxed{42}"


def resample(
    prompts: pl.DataFrame,
    answer: Callable[[Request], Answer] = answers,
    completions: dict[str, Any] | None = None,
    **values: Any,
) -> tuple[MethodResult, ScriptedAsk]:
    ask = ScriptedAsk(answer)
    first = Completions.model_validate(
        {"teachers": ("careful",), "per_prompt": 2} | (completions or {})
    )
    material = Material(1, {"mutated_prompts": prompts}, ask, MODELS, completions=first)
    return resample_failures(material, Resampling.model_validate(values)), ask


def test_only_failures_are_asked_again_and_each_pass_is_visible():
    result, _ = resample(PROMPTS)
    rows = result.rows.sort("prompt_id", "pass_number")
    assert rows.select("prompt_id", "pass_number", "sample_index", "answer").rows() == [
        ("late", 1, 2, "refuted"),
        ("late", 2, 3, "verified"),
        ("never", 1, 2, "refuted"),
        ("never", 2, 3, "refuted"),
        ("never", 3, 4, "refuted"),
    ]
    assert set(rows["method"]) == {"resampling"}
    assert result.items_parsed == 5
    assert {name: count for name, count in result.notes.items() if "unsolved" in name} == {
        "unsolved_before": 2,
        "unsolved_after_pass_1": 2,
        "unsolved_after_pass_2": 1,
        "unsolved_after_pass_3": 1,
    }


def test_the_first_samples_are_asked_for_as_the_completions_stage_asks():
    _, ask = resample(PROMPTS)
    stage = ScriptedAsk(answers)
    first = Completions(teachers=("careful",), per_prompt=2)
    with_answers = PROMPTS.filter(pl.col("reference").is_not_null())
    complete_prompts(with_answers, parameters=first, models=MODELS, student=None, ask=stage)
    assert ask.requests[:6] == stage.requests


def test_further_samples_are_the_next_ones_of_the_same_request():
    _, ask = resample(PROMPTS)
    late = PROMPTS.row(1, named=True)
    expected = completion_request(
        "late",
        late["messages"],
        teacher="careful",
        sample_index=2,
        parameters=Completions(teachers=("careful",), per_prompt=2),
    )
    assert expected in ask.requests[6:]


def test_one_teacher_that_solves_it_is_enough():
    def answer(request: Request) -> str:
        return r"\boxed{44}" if request.model == "hasty" else r"\boxed{1}"

    prompts = PROMPTS.filter(pl.col("prompt_id") == "never")
    result, _ = resample(prompts, answer, {"teachers": ("careful", "hasty"), "per_prompt": 1})
    assert result.rows.equals(RESAMPLED.empty())


def test_failures_may_be_given_to_another_teacher_and_more_often():
    prompts = PROMPTS.filter(pl.col("prompt_id") == "never")
    result, ask = resample(prompts, teachers=("hasty",), per_pass=2, passes=1)
    assert result.rows["teacher"].to_list() == ["hasty", "hasty"]
    assert [request.sample_index for request in ask.requests] == [0, 1, 2, 3]


def test_an_answer_that_was_cut_off_solves_nothing():
    prompts = PROMPTS.filter(pl.col("prompt_id") == "easy")

    def answer(request: Request) -> Answer:
        status = "cut" if request.sample_index < 2 else "ok"
        return reply_to(request, r"\boxed{42}", status)

    result, _ = resample(prompts, answer)
    assert result.rows["answer"].to_list() == ["verified"]


def test_a_prompt_whose_call_failed_waits_until_that_one_is_asked_again():
    prompts = PROMPTS.filter(pl.col("prompt_id") == "never")
    result, ask = resample(prompts, lambda _: None)
    assert (result.rows.height, len(ask.requests)) == (0, 2)
    assert result.notes["failed_replies"] == 2

    def fails_later(request: Request) -> str | None:
        return r"\boxed{1}" if request.sample_index < 2 else None

    result, _ = resample(prompts, fails_later)
    assert result.rows.select("status", "text", "answer").rows() == [("failed", None, "unparsed")]


def test_prompts_without_an_answer_to_compare_with_are_not_asked():
    prompts = make_prompts(
        a_prompt("Open?", "open"),
        a_prompt("Essay?", "essay", reference="A long text.\nWithout an answer."),
        a_prompt("Given?", "given", reference="1", given_completion="1", given_origin="human"),
        a_prompt("Dropped?", "dropped", reference="1", drop_reason="too_short"),
    )
    result, ask = resample(prompts)
    assert (ask.requests, result.rows.height) == ([], 0)


def test_without_teachers_there_is_nothing_to_resample():
    material = Material(1, {"mutated_prompts": PROMPTS}, never_asked(), MODELS)
    with pytest.raises(RecipeError, match=r"needs completions\.teachers"):
        resample_failures(material, Resampling())
