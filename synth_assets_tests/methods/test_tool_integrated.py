from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.llm.offline.teacher import complete
from synth_assets.llm.request import Request
from synth_assets.method import Material
from synth_assets.methods.result import MethodResult
from synth_assets.methods.tool_integrated import (
    TRACES,
    ToolIntegrated,
    complete_with_tools,
    instructions,
    reason_with_tools,
)
from synth_assets.recipe_model import Model
from synth_assets.sandbox import Outcome, SandboxError
from synth_assets_tests.llm.offline.bodies import make_tasks
from synth_assets_tests.methods.builders import a_prompt, make_prompts, turn
from synth_assets_tests.needs_bubblewrap import needs_sandbox
from synth_assets_tests.scripted_ask import Answer, ScriptedAsk, call_id_of, never_asked

MODELS = {"careful": Model(model="offline/careful", licence="apache-2.0")}
BLOCK = "```python\nprint(6 * 7)\n```"


def ends(answer: str) -> str:
    return rf"So it is \boxed{{{answer}}}."


def turns_of(request: Request) -> int:
    return sum(message["role"] == "assistant" for message in request.messages)


def prints(text: str) -> Callable[[Sequence[str]], list[Outcome]]:
    return lambda codes: [Outcome("ok", text) for _ in codes]


def reason(
    prompts: pl.DataFrame,
    answer: Callable[[Request], Answer],
    run: Callable[[Sequence[str]], list[Outcome]] | None = None,
    **values: Any,
) -> tuple[MethodResult, ScriptedAsk]:
    ask = ScriptedAsk(answer)
    parameters = ToolIntegrated.model_validate({"teacher": "careful"} | values)
    result = reason_with_tools(
        prompts, parameters, models=MODELS, student=None, ask=ask, run=run or prints("42\n")
    )
    return result, ask


def answers_42(request: Request) -> str:
    return ends("42") if turns_of(request) else f"Multiply.\n{BLOCK}"


def test_the_text_is_the_whole_trace_and_the_row_names_its_calls():
    prompts = make_prompts(a_prompt("What is 6 x 7?", "p", reference="42", round=2))
    result, ask = reason(prompts, answers_42)
    (row,) = result.rows.to_dicts()
    assert row["text"] == f"Multiply.\n{BLOCK}\n```output\n42\n```\n{ends('42')}"
    assert (row["status"], row["answer"], row["pass_number"]) == ("ok", "verified", 1)
    assert row["is_for_pairs_only"] is False
    assert row["earlier_call_ids"] == [call_id_of(ask.requests[0])]
    assert row["call_id"] == call_id_of(ask.requests[1])
    assert (row["method"], row["round"], row["licence"]) == ("tool_integrated", 2, "apache-2.0")
    assert row["code_outcomes"] == ["ok"]
    assert result.notes["programs_ok"] == 1


def test_the_instructions_stand_in_the_system_text_after_the_prompts_own():
    messages = [turn("system", "You are a clerk."), turn("user", "What?")]
    result, ask = reason(make_prompts(a_prompt("What?", "p", messages=messages)), answers_42)
    text = instructions(ToolIntegrated(teacher="careful"))
    assert ask.requests[0].messages == (
        turn("system", f"You are a clerk.\n\n{text}"),
        turn("user", "What?"),
    )
    assert "at most 4 programs" in text
    assert result.rows["system_text"].to_list() == [f"You are a clerk.\n\n{text}"]


def test_only_failures_are_asked_again_and_at_most_as_often_as_declared():
    prompts = make_prompts(
        a_prompt("Easy?", "easy", reference="42"),
        a_prompt("Late?", "late", reference="43"),
        a_prompt("Never?", "never", reference="44"),
        a_prompt("Open?", "open"),
    )

    def answer(request: Request) -> str:
        is_late = request.messages[-1]["content"] == "Late?" and request.sample_index == 1
        return ends("43" if is_late else "42")

    result, _ = reason(prompts, answer)
    rows = result.rows.sort("prompt_id", "pass_number")
    assert rows.select("prompt_id", "pass_number", "answer").rows() == [
        ("easy", 1, "verified"),
        ("late", 1, "refuted"),
        ("late", 2, "verified"),
        ("never", 1, "refuted"),
        ("never", 2, "refuted"),
        ("never", 3, "refuted"),
        ("open", 1, "no_reference"),
    ]
    assert rows["sample_index"].to_list() == [0, 0, 1, 0, 1, 2, 0]
    unsolved = [result.notes[f"unsolved_after_pass_{n}"] for n in (1, 2, 3)]
    assert unsolved == [2, 1, 1]


@pytest.mark.parametrize(("keep", "is_for_pairs_only"), [("verified", True), ("all", False)])
def test_a_trace_that_does_not_verify_is_a_row_that_may_stand_in_pairs(
    keep: str, is_for_pairs_only: bool
):
    prompts = make_prompts(a_prompt("What?", "p", reference="41"))
    result, _ = reason(prompts, answers_42, keep=keep, passes=1)
    assert result.rows["is_for_pairs_only"].to_list() == [is_for_pairs_only]


def test_a_model_that_never_answers_is_cut_after_its_last_program():
    prompts = make_prompts(a_prompt("What?", "p", reference="42"))
    result, ask = reason(prompts, lambda _: BLOCK, code_turns=3, passes=1)
    (row,) = result.rows.to_dicts()
    assert (row["status"], row["answer"]) == ("cut", "unparsed")
    assert row["code_outcomes"] == ["ok"] * 3
    assert len(ask.requests) == 4


def test_output_that_the_model_made_up_is_replaced_by_what_the_program_printed():
    prompts = make_prompts(a_prompt("What?", "p", reference="42"))

    def answer(request: Request) -> str:
        return ends("42") if turns_of(request) else f"{BLOCK}\n```output\n7\n```\n{ends('7')}"

    result, _ = reason(prompts, answer)
    assert result.rows["text"].to_list() == [f"{BLOCK}\n```output\n42\n```\n{ends('42')}"]
    assert result.rows["answer"].to_list() == ["verified"]


def test_all_programs_of_a_turn_run_together():
    batches: list[int] = []

    def run(codes: Sequence[str]) -> list[Outcome]:
        batches.append(len(codes))
        return [Outcome("ok", "42\n") for _ in codes]

    prompts = make_prompts(*[a_prompt(f"{n}?", f"p{n}", reference="42") for n in range(3)])
    reason(prompts, answers_42, run, per_prompt=2)
    assert batches == [6, 0]


def test_a_failed_call_is_a_row_without_a_text():
    prompts = make_prompts(a_prompt("What?", "p", reference="42"))
    result, ask = reason(prompts, lambda request: None if turns_of(request) else BLOCK)
    (row,) = result.rows.to_dicts()
    assert (row["status"], row["text"], row["error"]) == ("failed", None, "server")
    assert row["earlier_call_ids"] == [call_id_of(ask.requests[0])]
    assert result.notes["failed_replies"] == 1


def test_a_prompt_that_came_with_its_completion_is_not_asked():
    prompts = make_prompts(a_prompt("What?", "p", given_completion="This.", given_origin="human"))
    result, _ = reason(prompts, answers_42)
    assert result.rows.equals(TRACES.empty())


def test_an_undeclared_teacher_stops_before_the_first_call():
    with pytest.raises(RecipeError, match=r"completions\.tool_integrated\.teacher: 'nobody'"):
        reason_with_tools(
            make_prompts("What?"),
            ToolIntegrated(teacher="nobody"),
            models=MODELS,
            student=None,
            ask=never_asked(),
            run=prints(""),
        )


def test_without_a_sandbox_nothing_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    material = Material(1, {"mutated_prompts": make_prompts("What?")}, never_asked(), MODELS)
    with pytest.raises(SandboxError, match="bwrap is not on the PATH"):
        complete_with_tools(material, ToolIntegrated(teacher="careful"))


def test_the_offline_teacher_reasons_with_programs_that_really_run():
    needs_sandbox()
    tasks = list(itertools.islice((t for t in make_tasks(60) if not t.demands), 24))
    prompts = make_prompts(
        *[
            a_prompt(task.write(), f"p{n:02}", reference=work.answer)
            for n, task in enumerate(tasks)
            if (work := task.solve())
        ]
    )

    def answer(request: Request) -> str:
        body = {
            "model": "careful",
            "messages": list(request.messages),
            "seed": request.seed(),
            **request.sampling,
        }
        return complete(body)["choices"][0]["message"]["content"]

    material = Material(1, {"mutated_prompts": prompts}, ScriptedAsk(answer), MODELS)
    rows = complete_with_tools(material, ToolIntegrated(teacher="careful")).rows
    solved = rows.filter(pl.col("answer") == "verified")["prompt_id"].n_unique()
    assert solved >= 22
    with_programs = rows.filter(pl.col("code_outcomes").list.len() > 0)
    assert with_programs.height >= 12
    assert (
        with_programs.filter(pl.col("answer") == "verified")["text"]
        .str.contains("```python\n(?s:.*)```output\n")
        .all()
    )
