"""Prompts in, first completions criticised and revised by drawn principles out (Bai et al. 2022).

A chain for each prompt: the completions stage's own first request (free for whoever asks second),
then, `revisions` times, a principle drawn with replacement, a critique, a revision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl
from pydantic import Field

from synth_assets.errors import RecipeError
from synth_assets.identity import content_id, seeded_random, text_hash
from synth_assets.llm.request import Reply, Request, user
from synth_assets.method import Material, Resolve, method
from synth_assets.methods.asking import Counted, ask_about, is_usable
from synth_assets.methods.completions import is_self_training
from synth_assets.methods.constitution import Constitution, Principle, load_constitution
from synth_assets.methods.prompt_rows import kept, messages_of, transcript
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import ModelName, OwnFile, Part, Sampling
from synth_assets.schemas import COMPLETION_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, quote

NAME = "constitutional"
TABLE = "constitutional_revisions"
COLUMNS = (
    Column("step", pl.Int32, "Which revision of the chain, from 1; the first completion is 0"),
    Column("is_last", pl.Boolean, "The chain's last revision, with all steps before it made"),
    Column("revised_by", pl.String, "Name of the principle drawn for this step"),
    Column("text_before", pl.String, "What was revised: the first completion, or step - 1"),
    Column("critique", pl.String, "What the critic said of text_before; null for nothing"),
)
REVISIONS = TableSchema(
    TABLE, "completion_id", "Revisions of completions.", (*COMPLETION_COLUMNS, *COLUMNS)
)


class Constitutional(Part):
    """Critiques and revisions by a constitution (Bai et al. 2022, section 3; methods.md 9).

    teacher: criticises and revises. revisions: per prompt (the paper takes 4).
    constitution: a YAML file of principles, relative to the recipe; null for the package's own.
    keep: whether only the last revision may stand in sft_set, or every one.
    """

    teacher: ModelName
    revisions: int = Field(default=4, ge=1, le=16)
    constitution: OwnFile | None = None
    keep: Literal["last", "every"] = "last"
    sampling: Sampling = Sampling(temperature=1.0, max_tokens=1024)


@dataclass(frozen=True)
class _Chain:
    """One prompt's chain so far. text: the newest; None once a step has failed. writers: whose
    words may stand in it."""

    prompt: Mapping[str, Any]
    writers: tuple[str, ...]
    text: str | None
    call_ids: tuple[str, ...]
    rows: tuple[dict[str, object], ...] = field(default=())

    @property
    def prompt_id(self) -> str:
        return self.prompt["prompt_id"]


def constitution_of(path: str | None, resolve: Resolve) -> Constitution:
    """The recipe's constitution, or the package's own."""
    return load_constitution(None if path is None else resolve(path))


def _templates(parameters: Constitutional, resolve: Resolve) -> Iterable[Template]:
    return (
        load_template("constitutional/critique"),
        load_template("constitutional/revise"),
        constitution_of(parameters.constitution, resolve).as_template(),
    )


@method(
    NAME,
    kind="completions",
    table=TABLE,
    description="First completions criticised and revised by principles drawn from a constitution "
    "(Constitutional AI, Bai et al. 2022).",
    parameters=Constitutional,
    templates=_templates,
    columns=COLUMNS,
    needs_teacher=True,
    calls_of_a_prompt=lambda parameters, _: {parameters.teacher: 2 * parameters.revisions},
    completions_of_a_prompt=lambda parameters, _: parameters.revisions,
)
def revise_completions(material: Material, parameters: Constitutional) -> MethodResult:
    """One row for each revision of each kept prompt that a teacher answers. A chain whose critique
    or revision fails ends with that row, its text null unless it is only cut, and has no last."""
    constitution = constitution_of(parameters.constitution, material.resolve)
    counts: Counter[str] = Counter()
    chains = list(_first_completions(material, parameters, counts))
    for step in range(1, parameters.revisions + 1):
        chains = _next_step(chains, step, material, parameters, constitution, counts)
    rows = [row for chain in chains for row in chain.rows]
    counts["chains_whole"] = sum(chain.text is not None for chain in chains)
    counts["chains_broken"] = sum(chain.text is None for chain in chains)
    return MethodResult(REVISIONS.frame(rows), {}, len(rows), dict(counts))


def draw_principle(constitution: Constitution, prompt_id: str, step: int) -> Principle:
    """The principle of one step: uniform, with replacement, so that steps draw independently."""
    draw = seeded_random(NAME, "principle", prompt_id, step)
    return draw.choice(constitution.principles)


def _first_completions(
    material: Material, parameters: Constitutional, counts: Counter[str]
) -> Iterator[_Chain]:
    """The completions stage's first request for each prompt. Prompts that came with a completion
    are left to it: no teacher answers them."""
    first, revisions = material.first_completion, parameters.revisions
    if first is None or material.completions is None:
        raise RecipeError(
            "completions.constitutional: there is nothing to revise, for the recipe declares no "
            "teacher; add completions: {teachers: [NAME]}"
        )
    prompts = kept(material.frame("mutated_prompts"))
    if not material.completions.answer_given:
        prompts = prompts.filter(pl.col("given_completion").is_null())
    asked = (
        (prompt, first(prompt["prompt_id"], messages_of(prompt)))
        for prompt in prompts.iter_rows(named=True)
    )
    subjects = (((prompt, request.model), request) for prompt, request in asked)
    requests = Counted(prompts.height, subjects, in_all=prompts.height * (1 + 2 * revisions))
    for (prompt, writer), reply in ask_about(material.ask, requests, counts):
        if reply.status == "ok" and is_usable(reply):
            yield _Chain(prompt, (writer, parameters.teacher), reply.text, (reply.call_id,))
        else:
            counts["prompts_without_a_first_completion"] += 1


def _next_step(
    chains: list[_Chain],
    step: int,
    material: Material,
    parameters: Constitutional,
    constitution: Constitution,
    counts: Counter[str],
) -> list[_Chain]:
    """All chains one step on: critiques first, then revisions, each asked for together."""
    going = {chain.prompt_id: chain for chain in chains if chain.text is not None}
    drawn = {id: draw_principle(constitution, id, step) for id in going}
    asked = (
        (id, _critique_request(chain, drawn[id], step, parameters)) for id, chain in going.items()
    )
    critiques = dict(ask_about(material.ask, Counted(len(going), asked), counts))
    usable = {id: critique for id, critique in critiques.items() if is_usable(critique)}
    asked = (
        (id, _revision_request(going[id], drawn[id], critique, step, parameters))
        for id, critique in usable.items()
    )
    revisions = dict(ask_about(material.ask, Counted(len(usable), asked), counts))
    return [
        _advance(
            chain,
            step,
            drawn[chain.prompt_id],
            critiques[chain.prompt_id],
            revisions.get(chain.prompt_id),
            material,
            parameters,
        )
        if chain.prompt_id in going
        else chain
        for chain in chains
    ]


def _critique_request(
    chain: _Chain, principle: Principle, step: int, parameters: Constitutional
) -> Request:
    text = load_template("constitutional/critique").render(
        principle=principle.critique,
        prompt=quote("prompt", transcript(messages_of(chain.prompt))),
        completion=quote("completion", chain.text or ""),
    )
    return _request(text, step, parameters)


def _revision_request(
    chain: _Chain, principle: Principle, critique: Reply, step: int, parameters: Constitutional
) -> Request:
    text = load_template("constitutional/revise").render(
        principle=principle.revision,
        prompt=quote("prompt", transcript(messages_of(chain.prompt))),
        completion=quote("completion", chain.text or ""),
        critique=quote("critique", critique.text or ""),
    )
    return _request(text, step, parameters)


def _request(text: str, step: int, parameters: Constitutional) -> Request:
    """The step is a draw of its own: the same text at two steps is asked for twice."""
    return Request(
        model=parameters.teacher,
        messages=(user(text),),
        sampling=parameters.sampling.given(),
        sample_index=step,
    )


def _advance(
    chain: _Chain,
    step: int,
    principle: Principle,
    critique: Reply,
    revision: Reply | None,
    material: Material,
    parameters: Constitutional,
) -> _Chain:
    last = critique if revision is None else revision
    text = None if revision is None or not is_usable(revision) else revision.text
    status = "empty" if text is None and last.status in ("ok", "cut") else last.status
    is_going_on = text is not None and status == "ok"
    calls = chain.call_ids if revision is None else (*chain.call_ids, critique.call_id)
    is_last = is_going_on and step == parameters.revisions
    model = material.models[parameters.teacher]
    row: dict[str, object] = {
        "completion_id": content_id(
            "completion", chain.prompt_id, NAME, parameters.teacher, step, text
        ),
        "prompt_id": chain.prompt_id,
        "round": chain.prompt["round"],
        "teacher": parameters.teacher,
        "model": model.model,
        "sample_index": step,
        "principle": None,
        "system_text": None,
        "text": text,
        "text_hash": None if text is None else text_hash(text),
        "status": status,
        "error": last.error,
        "is_self_training": _is_self_training(chain, material),
        "method": NAME,
        "is_for_pairs_only": not (is_last or (parameters.keep == "every" and is_going_on)),
        "call_id": last.call_id,
        "earlier_call_ids": list(calls),
        "template_hash": load_template("constitutional/revise").hash,
        "licence": _licence(chain, material),
        "origin": f"model:{parameters.teacher}",
        "step": step,
        "is_last": is_last,
        "revised_by": principle.name,
        "text_before": chain.text,
        "critique": critique.text if is_usable(critique) else None,
    }
    return replace(
        chain,
        text=text if is_going_on else None,
        call_ids=(*calls, last.call_id),
        rows=(*chain.rows, row),
    )


def _is_self_training(chain: _Chain, material: Material) -> bool:
    return any(
        is_self_training(name, material.models[name], material.student) for name in chain.writers
    )


def _licence(chain: _Chain, material: Material) -> str | None:
    """The one licence of all who wrote it; null where they differ."""
    found = {material.models[name].licence for name in chain.writers}
    return found.pop() if len(found) == 1 else None
