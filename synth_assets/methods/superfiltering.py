"""Completions in, those that are hardest to follow but do belong to their prompts kept (Li et al.
2024, "Superfiltering").

A small language model reads each completion with and without its prompt; the ratio of the two
perplexities is its IFD. The rows with the highest IFD below 1 are kept, as many as the recipe says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import Field, model_validator

from synth_assets.identity import content_id
from synth_assets.method import Lack, Material, method
from synth_assets.methods.answered import answered_prompts
from synth_assets.methods.asking import Counted
from synth_assets.methods.endpoint_scorer import EndpointScorer, PromptLogprobs
from synth_assets.methods.prompt_rows import messages_of, transcript
from synth_assets.methods.result import MethodResult
from synth_assets.quality.ifd import Ifd, IfdMode, instruction_following_difficulty
from synth_assets.quality.scorers import TokenScorer
from synth_assets.quality.scorers.causal import CausalScorer, Precision, why_no_library
from synth_assets.quality.scorers.ngram import NgramScorer
from synth_assets.recipe_parts import ModelName, Part, Share
from synth_assets.schemas import FILTER_COLUMNS, Column, TableSchema

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

METHOD = "superfiltering"
OWN_COLUMNS = (
    Column("ppl_direct", pl.Float64, "Perplexity of the completion alone; null without a score"),
    Column("ppl_conditional", pl.Float64, "Perplexity of the completion after its prompt"),
    Column("tokens", pl.Int32, "Tokens that the conditional perplexity rests on"),
    Column("scorer", pl.String, "The language model that scored it"),
)
SCHEMA = TableSchema("superfiltered", "filter_id", "", (*FILTER_COLUMNS, *OWN_COLUMNS))


class Superfiltering(Part):
    """Which share of this data's completions is kept, and who scores them.

    keep: published: 0.05, 0.10 and 0.15 of Alpaca's rows (Li et al. 2024, table 1).
    scorer: ``ngram`` learns from this data's own texts and needs nothing. ``transformers`` runs
        ``model`` here (the extra ``superfiltering``). ``openai_compatible`` asks ``endpoint``.
    ask_for: how the endpoint is asked: ``echo``, or vLLM's own ``prompt_logprobs``.
    mode: ``parity`` counts tokens as the released code does; ``strict`` the same in both.
    max_tokens: where prompt and completion together are cut (GPT-2's limit, as published).
    order, memory: of the n-gram model: its longest n-gram, and the share of a token's probability
        that comes from the tokens before it in its own text.
    """

    keep: Share
    scorer: Literal["ngram", "transformers", "openai_compatible"] = "ngram"
    model: str = "openai-community/gpt2"
    precision: Precision = "float32"
    endpoint: ModelName | None = None
    ask_for: PromptLogprobs = "echo"
    mode: IfdMode = "parity"
    max_tokens: int = Field(default=1024, ge=2)
    order: int = Field(default=3, ge=1, le=5)
    memory: float = Field(default=0.2, ge=0, lt=1)

    @model_validator(mode="after")
    def _endpoint_fits_the_scorer(self) -> Superfiltering:
        if (self.scorer == "openai_compatible") != (self.endpoint is not None):
            raise ValueError(
                "endpoint names a model, with api: completions, for scorer: openai_compatible "
                "and for no other scorer"
            )
        return self


@dataclass(frozen=True)
class _Candidate:
    completion_id: str
    prompt_id: str
    round: int
    prompt: str
    text: str


def _requires(parameters: Superfiltering, recipe: Recipe) -> Iterator[Lack]:
    model = recipe.models.get(parameters.endpoint or "")
    if model is None or (model.api == "completions" and model.provider != "offline"):
        return
    how = "simulated" if model.api == "completions" else "asked through chat"
    yield (
        ("endpoint",),
        f"= {parameters.endpoint!r}: is {model.model} {how}, which gives no probabilities of a "
        "prompt; declare an openai_compatible/… model with api: completions",
    )


@method(
    METHOD,
    kind="filters",
    table=SCHEMA.name,
    description="Which completions are kept by how hard they are to follow from their prompts "
    "(IFD, Li et al. 2024).",
    parameters=Superfiltering,
    columns=OWN_COLUMNS,
    by_round=False,
    requires=_requires,
    missing_here=lambda parameters: (
        why_no_library() if parameters.scorer == "transformers" else None
    ),
)
def filter_by_ifd(material: Material, parameters: Superfiltering) -> MethodResult:
    """One row for each completion with a text of a kept prompt, kept or with its drop reason."""
    candidates = _candidates(material.frame("mutated_prompts"), material.frame("completions"))
    counts: Counter[str] = Counter()
    scored = dict(
        _scores(candidates, _scorer(candidates, material, parameters, counts), parameters)
    )
    chosen = choose(
        {id: found.ifd for id, (found, _) in scored.items() if found.ifd is not None},
        len(candidates),
        parameters.keep,
    )
    rows = [_row(each, *scored[each.completion_id], parameters, chosen) for each in candidates]
    counts.update(f"ifd_{row['drop_reason'] or 'kept'}" for row in rows)
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def choose(ifd: Mapping[str, float], rows: int, share: float) -> frozenset[str]:
    """The ids of the highest scores below 1: at most the share of all rows, scored or not. Of
    equal scores the smaller id comes first."""
    below = sorted((-score, id) for id, score in ifd.items() if score < 1)
    return frozenset(id for _, id in below[: int(Fraction(str(share)) * rows)])


def prompt_text(row: Mapping[str, Any]) -> str:
    """A prompt as the published code writes it: instruction, newline, and where there is an input
    besides, that and a newline. Several turns stand one after the other with their roles."""
    turns = [turn for turn in messages_of(row) if turn["role"] != "system"]
    if len(turns) != 1:
        return f"{transcript(turns)}\n"
    text, instruction = turns[0]["content"].strip(), (row["instruction"] or "").strip()
    given = text.removeprefix(instruction).strip() if instruction else ""
    if given and text.startswith(instruction):
        return f"{instruction}\n{given}\n"
    return f"{text}\n"


def _candidates(prompts: pl.DataFrame, completions: pl.DataFrame) -> list[_Candidate]:
    """In the order of their ids."""
    found = [
        _Candidate(completion_id, each.prompt_id, each.round, prompt_text(each.row), text)
        for each in answered_prompts(prompts, completions)
        for completion_id, text in each.completions
    ]
    return sorted(found, key=lambda each: each.completion_id)


def _scorer(
    candidates: list[_Candidate],
    material: Material,
    parameters: Superfiltering,
    counts: Counter[str],
) -> TokenScorer:
    if parameters.scorer == "ngram":
        learnt = {text for each in candidates for text in (each.prompt, each.text)}
        return NgramScorer.trained_on(
            sorted(learnt),
            order=parameters.order,
            memory=parameters.memory,
            max_tokens=parameters.max_tokens,
        )
    if parameters.scorer == "transformers":
        return CausalScorer.load(
            parameters.model, precision=parameters.precision, max_tokens=parameters.max_tokens
        )
    name = str(parameters.endpoint)
    return EndpointScorer(material.ask, name, parameters.max_tokens, counts, parameters.ask_for)


def _scores(
    candidates: list[_Candidate], scorer: TokenScorer, parameters: Superfiltering
) -> Iterator[tuple[str, tuple[Ifd, list[str]]]]:
    """completion_id → its IFD and the calls that it rests on. Both texts of a completion go to the
    scorer one after the other, so that no more is held than its batch."""

    def texts() -> Iterator[str]:
        for each in candidates:
            yield each.text
            yield each.prompt + each.text

    scored = scorer.token_logprobs(Counted(2 * len(candidates), texts()))
    for each in candidates:
        direct, conditional = next(scored), next(scored)
        ifd = instruction_following_difficulty(
            direct,
            conditional,
            prompt_length=len(each.prompt),
            mode=parameters.mode,
            max_tokens=parameters.max_tokens,
        )
        calls = [call for call in (direct.call_id, conditional.call_id) if call is not None]
        yield each.completion_id, (ifd, calls)


def _row(
    each: _Candidate,
    found: Ifd,
    call_ids: list[str],
    parameters: Superfiltering,
    chosen: frozenset[str],
) -> dict[str, object]:
    if found.ifd is None:
        reason = "ifd_unknown"
    elif found.ifd >= 1:
        reason = "ifd_not_below_one"
    else:
        reason = None if each.completion_id in chosen else "ifd_below_share"
    return {
        "filter_id": content_id("filter", METHOD, each.completion_id),
        "completion_id": each.completion_id,
        "prompt_id": each.prompt_id,
        "round": each.round,
        "filter": METHOD,
        "score": found.ifd,
        "status": found.status,
        "holds_for": "sft",
        "call_ids": call_ids,
        "drop_reason": reason,
        "ppl_direct": found.ppl_direct,
        "ppl_conditional": found.ppl_conditional,
        "tokens": found.tokens,
        "scorer": _name(parameters),
    }


def _name(parameters: Superfiltering) -> str:
    if parameters.scorer == "ngram":
        return f"ngram order {parameters.order} memory {parameters.memory:g}"
    if parameters.scorer == "transformers":
        return f"{parameters.model} {parameters.precision}"
    return str(parameters.endpoint)
