"""An instruction and an answer in, a judge's scores of them in several draws out, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from synth_assets.llm.request import Request, user
from synth_assets.methods.structured_asking import StructuredReply
from synth_assets.templates import load_template, quote

SCORE = "instruction_backtranslation/score"
LOWEST, HIGHEST = 1.0, 5.0

ScoreStatus = Literal["ok", "out_of_scale", "unparsed", "failed"]


class PairScore(BaseModel):
    """What the judge is asked to say."""

    model_config = ConfigDict(extra="forbid", title="pair_score")

    rationale: str
    # Strict: "4", true and "four" are no numbers, and are asked for again.
    score: Annotated[float, Field(strict=True)]


@dataclass(frozen=True)
class Scores:
    """The draws of one pair, in their order. A draw that gave no score on the scale is null."""

    scores: tuple[float | None, ...]
    statuses: tuple[ScoreStatus, ...]

    @property
    def mean(self) -> float | None:
        """The mean of the draws that gave a score; null unless more than half of them did."""
        known = [score for score in self.scores if score is not None]
        return sum(known) / len(known) if 2 * len(known) > len(self.scores) else None


def score_request(
    instruction: str, answer: str, *, judge: str, sampling: dict[str, Any], draw: int
) -> Request:
    text = load_template(SCORE).render(
        instruction=quote("instruction", instruction), answer=quote("answer", answer)
    )
    return Request(judge, (user(text),), sampling, sample_index=draw)


def read_score(reply: StructuredReply[PairScore]) -> tuple[float | None, ScoreStatus]:
    """A number outside of the scale is no score, and is not moved into it."""
    if reply.value is None:
        return None, "failed" if reply.status == "failed" else "unparsed"
    score = reply.value.score
    return (score, "ok") if LOWEST <= score <= HIGHEST else (None, "out_of_scale")
