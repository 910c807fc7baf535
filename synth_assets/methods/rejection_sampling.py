"""Completions with scores in, those selected out, beside a random control set of the same size.

Rejection sampling (Touvron et al. 2023, Llama 2, section 3.2.3; RLHF Book, Lambert 2025): sample
N completions of a prompt (10–30), score each, and train on the best. Whether the score did
anything shows only against as many completions that were drawn at random from the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import Field, model_validator

from synth_assets.identity import content_hash, content_id
from synth_assets.method import Lack, Material, all_methods, method
from synth_assets.methods.prompt_rows import kept
from synth_assets.methods.result import MethodResult
from synth_assets.methods.retraction import (
    RETRACTED,
    standing_judgments,
    withdrawn_completions,
)
from synth_assets.recipe_errors import did_you_mean
from synth_assets.recipe_parts import Part
from synth_assets.schemas import FILTER_COLUMNS, RETRACTIONS, Column, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

NAME = "rejection_sampling"
OWN_COLUMNS = (
    Column("is_selected", pl.Boolean, "Chosen by its score"),
    Column("is_control", pl.Boolean, "Drawn at random, for the control set of the same size"),
    Column("place", pl.Int32, "Place by score, from 1: in its prompt, or overall; null unscored"),
)
SELECTIONS = TableSchema(
    "rejection_sampling_selections",
    "filter_id",
    "What rejection sampling selects among scored completions, and the matched random control "
    "(Llama 2, Touvron et al. 2023).",
    (*FILTER_COLUMNS, *OWN_COLUMNS),
)
CANDIDATE_COLUMNS = ("completion_id", "prompt_id", "score")


class RejectionSampling(Part):
    """score: ``mean_rating`` (over criteria), ``verification`` (verified 1, refuted 0), or the
    name of a method under ``judgments`` or ``filters``, whose numbers are averaged.
    select: the best completion of each prompt, or the ``top`` best of all.
    least_score: what scores less is never selected; for ``verification`` it is 1, since sft_set
    takes nothing that is refuted."""

    score: str = "mean_rating"
    select: Literal["best_per_prompt", "top_overall"] = "best_per_prompt"
    top: int | None = Field(default=None, ge=1)
    least_score: float | None = None

    @model_validator(mode="after")
    def _top_goes_with_top_overall(self) -> RejectionSampling:
        if (self.select == "top_overall") != (self.top is not None):
            raise ValueError("top: N belongs to select: top_overall, which needs it")
        return self

    @property
    def least(self) -> float | None:
        if self.least_score is None and self.score == "verification":
            return 1.0
        return self.least_score


@dataclass(frozen=True)
class Selection:
    """Ids of completions, best first."""

    selected: tuple[str, ...]
    control: tuple[str, ...]


def table_of_score(parameters: RejectionSampling) -> tuple[str, ...]:
    """The table of the filter that the score is of; ratings stand in ``judgments``."""
    found = all_methods().get(parameters.score)
    return (found.table.name,) if found is not None and found.kind == "filters" else ()


def _requires(parameters: RejectionSampling, recipe: Recipe) -> Iterator[Lack]:
    scoring = [method for method, _ in recipe.methods("judgments", "filters")]
    given = {method.name for method in scoring} - {NAME}
    if any(method.counts_as_rating for method in scoring):
        given.add("mean_rating")
    if recipe.judgments.verification:
        given.add("verification")
    if parameters.score not in given:
        yield (
            ("score",),
            f"= {parameters.score!r}: nothing in this recipe gives this score"
            f"{did_you_mean(parameters.score, sorted(given)) or ';'} Given are: "
            f"{', '.join(sorted(given)) or 'none'}. Add what gives it under judgments or filters",
        )


@method(
    NAME,
    kind="filters",
    table=SELECTIONS.name,
    description=SELECTIONS.description,
    parameters=RejectionSampling,
    reads=("mutated_prompts", "completions", "judgments", RETRACTIONS.name),
    columns=OWN_COLUMNS,
    also_reads=table_of_score,
    requires=_requires,
    by_round=False,
    asks=False,
)
def sample_by_rejection(material: Material, parameters: RejectionSampling) -> MethodResult:
    """One row per completion of a kept prompt, of all rounds at once."""
    prompts = kept(material.frame("mutated_prompts"))
    completions = material.frame("completions").filter(
        pl.col("prompt_id").is_in(prompts["prompt_id"].implode())
    )
    journal = material.frame(RETRACTIONS.name)
    withdrawn = withdrawn_completions(completions, journal)
    filters = table_of_score(parameters)
    if filters:
        scores = scores_of_a_filter(material.frame(filters[0]))
    else:
        judgments = standing_judgments(material.frame("judgments"), journal)
        scores = scores_of(judgments, parameters.score)
    usable = completions.filter(
        (pl.col("status") == "ok")
        & pl.col("text_hash").is_not_null()
        & ~pl.col("is_for_pairs_only").fill_null(False)
        & ~pl.col("completion_id").is_in(sorted(withdrawn))
    )
    alike = _prompts_of_one_text(usable)
    candidates = (
        usable.filter(~pl.col("prompt_id").is_in(alike.implode()))
        .join(scores, on="completion_id", how="inner")
        .filter(pl.col("score").is_not_null())
    )
    chosen = select(candidates, parameters)
    places = _places(candidates, parameters)
    skipped, ready = set(alike), set(usable["completion_id"])
    score = dict(scores.select("completion_id", "score").iter_rows())
    rows = [
        _row(row, score.get(row["completion_id"]), row["completion_id"] in ready, skipped)
        | {
            "is_selected": row["completion_id"] in chosen.selected,
            "is_control": row["completion_id"] in chosen.control,
            "place": places.get(row["completion_id"]),
        }
        for row in completions.iter_rows(named=True)
    ]
    for row in rows:
        if row["completion_id"] in withdrawn:
            row["drop_reason"] = RETRACTED
        elif row["drop_reason"] is None and not row["is_selected"]:
            row["drop_reason"] = "not_selected"
    found = SELECTIONS.frame(rows).sort("filter_id")
    notes = {
        "selected": len(chosen.selected),
        "control": len(chosen.control),
        "prompts_all_the_same": len(skipped),
    }
    return MethodResult(found, {}, found.height, notes)


def select(candidates: pl.DataFrame, parameters: RejectionSampling) -> Selection:
    """Columns `CANDIDATE_COLUMNS` in. Ties go to the smaller id. The control has as many members:
    for the best per prompt one of each prompt that has a selected one, else any of all."""
    ranked = _ranked(candidates)
    good = ranked
    if parameters.least is not None:
        good = ranked.filter(pl.col("score") >= parameters.least)
    if parameters.top is not None:
        selected = good.head(parameters.top)["completion_id"].to_list()
        return Selection(
            tuple(selected), tuple(_drawn(candidates["completion_id"])[: len(selected)])
        )
    best = good.unique("prompt_id", keep="first", maintain_order=True).sort("prompt_id")
    of_prompt = dict(
        candidates.group_by("prompt_id").agg("completion_id").select("prompt_id", "completion_id")
        .iter_rows()
    )  # fmt: skip
    control = tuple(_drawn(of_prompt[prompt], prompt)[0] for prompt in best["prompt_id"])
    return Selection(tuple(best["completion_id"]), control)


def scores_of(judgments: pl.DataFrame, score: str) -> pl.DataFrame:
    """completion_id, score. Judges of one criterion count as one, and the criteria are averaged;
    what has no number is left out, never a zero."""
    if score == "verification":
        numbers = {"verified": 1.0, "refuted": 0.0}
        return (
            judgments.filter(pl.col("kind") == "verification")
            .select(
                "completion_id",
                score=pl.col("status").replace_strict(
                    numbers, default=None, return_dtype=pl.Float64
                ),
            )
            .filter(pl.col("score").is_not_null())
            .sort("completion_id")
        )
    counted = pl.col("kind") == "rating" if score == "mean_rating" else pl.col("method") == score
    return (
        judgments.filter(counted & (pl.col("status") == "ok") & pl.col("rating").is_not_null())
        .sort("judgment_id")
        .group_by("completion_id", "criterion", maintain_order=True)
        .agg(pl.col("rating").mean())
        .sort("completion_id", "criterion")
        .group_by("completion_id", maintain_order=True)
        .agg(score=pl.col("rating").mean())
        .sort("completion_id")
    )


def scores_of_a_filter(rows: pl.DataFrame) -> pl.DataFrame:
    """completion_id, score: the mean over the filter's rules that have a number."""
    return (
        rows.filter(pl.col("score").is_not_null())
        .sort("filter_id")
        .group_by("completion_id", maintain_order=True)
        .agg(pl.col("score").mean())
        .sort("completion_id")
    )


def _ranked(candidates: pl.DataFrame) -> pl.DataFrame:
    return candidates.sort("score", "completion_id", descending=[True, False])


def _places(candidates: pl.DataFrame, parameters: RejectionSampling) -> Mapping[str, int]:
    ranked = _ranked(candidates)
    place = pl.int_range(1, pl.len() + 1)
    if parameters.select == "best_per_prompt":
        place = place.over("prompt_id")
    return dict(ranked.select("completion_id", place.alias("place")).iter_rows())


def _prompts_of_one_text(usable: pl.DataFrame) -> pl.Series:
    """Prompts whose completions are all the same, or only one: nothing is to be chosen there."""
    return (
        usable.group_by("prompt_id")
        .agg(texts=pl.col("text_hash").n_unique())
        .filter(pl.col("texts") == 1)["prompt_id"]
        .sort()
    )


def _drawn(ids: Iterable[str], *seed: str) -> list[str]:
    """Ids in an order that is random, and the same for the same ids whatever their order."""
    return sorted(ids, key=lambda id: (content_hash("control", *seed, id), id))


def _row(
    row: Mapping[str, Any], score: float | None, is_usable: bool, skipped: set[str]
) -> dict[str, Any]:
    status, reason = "ok", None
    if not is_usable:
        status = reason = "not_usable"
    elif row["prompt_id"] in skipped:
        reason = "all_the_same"
    elif score is None:
        status = reason = "no_score"
    return {
        "filter_id": content_id("filter", NAME, row["completion_id"]),
        "completion_id": row["completion_id"],
        "prompt_id": row["prompt_id"],
        "round": row["round"],
        "filter": NAME,
        "score": score,
        "status": status,
        "holds_for": "sft",
        "call_ids": [],
        "drop_reason": reason,
    }
