"""Prompts and completions in, a judge's complexity and quality from 1 to 6 out (Liu et al. 2024,
"What Makes Good Data for Alignment?", DEITA, sections 3.1 and 3.2).

The published scorers are fine-tuned models whose score is the expected value over the six digits.
Any judge can be asked: where its endpoint gives probabilities the score is that expected value,
elsewhere the digit that it wrote.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from synth_assets.llm.logprobs import read_logprobs
from synth_assets.llm.request import Reply, Request, user
from synth_assets.method import Material, method
from synth_assets.methods.answered import Answered, answered_prompts, with_text
from synth_assets.methods.asking import Counted, ask_about, is_usable
from synth_assets.methods.prompt_rows import kept, messages_of, transcript
from synth_assets.methods.rating_rows import rating_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import RATING_COLUMNS, TableSchema
from synth_assets.templates import load_template, quote

METHOD = "deita_scores"
COMPLEXITY, QUALITY = "complexity", "quality"
LOWEST, HIGHEST = 1, 6
SCHEMA = TableSchema(METHOD, "judgment_id", "", RATING_COLUMNS)

_DIGIT = re.compile(r"[1-6]", re.ASCII)
_HOLDS_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?", re.ASCII)


class DeitaScores(Part):
    """judge: scores both.

    logprobs: how many alternatives of each token the judge's endpoint is asked for; 0 asks for
        none, and the score is the digit alone.
    sampling: the reply is one digit, the likeliest one (ours: the published scorers are read at
        their probabilities and sample nothing); a judge that thinks before it needs more tokens.
    """

    judge: ModelName
    logprobs: Literal[0, 6, 10, 20] = 0
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=8)


@dataclass(frozen=True)
class _Subject:
    """What is scored: a prompt (for all its completions), or one completion."""

    answered: Answered
    criterion: str
    completion_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """value is null unless the status is ok."""

    status: Literal["ok", "out_of_scale", "unparsed", "failed"]
    value: float | None = None


@method(
    METHOD,
    kind="judgments",
    table=SCHEMA.name,
    description="Complexity of each prompt and quality of each completion from 1 to 6, by a judge "
    "(DEITA, Liu et al. 2024).",
    parameters=DeitaScores,
    templates=lambda parameters, resolve: [_template(COMPLEXITY), _template(QUALITY)],
    calls_of_a_prompt=lambda parameters, completions: {parameters.judge: 1 + completions},
)
def score_prompts(material: Material, parameters: DeitaScores) -> MethodResult:
    """Two rows for each completion with a text: its own quality, and its prompt's complexity."""
    counts: Counter[str] = Counter()
    rows: list[dict[str, object]] = []
    prompts = kept(material.frame("mutated_prompts"))
    completions = with_text(material.frame("completions")).filter(
        pl.col("prompt_id").is_in(prompts["prompt_id"].implode())
    )
    answered = answered_prompts(prompts, completions)
    calls = completions["prompt_id"].n_unique() + completions.height
    about = Counted(calls, _requests(answered, parameters))
    for subject, reply in ask_about(material.ask, about, counts):
        score = read_score(reply)
        counts[f"scores_{score.status}"] += 1
        for completion_id in subject.completion_ids:
            rows.append(_row(subject, completion_id, score, reply, parameters))
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def read_score(reply: Reply) -> Score:
    """The expected value over the digits 1 to 6, where the endpoint told their probabilities and
    the reply holds one digit alone; else the one number that the judge wrote. Of several figures
    ("between 2 and 3") nobody knows which is the score."""
    if not is_usable(reply) or reply.text is None:
        return Score("failed")
    text = without_thoughts(reply.text).rstrip(".")
    told = [token for token in read_logprobs(reply.body) or () if _HOLDS_DIGIT.search(token.token)]
    is_said = _HOLDS_DIGIT.search(text) is not None  # else the one digit stands in the thoughts
    if is_said and len(told) == 1 and _DIGIT.fullmatch(told[0].token.strip()):
        return Score("ok", _expected({told[0].token: told[0].logprob, **told[0].alternatives}))
    if not _NUMBER.fullmatch(text):
        return Score("unparsed")
    value = float(text)
    return Score("ok", value) if LOWEST <= value <= HIGHEST else Score("out_of_scale")


def _expected(alternatives: dict[str, float]) -> float:
    """Digits that stand with and without a space before them count together."""
    shares: dict[int, float] = {}
    for token, logprob in sorted(alternatives.items()):
        if _DIGIT.fullmatch(token.strip()):
            digit = int(token.strip())
            shares[digit] = shares.get(digit, 0.0) + math.exp(logprob)
    total = math.fsum(shares.values())
    return math.fsum(digit * share for digit, share in shares.items()) / total


def _requests(
    answered: Iterable[Answered], parameters: DeitaScores
) -> Iterator[tuple[_Subject, Request]]:
    sampling = parameters.sampling.given()
    if parameters.logprobs:
        sampling |= {"logprobs": True, "top_logprobs": parameters.logprobs}
    for each in answered:
        shown = quote("prompt", transcript(messages_of(each.row)))
        text = _template(COMPLEXITY).render(prompt=shown)
        ids = tuple(completion_id for completion_id, _ in each.completions)
        yield _Subject(each, COMPLEXITY, ids), Request(parameters.judge, (user(text),), sampling)
        for completion_id, answer in each.completions:
            text = _template(QUALITY).render(prompt=shown, completion=quote("completion", answer))
            request = Request(parameters.judge, (user(text),), sampling)
            yield _Subject(each, QUALITY, (completion_id,)), request


def _template(criterion: str):
    return load_template(f"deita/{criterion}")


def _row(
    subject: _Subject, completion_id: str, score: Score, reply: Reply, parameters: DeitaScores
) -> dict[str, object]:
    return rating_row(
        parameters.judge,
        subject.criterion,
        completion_id=completion_id,
        prompt_id=subject.answered.prompt_id,
        round=subject.answered.round,
        rating=score.value,
        status=score.status,
        call_ids=[reply.call_id],
        template_hash=_template(subject.criterion).hash,
    )
