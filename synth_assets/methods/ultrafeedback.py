"""Prompts and completions in, a judge's ratings by criterion out (Cui et al. 2023)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import polars as pl
from pydantic import AfterValidator, Field, model_validator

from synth_assets.errors import TemplateError
from synth_assets.identity import content_id, seeded_random
from synth_assets.llm.request import Ask, Request, user
from synth_assets.method import Material, Resolve, method
from synth_assets.methods.answered import saying_something
from synth_assets.methods.asking import Counted
from synth_assets.methods.rating_reply import (
    Criterion,
    RatingOutcome,
    RatingsReply,
    read_ratings,
    response_schema,
)
from synth_assets.methods.rating_rows import prompt_slots, rating_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import StructuredReply, ask_structured
from synth_assets.recipe_errors import did_you_mean
from synth_assets.recipe_parts import ModelName, OwnFile, Part, Sampling, each_once
from synth_assets.schemas import RATING_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, load_template_file, quote

FOUR: tuple[str, ...] = get_args(Criterion)


def _is_a_name(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", value):
        raise ValueError("a criterion is named by small letters, digits and _, such as brevity")
    return value


CriterionName = Annotated[str, AfterValidator(_is_a_name)]


class UltraFeedback(Part):
    """Four criteria, completions of a prompt judged together (Cui et al. 2023; methods.md 7).

    criteria: the four, or names of a person's own, each with its template.
    templates: a person's own template file for a criterion, relative to the recipe."""

    judge: ModelName
    criteria: Annotated[tuple[CriterionName, ...], AfterValidator(each_once)] = Field(
        default=FOUR, min_length=1
    )
    templates: dict[CriterionName, OwnFile] = Field(default_factory=dict)
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)

    @model_validator(mode="after")
    def _each_criterion_has_a_template(self) -> UltraFeedback:
        for name in self.criteria:
            if name not in FOUR and name not in self.templates:
                near = did_you_mean(name, FOUR)
                raise ValueError(
                    f"criteria: {name!r} is none of {', '.join(FOUR)}, so it needs a template of "
                    f"your own, as in templates: {{{name}: {name}.txt}}{near}"
                )
        for name in self.templates:
            if name not in FOUR and name not in self.criteria:
                raise ValueError(
                    f"templates: {name!r} is no criterion of this judge; add it to criteria"
                    f"{did_you_mean(name, {*self.criteria, *FOUR})}"
                )
        return self


RATING_SCHEMA = TableSchema("rated", "judgment_id", "Ratings of any method.", RATING_COLUMNS)
COLUMNS = (
    Column(
        "type",
        pl.String,
        "Of hallucination for truthfulness (none, factual, contradicts_input, contradicts_itself), "
        "of informativeness for helpfulness (clear, incomplete, irrelevant, too_long); else null",
    ),
    Column(
        "reply_status", pl.String, "How it was read: parsed, repaired, corrected, unparsed, failed"
    ),
)
ULTRAFEEDBACK_SCHEMA = TableSchema(
    "rated", "judgment_id", "Ratings by criterion.", (*RATING_COLUMNS, *COLUMNS)
)


@dataclass(frozen=True)
class _Sheet:
    """The completions of one prompt as the judge sees them for one criterion."""

    prompt_id: str
    round: int
    criterion: str
    order_seed: str
    completions: tuple[tuple[str, str], ...]
    """(completion_id, text) in the order shown."""


def templates_of(parameters: UltraFeedback, resolve: Resolve) -> dict[str, Template]:
    """Criterion → its template: a person's own file where the recipe names one."""
    return {
        criterion: load_template_file(resolve(parameters.templates[criterion]))
        if criterion in parameters.templates
        else load_template(f"ultrafeedback/{criterion}")
        for criterion in parameters.criteria
    }


@method(
    "ultrafeedback",
    kind="judgments",
    table="ratings",
    description="Judges' ratings, one criterion a row; the completions of a prompt are judged "
    "together (UltraFeedback, Cui et al. 2023).",
    parameters=UltraFeedback,
    templates=lambda parameters, resolve: templates_of(parameters, resolve).values(),
    columns=COLUMNS,
    counts_as_rating=True,
    by_prompt=True,
    corrects=True,
    calls_of_a_prompt=lambda parameters, completions: {parameters.judge: len(parameters.criteria)},
)
def make_ratings(material: Material, parameters: UltraFeedback) -> MethodResult:
    """The method in the graph: a round's prompts and completions in, ratings out."""
    return rate_completions(
        material.frame("mutated_prompts"),
        material.frame("completions"),
        parameters=parameters,
        templates=templates_of(parameters, material.resolve),
        ask=material.ask,
    )


def rate_completions(
    prompts: pl.DataFrame,
    completions: pl.DataFrame,
    *,
    parameters: UltraFeedback,
    templates: Mapping[str, Template],
    ask: Ask,
) -> MethodResult:
    """One row per criterion and completion that has a text. The completions of a prompt are shown
    together, one call a criterion, in an order shuffled by a recorded seed: judges favour places.
    """
    missing = [name for name in parameters.criteria if name not in templates]
    if missing:
        raise TemplateError(f"no template is given for the criteria {missing}")
    counts: Counter[str] = Counter()
    rows: list[dict[str, object]] = []
    items_parsed = 0
    requests = _requests(prompts, completions, parameters, templates)
    for sheet, found in ask_structured(ask, requests, RatingsReply, counts):
        outcomes = read_ratings(found, len(sheet.completions), sheet.criterion)
        counts.update(f"ratings_{outcome.status}" for outcome in outcomes)
        template_hash = templates[sheet.criterion].hash
        items_parsed += len(outcomes)
        rows.extend(_rows(sheet, outcomes, parameters.judge, found, template_hash))
    return MethodResult(ULTRAFEEDBACK_SCHEMA.frame(rows), {}, items_parsed, dict(counts))


def default_templates(criteria: Iterable[str]) -> dict[str, Template]:
    """The package's own template for each criterion."""
    return {criterion: load_template(f"ultrafeedback/{criterion}") for criterion in criteria}


def _requests(
    prompts: pl.DataFrame,
    completions: pl.DataFrame,
    parameters: UltraFeedback,
    templates: Mapping[str, Template],
) -> Counted[tuple[_Sheet, Request]]:
    by_prompt = _completions_by_prompt(completions)
    shown = pl.Series(list(by_prompt), dtype=pl.String)
    judged = prompts.filter(pl.col("prompt_id").is_in(shown.implode())).sort("prompt_id")

    def requests() -> Iterator[tuple[_Sheet, Request]]:
        for prompt in judged.iter_rows(named=True):
            for criterion in parameters.criteria:
                sheet = _sheet(prompt, criterion, by_prompt[prompt["prompt_id"]])
                text = _render(templates[criterion], prompt, sheet)
                request = Request(
                    model=parameters.judge,
                    messages=(user(text),),
                    sampling=parameters.sampling.given(),
                    response_schema=response_schema(criterion),
                )
                yield sheet, request

    return Counted(judged.height * len(parameters.criteria), requests())


def _completions_by_prompt(completions: pl.DataFrame) -> dict[str, list[tuple[str, str]]]:
    by_prompt: dict[str, list[tuple[str, str]]] = {}
    columns = saying_something(completions).select("prompt_id", "completion_id", "text")
    for prompt_id, completion_id, text in columns.iter_rows():
        by_prompt.setdefault(prompt_id, []).append((completion_id, text))
    return by_prompt


def _sheet(prompt: Mapping[str, Any], criterion: str, completions: list[tuple[str, str]]) -> _Sheet:
    prompt_id = prompt["prompt_id"]
    order_seed = content_id("order", prompt_id, criterion)
    shuffled = list(completions)
    seeded_random("ultrafeedback", order_seed).shuffle(shuffled)
    return _Sheet(prompt_id, prompt["round"], criterion, order_seed, tuple(shuffled))


def _render(template: Template, prompt: Mapping[str, Any], sheet: _Sheet) -> str:
    """Fills the slots the template has; a person's own may leave out all but the completions."""
    if "completions" not in template.slots:
        raise TemplateError(
            f"template {template.name}: a judge needs the slot {{{{ completions }}}}"
        )
    values = {
        **prompt_slots(prompt),
        "completions": "\n\n".join(
            quote(f"completion {number}", text)
            for number, (_, text) in enumerate(sheet.completions, start=1)
        ),
        "count": str(len(sheet.completions)),
    }
    return template.render(
        **{name: value for name, value in values.items() if name in template.slots}
    )


def _rows(
    sheet: _Sheet,
    outcomes: list[RatingOutcome],
    judge: str,
    found: StructuredReply[RatingsReply],
    template_hash: str,
) -> Iterator[dict[str, object]]:
    shown = zip(sheet.completions, outcomes, strict=True)
    for position, ((completion_id, _), outcome) in enumerate(shown):
        yield rating_row(
            judge,
            sheet.criterion,
            completion_id=completion_id,
            prompt_id=sheet.prompt_id,
            round=sheet.round,
            rating=outcome.rating,
            rationale=outcome.rationale,
            status=outcome.status,
            position=position,
            order_seed=sheet.order_seed,
            call_ids=found.call_ids,
            template_hash=template_hash,
            type=outcome.type,
            reply_status=found.status,
        )
