"""Held-out prompts in, answers without the behaviour's system text out: what a model does untold.

The teacher's own show how much the system text adds; a student's, asked once it is trained, how
much of the behaviour it has learnt. They may be the rejected side of pairs and never train.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import polars as pl
from pydantic import AfterValidator, Field

from synth_assets.llm.request import Request
from synth_assets.method import Lack, Material, method
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.pair_side import pair_side
from synth_assets.methods.prompt_rows import kept, messages_of
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import ModelName, Part, Sampling, each_once
from synth_assets.schemas import COMPLETION_COLUMNS, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "untaught"
SCHEMA = TableSchema("untaught_completions", "completion_id", "", COMPLETION_COLUMNS)


class Untaught(Part):
    """models: who answers. prompts: those of the test side, or all (to make pairs of)."""

    models: Annotated[tuple[ModelName, ...], AfterValidator(each_once)] = Field(min_length=1)
    prompts: Literal["test", "all"] = "test"
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)


def _requires(parameters: Untaught, recipe: Recipe) -> Iterator[Lack]:
    if parameters.prompts == "test" and not recipe.datasets.test_share:
        yield (
            ("prompts",),
            "= 'test': datasets.test_share is 0, so no prompt is held out; raise it, or write "
            "prompts: all",
        )


@method(
    METHOD,
    kind="completions",
    table=SCHEMA.name,
    description="Answers to held-out prompts without the recipe's system text; they never train.",
    parameters=Untaught,
    requires=_requires,
    calls_of_a_prompt=lambda parameters, completions: dict.fromkeys(parameters.models, 1),
)
def answer_untaught(material: Material, parameters: Untaught) -> MethodResult:
    """One row for each held-out prompt and model. A prompt's own system text is a part of it and
    stays."""
    prompts = kept(material.frame("mutated_prompts"))
    if parameters.prompts == "test":
        prompts = prompts.filter(pl.col("split") == "test")
    counts: Counter[str] = Counter()
    calls = prompts.height * len(parameters.models)
    requests = Counted(calls, _requests(prompts, parameters))
    rows = [
        pair_side(reply, prompt=prompt, method=METHOD, teacher=model, material=material)
        for (prompt, model), reply in ask_about(material.ask, requests, counts)
    ]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _requests(
    prompts: pl.DataFrame, parameters: Untaught
) -> Iterator[tuple[tuple[dict[str, Any], str], Request]]:
    for prompt in prompts.iter_rows(named=True):
        for model in parameters.models:
            request = Request(model, tuple(messages_of(prompt)), parameters.sampling.given())
            yield (prompt, model), request
