"""New instructions in, instances of them with their outputs out (Wang et al. 2022, 2.2).

Three questions to a model for each instruction that self_instruct kept: is it a classification;
then examples of it, the label first where it is one and the input first where it is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import Field

from synth_assets.errors import ReplyError
from synth_assets.llm.request import Reply, Request, user
from synth_assets.method import Material, Resolve, Rule, method
from synth_assets.methods.asking import Counted, ask_about, is_usable
from synth_assets.methods.instance_filters import instance_reasons
from synth_assets.methods.instance_reply import (
    INPUT_FIRST,
    OUTPUT_FIRST,
    UNREAD,
    Instance,
    parse_instances,
)
from synth_assets.methods.prompt_rows import kept, new_prompt_id, prompt_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.methods.yes_or_no import parse_yes_or_no
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import PROMPT_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, quote

METHOD = "self_instruct_instances"
TABLE = "self_instruct_instances"
INSTRUCTIONS = "self_instruct_prompts"
QUESTION = "self_instruct/is_classification"
TEMPLATES = {False: "self_instruct/input_first", True: "self_instruct/output_first"}
PARTS = {False: INPUT_FIRST, True: OUTPUT_FIRST}
OWN_COLUMNS = (
    Column("input", pl.String, "What the task is done on; empty where it needs nothing"),
    Column("is_classification", pl.Boolean, "As the model says; null where it gave no verdict"),
)


SCHEMA = TableSchema(TABLE, "prompt_id", "Instances.", (*PROMPT_COLUMNS, *OWN_COLUMNS))


class SelfInstructInstances(Part):
    """Instances of self_instruct's instructions (Wang et al. 2022, section 2.2 and appendix A).

    most: instances kept of one instruction.
    question: how the verdict on classification is decoded; greedily, and with room for a model
        that thinks before its one word.
    input_first, output_first: how instances are decoded, of an open task and of a classification.
    """

    teacher: ModelName
    most: int = Field(default=5, ge=1, le=20)
    question: Sampling = Sampling(temperature=0.0, max_tokens=256)
    input_first: Sampling = Sampling(temperature=0.0, presence_penalty=1.5, max_tokens=350)
    output_first: Sampling = Sampling(temperature=0.0, presence_penalty=1.5, max_tokens=300)


@dataclass(frozen=True)
class _Task:
    """An instruction, and the verdict on it once there is one."""

    row: Mapping[str, Any]
    verdict_call: str = ""
    is_classification: bool | None = None


def _templates(parameters: SelfInstructInstances, resolve: Resolve) -> Iterable[Template]:
    return [load_template(name) for name in (QUESTION, *TEMPLATES.values())]


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    for reason in ("failed_reply", "classification_unknown", "cut_off", "unparsed"):
        yield reason, None, None
    for reason in ("empty_output", "input_equals_output", "ends_with_colon"):
        yield reason, None, row.get("given_completion")
    for reason in ("conflicting_outputs", "duplicate_instance"):
        yield reason, None, row.get("given_completion")
    yield "surplus_instance", parameters.get("most"), row.get("position")


@method(
    METHOD,
    kind="prompts",
    table=TABLE,
    description="Instances of self_instruct's instructions, each a prompt with its answer; kept "
    "and dropped (Wang et al. 2022, 2.2).",
    parameters=SelfInstructInstances,
    templates=_templates,
    reads=(INSTRUCTIONS,),
    columns=OWN_COLUMNS,
    rewrites=True,
    rules=_rules,
    # An instruction without a verdict yet asks for it and for instances; equal ones count once.
    may_follow=lambda parameters, unknown, teacher: (
        Counter({parameters.teacher: 2 * unknown.total()}),
        parameters.most * unknown.total(),
    ),
)
def make_instances(material: Material, parameters: SelfInstructInstances) -> MethodResult:
    """Two calls for each kept instruction of the round; a row for each instance of the reply.

    A row is a prompt (the instruction, a blank line, the input) that came with its completion
    (the output), derived from its instruction. An instruction without a verdict, or without a
    reply, is a row without text and with the reason.
    """
    counts: Counter[str] = Counter()
    rows: list[dict[str, object]] = []
    tasks: list[_Task] = []
    instructions = kept(material.frame(INSTRUCTIONS))
    asked = _questions(instructions, parameters)
    questions = Counted(instructions.height, asked, in_all=2 * instructions.height)
    for task, reply in ask_about(material.ask, questions, counts):
        verdict, reason = _verdict(reply)
        if verdict is None:
            rows.append(_row(task, reply, 0, UNREAD, reason, material.round, parameters))
            continue
        tasks.append(_Task(task.row, reply.call_id, verdict))
        counts["classifications"] += verdict
    requests = Counted(len(tasks), _requests(tasks, parameters))
    for task, reply in ask_about(material.ask, requests, counts):
        for place, (instance, reason) in enumerate(_instances(task, reply, parameters)):
            rows.append(_row(task, reply, place, instance, reason, material.round, parameters))
    counts["instructions"] = instructions.height
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _questions(
    instructions: pl.DataFrame, parameters: SelfInstructInstances
) -> Iterator[tuple[_Task, Request]]:
    for row in instructions.iter_rows(named=True):
        text = load_template(QUESTION).render(task=quote("task", row["instruction"]))
        yield _Task(row), Request(parameters.teacher, (user(text),), parameters.question.given())


def _verdict(reply: Reply) -> tuple[bool | None, str | None]:
    if not is_usable(reply):
        return None, "failed_reply"
    try:
        return parse_yes_or_no(reply.text or ""), None
    except ReplyError:
        return None, "classification_unknown"


def _requests(
    tasks: Iterable[_Task], parameters: SelfInstructInstances
) -> Iterator[tuple[_Task, Request]]:
    for task in tasks:
        sampling = parameters.output_first if task.is_classification else parameters.input_first
        text = load_template(TEMPLATES[bool(task.is_classification)]).render(
            count=str(parameters.most), task=quote("task", task.row["instruction"])
        )
        yield task, Request(parameters.teacher, (user(text),), sampling.given())


def _instances(
    task: _Task, reply: Reply, parameters: SelfInstructInstances
) -> Iterable[tuple[Instance, str | None]]:
    """What the reply holds, each with its drop reason; at least one."""
    if not is_usable(reply):
        return [(UNREAD, "failed_reply")]
    is_classification = bool(task.is_classification)
    instances = parse_instances(without_thoughts(reply.text), PARTS[is_classification])
    reasons = instance_reasons(
        instances,
        is_cut=reply.status == "cut",
        is_classification=is_classification,
        most=parameters.most,
    )
    return list(zip(instances, reasons, strict=True)) or [(UNREAD, "unparsed")]


def _row(
    task: _Task,
    reply: Reply,
    place: int,
    instance: Instance,
    reason: str | None,
    round: int,
    parameters: SelfInstructInstances,
) -> dict[str, object]:
    parent = task.row
    text = None if instance.input is None else _prompt(parent["instruction"], instance.input)
    is_asked = task.is_classification is not None
    template = TEMPLATES[bool(task.is_classification)] if is_asked else QUESTION
    return prompt_row(
        prompt_id=new_prompt_id(METHOD, (parent["prompt_id"],), round, 0, place, text),
        text=text,
        round=round,
        method=METHOD,
        position=place,
        derived_from=[parent["prompt_id"]],
        family_id=parent["family_id"],
        split=parent["split"],
        instruction=parent["instruction"],
        given_completion=instance.output,
        given_origin=None if instance.output is None else f"model:{parameters.teacher}",
        model=parameters.teacher,
        call_ids=[task.verdict_call, reply.call_id] if is_asked else [reply.call_id],
        template_hash=load_template(template).hash,
        licence=parent["licence"],
        origin=f"model:{parameters.teacher}",
        drop_reason=reason,
        input=instance.input,
        is_classification=task.is_classification,
    )


def _prompt(instruction: str, given: str) -> str:
    return f"{instruction}\n\n{given}" if given else instruction
