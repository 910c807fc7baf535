"""Scored completions in, the best that are not alike kept (Liu et al. 2024, DEITA, section 3.4).

Rows are taken in the order of complexity × quality; one whose cosine similarity to a row already
kept is above 0.9 is passed over, until as many are kept as the recipe says.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy
import polars as pl
from pydantic import Field

from synth_assets.identity import content_id
from synth_assets.method import Material, method
from synth_assets.methods.answered import answered_prompts
from synth_assets.methods.deita_scores import COMPLEXITY, QUALITY
from synth_assets.methods.deita_scores import SCHEMA as SCORES
from synth_assets.methods.prompt_rows import messages_of, transcript
from synth_assets.methods.result import MethodResult
from synth_assets.methods.retraction import (
    RETRACTED,
    standing_judgments,
    withdrawn_completions,
)
from synth_assets.quality.embeddings import Embedder, HashedWords
from synth_assets.recipe_parts import Part, Share
from synth_assets.schemas import FILTER_COLUMNS, RETRACTIONS, Column, TableSchema

METHOD = "deita"
OWN_COLUMNS = (
    Column("complexity", pl.Float64, "Of the prompt, 1 to 6; null without a score"),
    Column("quality", pl.Float64, "Of the completion, 1 to 6; null without a score"),
    Column("nearest_kept_id", pl.String, "The kept completion most like it; null for the first"),
    Column("nearest_similarity", pl.Float64, "Cosine similarity to it"),
)
SCHEMA = TableSchema("deita_selection", "filter_id", "", (*FILTER_COLUMNS, *OWN_COLUMNS))


class Deita(Part):
    """Needs judgments.deita_scores.

    keep: at most so many rows; null for all that are not alike. Published: 6,000 and 10,000.
    max_similarity: published 0.9. dimensions: of the hashed vectors; the published embedding is
    that of a language model of 13 billion parameters.
    """

    keep: int | None = Field(default=None, ge=0)
    max_similarity: Share = 0.9
    dimensions: int = Field(default=1024, ge=16, le=16_384)


@dataclass(frozen=True)
class Candidate:
    """A completion with its scores, and what became of it. text: prompt and answer together."""

    completion_id: str
    prompt_id: str
    round: int
    text: str
    complexity: float | None
    quality: float | None
    drop_reason: str | None = None
    nearest: str | None = None
    similarity: float | None = None

    @property
    def score(self) -> float | None:
        if self.complexity is None or self.quality is None:
            return None
        return self.complexity * self.quality


@method(
    METHOD,
    kind="filters",
    table=SCHEMA.name,
    description="The best completions by complexity and quality that are not alike (DEITA, Liu et "
    "al. 2024).",
    parameters=Deita,
    reads=("mutated_prompts", "completions", SCORES.name, RETRACTIONS.name),
    columns=OWN_COLUMNS,
    by_round=False,
)
def select_diverse(material: Material, parameters: Deita) -> MethodResult:
    """One row for each completion with a text of a kept prompt, kept or with its drop reason."""
    found = choose_diverse(_candidates(material), parameters, HashedWords(parameters.dimensions))
    rows = [_row(each) for each in sorted(found, key=lambda each: each.completion_id)]
    counts = Counter(f"deita_{row['drop_reason'] or 'kept'}" for row in rows)
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def choose_diverse(
    candidates: list[Candidate], parameters: Deita, embedder: Embedder
) -> list[Candidate]:
    """The candidates with their drop reasons; equal scores go by id. One that has a reason already
    takes nobody's place."""
    open_ones = [each for each in candidates if each.drop_reason is None]
    scored = sorted(
        (each for each in open_ones if each.score is not None),
        key=lambda each: (-(each.score or 0), each.completion_id),
    )
    decided = [each for each in candidates if each.drop_reason is not None]
    decided += [
        replace(each, drop_reason="score_unknown") for each in open_ones if each.score is None
    ]
    vectors = embedder.embed([each.text for each in scored])
    kept: list[int] = []
    basis = numpy.zeros_like(vectors)
    for place, each in enumerate(scored):
        if parameters.keep is not None and len(kept) >= parameters.keep:
            decided.append(replace(each, drop_reason="beyond_count"))
            continue
        if kept:
            # Six digits: the last ones differ between processors.
            alike = numpy.round(basis[: len(kept)] @ vectors[place], 6)
            nearest = int(alike.argmax())
            each = replace(
                each,
                nearest=scored[kept[nearest]].completion_id,
                similarity=float(alike[nearest]),
            )
            if alike[nearest] > parameters.max_similarity:
                decided.append(replace(each, drop_reason="too_similar"))
                continue
        basis[len(kept)] = vectors[place]
        kept.append(place)
        decided.append(each)
    return decided


def _candidates(material: Material) -> list[Candidate]:
    prompts, completions = material.frame("mutated_prompts"), material.frame("completions")
    journal = material.frame(RETRACTIONS.name)
    counted = standing_judgments(material.frame(SCORES.name), journal)
    scores = {
        (row["completion_id"], row["criterion"]): row["rating"]
        for row in counted.filter(pl.col("status") == "ok").to_dicts()
    }
    withdrawn = withdrawn_completions(completions, journal)
    return [
        Candidate(
            completion_id=completion_id,
            prompt_id=each.prompt_id,
            round=each.round,
            text=f"{transcript(messages_of(each.row))}\n{text}",
            complexity=scores.get((completion_id, COMPLEXITY)),
            quality=scores.get((completion_id, QUALITY)),
            drop_reason=RETRACTED if completion_id in withdrawn else None,
        )
        for each in answered_prompts(prompts, completions)
        for completion_id, text in each.completions
    ]


def _row(each: Candidate) -> dict[str, object]:
    return {
        "filter_id": content_id("filter", METHOD, each.completion_id),
        "completion_id": each.completion_id,
        "prompt_id": each.prompt_id,
        "round": each.round,
        "filter": METHOD,
        "score": each.score,
        "status": "ok" if each.score is not None else "unknown",
        "holds_for": "sft",
        "call_ids": [],
        "drop_reason": each.drop_reason,
        "complexity": each.complexity,
        "quality": each.quality,
        "nearest_kept_id": each.nearest,
        "nearest_similarity": each.similarity,
    }
