"""Completions in, their scores under a rubric of their prompt's own out (Gunjal et al. 2025,
"Rubrics as Rewards"; methods.md 12).

A model writes 7 to 20 atomic criteria for each prompt; a judge says of each whether a completion
meets it. The score is Σ weight · met / Σ positive weight: 1 where all is met and no pitfall is, and
below 0 where pitfalls outweigh what is met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

from synth_assets.errors import SynthError
from synth_assets.identity import content_id
from synth_assets.llm.request import Request, user
from synth_assets.method import Material, method
from synth_assets.methods.answered import Answered, answered_prompts
from synth_assets.methods.asking import Counted
from synth_assets.methods.rating_rows import prompt_slots, rating_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import StructuredReply, ask_structured
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import RATING_COLUMNS, Column, TableSchema
from synth_assets.templates import load_template, quote

METHOD = "rubric"
WRITE, GRADE = "rubric/write", "rubric/grade"

OWN_COLUMNS = (
    Column("rubric_id", pl.String, "Id from the criteria; null where no rubric was written"),
    Column(
        "rubric",
        pl.List(pl.Struct({"criterion": pl.String, "weight": pl.Int32})),
        "The criteria with their weights; a pitfall's is below 0",
    ),
    Column("met", pl.List(pl.Boolean), "Which criteria the completion meets, in their order"),
)
SCHEMA = TableSchema("rubric_scores", "judgment_id", "", (*RATING_COLUMNS, *OWN_COLUMNS))


class Rubric(Part):
    """writer: writes the criteria. judge: says which are met.

    least, most: 7 to 20 criteria a prompt (Gunjal et al. 2025, section 3).
    """

    writer: ModelName
    judge: ModelName
    least: int = Field(default=7, ge=1)
    most: int = Field(default=20, le=50)
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)

    @model_validator(mode="after")
    def _is_a_range(self) -> Rubric:
        if self.least > self.most:
            raise ValueError(f"least ({self.least}) is more than most ({self.most})")
        return self


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _is_a_weight(value: int) -> int:
    if value not in (-2, -1, 1, 2, 3, 4, 5):
        raise ValueError("a weight is from 1 to 5, and a pitfall's -1 or -2")
    return value


class Criterion(_Strict):
    criterion: Annotated[str, Field(min_length=1)]
    weight: Annotated[int, AfterValidator(_is_a_weight)]


class _Grade(_Strict):
    number: int
    is_met: bool


class _Grades(_Strict):
    grades: list[_Grade]


@dataclass(frozen=True)
class _Written:
    """The rubric of one prompt, and the calls it rests on; none where the writer wrote none."""

    rubric_id: str | None
    criteria: tuple[Criterion, ...]
    call_ids: tuple[str, ...]


def rubric_score(weights: Sequence[int], met: Sequence[bool]) -> float:
    """Σ weight · met / Σ positive weight.

    Errors: `SynthError` where no weight is positive, or the two differ in number.
    """
    positive = sum(weight for weight in weights if weight > 0)
    if not positive or len(weights) != len(met):
        raise SynthError(f"a rubric needs a positive weight and a grade each: {weights}, {met}")
    return sum(weight for weight, is_met in zip(weights, met, strict=True) if is_met) / positive


@method(
    METHOD,
    kind="judgments",
    table=SCHEMA.name,
    description="Scores of completions under a rubric that a model wrote for their prompt, "
    "criterion by criterion (Gunjal et al. 2025).",
    parameters=Rubric,
    templates=lambda parameters, resolve: [load_template(WRITE), load_template(GRADE)],
    columns=OWN_COLUMNS,
    corrects=True,
    calls_of_a_prompt=lambda parameters, completions: (
        Counter({parameters.writer: 1}) + Counter({parameters.judge: completions})
    ),
)
def score_by_rubric(material: Material, parameters: Rubric) -> MethodResult:
    """One row for each completion with a text; one rubric serves all completions of its prompt."""
    prompts = list(
        answered_prompts(material.frame("mutated_prompts"), material.frame("completions"))
    )
    counts: Counter[str] = Counter()
    rubrics = dict(_write(material, prompts, parameters, counts))
    rows: list[dict[str, object]] = []
    gradable = [each for each in prompts if rubrics[each.prompt_id].criteria]
    about = (
        ((each, completion_id), _grading(each, text, rubrics[each.prompt_id], parameters))
        for each in gradable
        for completion_id, text in each.completions
    )
    requests = Counted(sum(len(each.completions) for each in gradable), about)
    for (each, completion_id), reply in ask_structured(material.ask, requests, _Grades, counts):
        _count(reply, counts)
        written = rubrics[each.prompt_id]
        met = None if reply.value is None else _met(reply.value, len(written.criteria))
        status = "ok" if met is not None else "failed" if reply.status == "failed" else "unparsed"
        calls = (*written.call_ids, *reply.call_ids)
        rows.append(_row(each, completion_id, written, met, status, calls, parameters))
    for each in prompts:
        written = rubrics[each.prompt_id]
        if not written.criteria:
            rows += [
                _row(each, id, written, None, "no_rubric", written.call_ids, parameters)
                for id, _ in each.completions
            ]
    rows.sort(key=lambda row: str(row["judgment_id"]))
    counts.update(f"rubric_scores_{row['status']}" for row in rows)
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def rubric_form(least: int, most: int) -> type[BaseModel]:
    """What the writer replies: so many criteria, at least one of them no pitfall."""

    def has_a_positive_weight(criteria: list[Criterion]) -> list[Criterion]:
        if not any(each.weight > 0 for each in criteria):
            raise ValueError("at least one criterion needs a weight above 0")
        return criteria

    kind = Annotated[
        list[Criterion],
        Field(min_length=least, max_length=most),
        AfterValidator(has_a_positive_weight),
    ]
    return create_model("rubric", __config__=ConfigDict(extra="forbid"), criteria=(kind, ...))


def _write(
    material: Material, prompts: list[Answered], parameters: Rubric, counts: Counter[str]
) -> Iterator[tuple[str, _Written]]:
    form = rubric_form(parameters.least, parameters.most)
    in_all = len(prompts) + sum(len(each.completions) for each in prompts)
    about = Counted(len(prompts), ((each, _writing(each, parameters)) for each in prompts), in_all)
    for each, reply in ask_structured(material.ask, about, form, counts):
        _count(reply, counts)
        criteria = () if reply.value is None else tuple(reply.value.model_dump()["criteria"])
        rubric = tuple(Criterion(**criterion) for criterion in criteria)
        rubric_id = content_id("rubric", list(criteria)) if rubric else None
        yield each.prompt_id, _Written(rubric_id, rubric, tuple(reply.call_ids))


def _count(reply: StructuredReply[Any], counts: Counter[str]) -> None:
    counts["replies"] += len(reply.call_ids)
    counts["failed_replies"] += reply.status == "failed"


def _writing(each: Answered, parameters: Rubric) -> Request:
    text = load_template(WRITE).render(
        **prompt_slots(each.row),
        least=str(parameters.least),
        most=str(parameters.most),
    )
    return Request(parameters.writer, (user(text),), parameters.sampling.given())


def _grading(each: Answered, text: str, written: _Written, parameters: Rubric) -> Request:
    criteria = (f"{n}. {c.criterion}" for n, c in enumerate(written.criteria, start=1))
    text = load_template(GRADE).render(
        prompt=prompt_slots(each.row)["prompt"],
        completion=quote("completion", text),
        rubric=quote("rubric", "\n".join(criteria)),
        count=str(len(written.criteria)),
    )
    return Request(parameters.judge, (user(text),), parameters.sampling.given())


def _met(grades: _Grades, count: int) -> list[bool] | None:
    """Each criterion's grade; None unless each has exactly one."""
    told = {grade.number: grade.is_met for grade in grades.grades}
    if len(grades.grades) != count or set(told) != set(range(1, count + 1)):
        return None
    return [told[number] for number in range(1, count + 1)]


def _row(
    each: Answered,
    completion_id: str,
    written: _Written,
    met: list[bool] | None,
    status: str,
    call_ids: Sequence[str],
    parameters: Rubric,
) -> dict[str, object]:
    weights = [criterion.weight for criterion in written.criteria]
    return rating_row(
        parameters.judge,
        METHOD,
        completion_id=completion_id,
        prompt_id=each.prompt_id,
        round=each.round,
        rating=None if met is None else rubric_score(weights, met),
        status=status,
        call_ids=call_ids,
        template_hash=load_template(GRADE).hash,
        rubric_id=written.rubric_id,
        rubric=[criterion.model_dump() for criterion in written.criteria] or None,
        met=met,
    )
