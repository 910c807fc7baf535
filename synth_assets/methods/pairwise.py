"""Prompts and completions in, judges' verdicts on pairs of completions out (Zheng et al. 2023).

A judge is asked twice, with the order swapped; a side wins only if it wins in both. So a judge that
goes by places makes ties, and no preference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal

import polars as pl
from pydantic import AfterValidator, Field

from synth_assets.errors import TemplateError
from synth_assets.identity import content_id
from synth_assets.llm.request import Ask, Request, user
from synth_assets.method import Material, Resolve, method
from synth_assets.methods.asking import Counted
from synth_assets.methods.pair_drawing import DrawnPair, draw_pairs, prompts_without_a_pair
from synth_assets.methods.pair_rows import BETWEEN_JUDGES, pair_row
from synth_assets.methods.pair_verdict import PairVerdict, ReadVerdict, read_verdict
from synth_assets.methods.result import MethodResult
from synth_assets.methods.structured_asking import ask_structured
from synth_assets.quality.judge_bias import JudgeBias, MeasuredShare, PairVerdicts, measure_judges
from synth_assets.quality.model_families import model_family
from synth_assets.recipe_model import Model
from synth_assets.recipe_parts import ModelName, OwnFile, Part, Sampling, each_once
from synth_assets.schemas import PAIR_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, load_template_file

NAME = "pairwise"
SLOTS = frozenset({"prompt", "reference", "completion_a", "completion_b"})
NEEDED_SLOTS = frozenset({"completion_a", "completion_b"})

VERDICTS = pl.List(
    pl.Struct(
        {
            "judge": pl.String,
            "ab": pl.String,
            "ab_status": pl.String,
            "ba": pl.String,
            "ba_status": pl.String,
            "vote": pl.String,
            "kin": pl.String,
        }
    )
)
COLUMNS = (
    Column(
        "verdicts",
        VERDICTS,
        "Of each judge: the place (first, second, tie) it named with the smaller completion id "
        "shown first (ab) and second (ba), how each reply was read, its vote, and the side that is "
        "of its own family of models (kin: a has the smaller id; null for neither or both)",
    ),
    Column(
        "disagreement", pl.Float64, "Share of the votes unlike the most frequent; null without any"
    ),
    Column("is_reference_guided", pl.Boolean, "The judges saw a reference answer"),
)
PAIRWISE_SCHEMA = TableSchema(
    "judged", "pair_candidate_id", "Judged pairs.", (*PAIR_COLUMNS, *COLUMNS)
)


class Pairwise(Part):
    """Pairs of completions compared in both orders (Zheng et al. 2023, section 3.4; methods.md 8).

    judges: one, or a panel: a side wins that has more than half of the panel's votes.
    pairs_per_prompt: pairs drawn of each prompt's completions.
    template: a person's own, relative to the recipe.
    """

    judges: Annotated[tuple[ModelName, ...], AfterValidator(each_once)] = Field(min_length=1)
    pairs_per_prompt: int = Field(default=1, ge=1, le=2016)
    template: OwnFile | None = None
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=1024)


@dataclass(frozen=True)
class _Vote:
    """One judge on one pair: both verdicts, and the side that won in both."""

    judge: str
    ab: ReadVerdict
    ba: ReadVerdict
    kin: Literal["a", "b"] | None

    def verdicts(self, pair: DrawnPair) -> PairVerdicts:
        return PairVerdicts(
            prompt_id=pair.prompt_id,
            judge=self.judge,
            ab=self.ab.verdict,
            ba=self.ba.verdict,
            length_a=len(pair.a.text),
            length_b=len(pair.b.text),
            kin=self.kin,
        )


def template_of(parameters: Pairwise, resolve: Resolve) -> Template:
    """The package's own template, or the recipe's. Errors: `TemplateError` for other slots."""
    if parameters.template is None:
        return load_template("pairwise/compare")
    template = load_template_file(resolve(parameters.template))
    if template.slots - SLOTS or NEEDED_SLOTS - template.slots:
        raise TemplateError(
            f"template {template.name}: has the slots {sorted(template.slots)}; it needs "
            "completion_a and completion_b, and may have prompt and reference"
        )
    return template


@method(
    NAME,
    kind="pairs",
    table="pairwise_verdicts",
    description="Pairs of completions that judges compared in both orders (LLM-as-a-judge, Zheng "
    "et al. 2023).",
    parameters=Pairwise,
    templates=lambda parameters, resolve: [template_of(parameters, resolve)],
    columns=COLUMNS,
    pairs_of_a_prompt=lambda parameters: parameters.pairs_per_prompt,
    corrects=True,
    calls_of_a_prompt=lambda parameters, completions: dict.fromkeys(
        parameters.judges,
        2 * min(parameters.pairs_per_prompt, completions * (completions - 1) // 2),
    ),
)
def make_verdicts(material: Material, parameters: Pairwise) -> MethodResult:
    """The method in the graph: a round's prompts and completions in, judged pairs out."""
    return compare_completions(
        material.frame("mutated_prompts"),
        material.frame("completions"),
        parameters=parameters,
        template=template_of(parameters, material.resolve),
        models=material.models,
        ask=material.ask,
    )


def compare_completions(
    prompts: pl.DataFrame,
    completions: pl.DataFrame,
    *,
    parameters: Pairwise,
    template: Template,
    models: Mapping[str, Model],
    ask: Ask,
) -> MethodResult:
    """One row for each pair drawn; ties, disagreements and what could not be read are dropped by
    name. The notes hold each judge's measures, and the numbers that they rest on."""
    counts: Counter[str] = Counter()
    families = {judge: model_family(models[judge].model) for judge in parameters.judges}
    pairs = draw_pairs(prompts, completions, count=parameters.pairs_per_prompt, method=NAME)
    requests = Counted(
        len(pairs) * 2 * len(parameters.judges), _requests(pairs, parameters, template)
    )
    asked = ask_structured(ask, requests, PairVerdict, counts)
    rows: list[dict[str, object]] = []
    said: list[PairVerdicts] = []
    while replies := list(islice(asked, 2 * len(parameters.judges))):
        pair = replies[0][0]
        read = [read_verdict(found) for _, found in replies]
        votes = [
            _Vote(judge, ab, ba, _kin(families[judge], pair))
            for judge, ab, ba in zip(parameters.judges, read[::2], read[1::2], strict=True)
        ]
        said += [vote.verdicts(pair) for vote in votes]
        rows.append(_row(pair, votes, template))
    counts.update(f"pairs_{row['status']}" for row in rows)
    counts["prompts_without_a_pair"] = prompts_without_a_pair(prompts, completions)
    notes = {**counts, **bias_notes(measure_judges(said))}
    return MethodResult(PAIRWISE_SCHEMA.frame(rows), {}, len(rows), notes)


def bias_notes(measured: Sequence[JudgeBias]) -> dict[str, int | float]:
    """Each judge's measures as numbers with names, for the metadata; what has none is left out."""
    notes: dict[str, int | float] = {}
    for bias in measured:
        shares: dict[str, MeasuredShare] = {
            "consistent": bias.consistent,
            "first_place": bias.first_place,
            "longer_wins": bias.longer,
            "kin_wins": bias.kin,
        }
        for name, found in shares.items():
            if found.share is None or found.low is None or found.high is None:
                continue
            notes[f"{bias.judge}_{name}"] = round(found.share, 4)
            notes[f"{bias.judge}_{name}_low"] = round(found.low, 4)
            notes[f"{bias.judge}_{name}_high"] = round(found.high, 4)
        notes[f"{bias.judge}_pairs_unread"] = bias.unread
    return notes


def _requests(
    pairs: Iterable[DrawnPair], parameters: Pairwise, template: Template
) -> Iterator[tuple[DrawnPair, Request]]:
    for pair in pairs:
        for judge in parameters.judges:
            for is_swapped in (False, True):
                slots = pair.slots(is_swapped=is_swapped)
                text = template.render(**{name: slots[name] for name in template.slots})
                sampling = parameters.sampling.given()
                yield pair, Request(model=judge, messages=(user(text),), sampling=sampling)


def _kin(family: str, pair: DrawnPair) -> Literal["a", "b"] | None:
    is_a, is_b = (model_family(side.model) == family for side in (pair.a, pair.b))
    return None if is_a == is_b else "a" if is_a else "b"


def _row(pair: DrawnPair, votes: Sequence[_Vote], template: Template) -> dict[str, object]:
    said = [vote.verdicts(pair) for vote in votes]
    read = Counter(_vote(verdicts) for verdicts in said if verdicts.is_consistent is not None)
    winner = next((s for s in ("a", "b") if read[s] > len(votes) / 2), None)
    status = "ok" if winner else _why_no_pair(votes, said)
    chosen, rejected = (pair.b, pair.a) if winner == "b" else (pair.a, pair.b)
    loser = {"a": "b", "b": "a"}.get(winner or "")
    return pair_row(
        NAME,
        pair_candidate_id=content_id("pair", NAME, pair.a.completion_id, pair.b.completion_id),
        chosen=chosen.completion_id,
        rejected=rejected.completion_id,
        prompt_id=pair.prompt_id,
        round=pair.prompt["round"],
        margin=(read[winner] - read[loser]) / len(votes) if winner and loser else None,
        judge=BETWEEN_JUDGES.join(vote.judge for vote in votes),
        rationale=next((r for v in votes for r in (v.ab.rationale, v.ba.rationale) if r), None),
        status=status,
        call_ids=[c for v in votes for c in (*v.ab.call_ids, *v.ba.call_ids)],
        template_hash=template.hash,
        drop_reason=None if status == "ok" else status,
        verdicts=[
            {
                "judge": vote.judge,
                "ab": vote.ab.verdict,
                "ab_status": vote.ab.status,
                "ba": vote.ba.verdict,
                "ba_status": vote.ba.status,
                "vote": None if verdicts.is_consistent is None else _vote(verdicts),
                "kin": vote.kin,
            }
            for vote, verdicts in zip(votes, said, strict=True)
        ],
        disagreement=1 - max(read.values()) / read.total() if read else None,
        is_reference_guided=pair.reference is not None and "reference" in template.slots,
    )


def _vote(verdicts: PairVerdicts) -> str:
    return verdicts.winner or "tie"


def _why_no_pair(votes: Sequence[_Vote], said: Sequence[PairVerdicts]) -> str:
    """What could not be read counts before a tie: with it a side might have won."""
    unread = {v.status for vote in votes for v in (vote.ab, vote.ba) if v.verdict is None}
    for status in ("failed", "unparsed", "ambiguous"):
        if status in unread:
            return status
    return "inconsistent" if any(v.is_consistent is False for v in said) else "tie"
