"""Completions in, a judge's critique and overall rating from 1 to 10 of each out (Cui et al. 2023).

Each completion is judged apart. The ratings have a scale of their own, so they are no part of the
mean over criteria; and one that is out of scale is null: in the published data a score that was not
above 1 had been multiplied by ten, which made 1, the worst, into 10 in 2,628 rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from pydantic import BaseModel, Field

from synth_assets.errors import TemplateError
from synth_assets.llm.request import Ask, Request, user
from synth_assets.method import Material, Resolve, method
from synth_assets.methods.answered import saying_something
from synth_assets.methods.asking import Counted
from synth_assets.methods.rating_reply import RatingOutcome, read_rating
from synth_assets.methods.rating_rows import prompt_slots, rating_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import StructuredReply, ask_structured
from synth_assets.recipe_parts import ModelName, OwnFile, Part, Sampling
from synth_assets.schemas import RATING_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, load_template_file, quote

NAME = "critique"
CRITERION = "overall"
LOWEST, HIGHEST = 1, 10
SLOTS = frozenset({"prompt", "reference", "completion"})

COLUMNS = (
    Column(
        "reply_status", pl.String, "How it was read: parsed, repaired, corrected, unparsed, failed"
    ),
)
CRITIQUE_SCHEMA = TableSchema(
    "criticised", "judgment_id", "Critiques.", (*RATING_COLUMNS, *COLUMNS)
)


class Critique(Part):
    """A critique and one overall rating, 1 to 10, of each completion (UltraFeedback's second kind
    of feedback, Cui et al. 2023, section 2.3; methods.md 7)."""

    judge: ModelName
    template: OwnFile | None = None
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=1024)


class CritiqueReply(BaseModel):
    """What is asked of the judge. The rating is read apart, so that a number out of scale is told
    from a reply out of form."""

    critique: str
    overall: Any = Field(json_schema_extra={"type": "number"})


def template_of(parameters: Critique, resolve: Resolve) -> Template:
    """The package's own template, or the recipe's. Errors: `TemplateError` for other slots."""
    if parameters.template is None:
        return load_template("critique/overall")
    template = load_template_file(resolve(parameters.template))
    if template.slots - SLOTS or "completion" not in template.slots:
        raise TemplateError(
            f"template {template.name}: has the slots {sorted(template.slots)}; it needs "
            "completion, and may have prompt and reference"
        )
    return template


@method(
    NAME,
    kind="judgments",
    table="critiques",
    description="A judge's critique and overall rating, 1 to 10, of each completion "
    "(UltraFeedback, Cui et al. 2023).",
    parameters=Critique,
    templates=lambda parameters, resolve: [template_of(parameters, resolve)],
    columns=COLUMNS,
    corrects=True,
    calls_of_a_prompt=lambda parameters, completions: {parameters.judge: completions},
)
def make_critiques(material: Material, parameters: Critique) -> MethodResult:
    """The method in the graph: a round's prompts and completions in, critiques out."""
    return criticise_completions(
        material.frame("mutated_prompts"),
        material.frame("completions"),
        parameters=parameters,
        template=template_of(parameters, material.resolve),
        ask=material.ask,
    )


def criticise_completions(
    prompts: pl.DataFrame,
    completions: pl.DataFrame,
    *,
    parameters: Critique,
    template: Template,
    ask: Ask,
) -> MethodResult:
    """One row for each completion that has a text; the critique is its rationale."""
    counts: Counter[str] = Counter()
    criticised = saying_something(completions).filter(
        pl.col("prompt_id").is_in(prompts["prompt_id"].implode())
    )
    requests = Counted(criticised.height, _requests(prompts, criticised, parameters, template))
    rows = [
        _row(completion, found, parameters.judge, template.hash)
        for completion, found in ask_structured(ask, requests, CritiqueReply, counts)
    ]
    counts.update(f"critiques_{row['status']}" for row in rows)
    return MethodResult(CRITIQUE_SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _requests(
    prompts: pl.DataFrame, completions: pl.DataFrame, parameters: Critique, template: Template
) -> Iterator[tuple[Mapping[str, Any], Request]]:
    by_id = {row["prompt_id"]: row for row in prompts.iter_rows(named=True)}
    for completion in completions.iter_rows(named=True):
        values = {
            **prompt_slots(by_id[completion["prompt_id"]]),
            "completion": quote("completion", completion["text"]),
        }
        text = template.render(**{name: values[name] for name in template.slots})
        sampling = parameters.sampling.given()
        yield completion, Request(parameters.judge, (user(text),), sampling=sampling)


def _read(found: StructuredReply[CritiqueReply]) -> RatingOutcome:
    if found.value is None:
        return RatingOutcome("failed" if found.status == "failed" else "unparsed")
    said = found.value.critique.strip() or None
    if found.may_lack_its_end:
        return RatingOutcome("unparsed", None, said)  # 10 may have been cut to 1
    return read_rating(found.value.overall, said, LOWEST, HIGHEST)


def _row(
    completion: Mapping[str, Any],
    found: StructuredReply[CritiqueReply],
    judge: str,
    template_hash: str,
) -> dict[str, object]:
    outcome = _read(found)
    return rating_row(
        judge,
        CRITERION,
        completion_id=completion["completion_id"],
        prompt_id=completion["prompt_id"],
        round=completion["round"],
        rating=outcome.rating,
        rationale=outcome.rationale,
        status=outcome.status,
        position=0,
        call_ids=found.call_ids,
        template_hash=template_hash,
        reply_status=found.status,
    )
