"""Kept prompts in, completions that reason with programs out: rationale, code, output, repeated.

Tool-integrated reasoning (ToRA, Gou et al. 2023, section 2; NuminaMath TIR, Li et al. 2024,
section 3): a trace whose answer verifies is kept, and only the prompts without one are asked again,
in up to three passes. A model's program runs in the sandbox and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import polars as pl
from pydantic import Field

from synth_assets.errors import RecipeError
from synth_assets.identity import content_id, text_hash
from synth_assets.llm.request import Ask, Request, system
from synth_assets.method import FurtherCalls, Material, Resolve, method
from synth_assets.methods.answer_extraction import AnswerLine
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.completions import Completions, is_self_training
from synth_assets.methods.passes import Share, unsolved_of_a_pass
from synth_assets.methods.prompt_rows import kept, messages_of
from synth_assets.methods.result import MethodResult
from synth_assets.methods.tool_trace import Trace
from synth_assets.methods.verification import verdict_on
from synth_assets.recipe_model import Model
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.sandbox import Limits, Outcome, require_sandbox, run_many, why_no_sandbox
from synth_assets.schemas import COMPLETION_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template

NAME = "tool_integrated"
MEGABYTE = 1024 * 1024
OWN_COLUMNS = (
    Column("code_outcomes", pl.List(pl.String), "How each program ended, in order"),
    Column("pass_number", pl.Int32, "Pass that asked for it, from 1; later ones ask for failures"),
    Column("answer", pl.String, "verified, refuted, unparsed or no_reference"),
)
TRACES = TableSchema(
    "tool_integrated_completions",
    "completion_id",
    "Completions that reason with programs, run in the sandbox (ToRA, Gou et al. 2023; NuminaMath, "
    "Li et al. 2024); the text is the whole trace.",
    (*COMPLETION_COLUMNS, *OWN_COLUMNS),
)

Run = Callable[[Sequence[str]], Iterable[Outcome]]


class Sandbox(Part):
    """What one program may use; published work names a timeout only (ToRA: 5 s)."""

    cpu_seconds: int = Field(default=5, ge=1, le=600)
    memory_megabytes: int = Field(default=512, ge=64, le=16_384)
    output_characters: int = Field(default=2_000, ge=100, le=50_000)

    def limits(self) -> Limits:
        return Limits(
            cpu_seconds=self.cpu_seconds,
            wall_seconds=3.0 * self.cpu_seconds,
            memory_bytes=self.memory_megabytes * MEGABYTE,
            output_characters=self.output_characters,
        )


class ToolIntegrated(Part):
    """code_turns: programs in one trace (NuminaMath: 4). passes: over prompts with a reference
    that no trace has verified (NuminaMath: 3). keep: ``verified`` leaves traces that do not verify
    out of sft_set; those of prompts without a reference stay in. per_prompt: traces a pass.
    """

    teacher: ModelName
    per_prompt: int = Field(default=1, ge=1, le=64)
    code_turns: int = Field(default=4, ge=1, le=20)
    passes: int = Field(default=3, ge=1, le=10)
    keep: Literal["verified", "all"] = "verified"
    answer_line: AnswerLine = None
    sandbox: Sandbox = Sandbox()
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)


def templates(parameters: ToolIntegrated, resolve: Resolve) -> list[Template]:
    return [load_template(f"{NAME}/instructions"), load_template(f"{NAME}/last_turn")]


UNSOLVED_BEFORE_EXPERIENCE = Share(4, 2)
"""Of prompts, those that a pass does not solve; guessed, and soon outweighed."""

CALLS_A_TRACE_BEFORE_EXPERIENCE = Share(4, 10)
"""One or two programs, and what the teacher says after them; guessed."""


def calls_by_outcome(
    parameters: ToolIntegrated, completions: Completions, rows: Callable[[str], pl.DataFrame]
) -> Mapping[str, FurtherCalls]:
    """At most every turn of every trace in every pass."""
    own = rows(TRACES.name)
    whole = own.filter(pl.col("status") != "failed")
    calls = whole["earlier_call_ids"].list.len().sum() + whole.height
    of_a_trace = CALLS_A_TRACE_BEFORE_EXPERIENCE.with_seen(whole.height, int(calls)).value
    unsolved = unsolved_of_a_pass(own, UNSOLVED_BEFORE_EXPERIENCE).value
    passes = sum(unsolved**n for n in range(parameters.passes))
    turns = parameters.code_turns + 1
    likely = parameters.per_prompt * passes * min(of_a_trace, turns)
    most = parameters.passes * parameters.per_prompt * turns
    return {parameters.teacher: FurtherCalls(most, likely, likely)}


@method(
    NAME,
    kind="completions",
    table=TRACES.name,
    description=TRACES.description,
    parameters=ToolIntegrated,
    columns=OWN_COLUMNS,
    templates=templates,
    calls_by_outcome=calls_by_outcome,
    completions_of_a_prompt=lambda parameters, _: parameters.passes * parameters.per_prompt,
    missing_here=lambda parameters: why_no_sandbox(),
)
def complete_with_tools(material: Material, parameters: ToolIntegrated) -> MethodResult:
    """``per_prompt`` traces of every kept prompt in the first pass, and of failures in later ones.

    Errors: `SandboxError` where no code can be run, before anything is asked.
    """
    prompts = kept(material.frame("mutated_prompts"))
    if prompts.height:
        require_sandbox()
    limits = parameters.sandbox.limits()
    return reason_with_tools(
        prompts,
        parameters,
        models=material.models,
        student=material.student,
        ask=material.ask,
        run=lambda codes: run_many(codes, limits),
    )


def reason_with_tools(
    prompts: pl.DataFrame,
    parameters: ToolIntegrated,
    *,
    models: Mapping[str, Model],
    student: str | None,
    ask: Ask,
    run: Run,
) -> MethodResult:
    """run: programs in, what each printed out, in their order."""
    if parameters.teacher not in models:
        raise RecipeError(
            f"completions.{NAME}.teacher: {parameters.teacher!r} is not declared under models: "
            f"{sorted(models)}"
        )
    counts: Counter[str] = Counter()
    rows: list[dict[str, object]] = []
    waiting = {row["prompt_id"]: row for row in prompts.iter_rows(named=True) if _is_asked(row)}
    for pass_number in range(1, parameters.passes + 1):
        traces = list(_begin(waiting.values(), pass_number, parameters))
        _advance(traces, parameters, ask, run, counts)
        for trace in traces:
            answer = _answer(trace, waiting[trace.prompt_id], parameters)
            rows.append(_row(trace, answer, parameters, models, student))
        # A call that failed says nothing of its prompt: the next run asks it again.
        done = {
            row["prompt_id"]
            for row in rows
            if row["answer"] in ("verified", "no_reference") or row["status"] == "failed"
        }
        waiting = {prompt: row for prompt, row in waiting.items() if prompt not in done}
        counts[f"unsolved_after_pass_{pass_number}"] = len(waiting)
    return MethodResult(TRACES.frame(rows), {}, len(rows), dict(counts))


def _is_asked(row: Mapping[str, Any]) -> bool:
    """A prompt that came with its completion is answered already."""
    return row["given_completion"] is None


def _begin(
    rows: Iterable[Mapping[str, Any]], pass_number: int, parameters: ToolIntegrated
) -> Iterator[Trace]:
    for row in rows:
        turns = messages_of(row)
        own = [turn["content"] for turn in turns if turn["role"] == "system"]
        text = "\n\n".join([*own, instructions(parameters)])
        messages = (system(text), *(turn for turn in turns if turn["role"] != "system"))
        for n in range(parameters.per_prompt):
            yield Trace(
                row["prompt_id"],
                row["round"],
                parameters.teacher,
                (pass_number - 1) * parameters.per_prompt + n,
                pass_number,
                messages,
            )


def instructions(parameters: ToolIntegrated) -> str:
    """The system text that a teacher sees."""
    return load_template(f"{NAME}/instructions").render(
        code_turns=str(parameters.code_turns), seconds=str(parameters.sandbox.cpu_seconds)
    )


def _advance(
    traces: Iterable[Trace],
    parameters: ToolIntegrated,
    ask: Ask,
    run: Run,
    counts: Counter[str],
) -> None:
    """Turn by turn for all traces together: one asking, then one running of programs."""
    active = list(traces)
    while active:
        requests = ((trace, _request(trace, parameters)) for trace in active)
        programs: list[tuple[Trace, str]] = []
        for trace, reply in ask_about(ask, Counted(len(active), requests), counts):
            code = trace.take_reply(reply, parameters.code_turns)
            if code is not None:
                programs.append((trace, code))
        outcomes = run([code for _, code in programs])
        for (trace, _), outcome in zip(programs, outcomes, strict=True):
            trace.take_outcome(outcome, parameters.code_turns)
            counts[f"programs_{outcome.status}"] += 1
        active = [trace for trace, _ in programs]


def _request(trace: Trace, parameters: ToolIntegrated) -> Request:
    return Request(
        model=trace.teacher,
        messages=trace.messages,
        sampling=parameters.sampling.given(),
        sample_index=trace.sample_index,
    )


def _answer(trace: Trace, row: Mapping[str, Any], parameters: ToolIntegrated) -> str:
    """A trace that broke off states no answer, whatever it looks like."""
    text = trace.text if trace.status == "ok" else None
    return verdict_on(text, row["reference"], parameters.answer_line)


def _row(
    trace: Trace,
    answer: str,
    parameters: ToolIntegrated,
    models: Mapping[str, Model],
    student: str | None,
) -> dict[str, object]:
    text, model = trace.text, models[trace.teacher]
    is_kept = parameters.keep == "all" or answer in ("verified", "no_reference")
    return {
        "completion_id": content_id(
            "completion", NAME, trace.prompt_id, trace.teacher, trace.sample_index, text
        ),
        "prompt_id": trace.prompt_id,
        "round": trace.round,
        "teacher": trace.teacher,
        "model": model.model,
        "sample_index": trace.sample_index,
        "principle": None,
        "system_text": trace.messages[0]["content"],
        "text": text,
        "text_hash": None if text is None else text_hash(text),
        "status": trace.status,
        "error": trace.error,
        "is_self_training": is_self_training(trace.teacher, model, student),
        "method": NAME,
        "is_for_pairs_only": not is_kept,
        "call_id": trace.call_ids[-1],
        "earlier_call_ids": trace.call_ids[:-1],
        "template_hash": load_template(f"{NAME}/instructions").hash,
        "licence": model.licence,
        "origin": f"model:{trace.teacher}",
        "code_outcomes": list(trace.outcomes),
        "pass_number": trace.pass_number,
        "answer": answer,
    }
