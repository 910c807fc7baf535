"""Language models that score texts: texts in, the log-probability of each of their tokens out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ScoredText:
    """The tokens of one text, each with the natural logarithm of its probability after those
    before it.

    starts, ends: where in the text each token stands. logprobs: None where the model cannot tell
    (the first token, for a model that needs one before it). is_truncated: the end of the text was
    too long for the model. problem: why there are no tokens; None where there are. call_id: the
    call that told, where an endpoint was asked.
    """

    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    logprobs: tuple[float | None, ...] = ()
    is_truncated: bool = False
    problem: str | None = None
    call_id: str | None = None


class TokenScorer(Protocol):
    """A text that is longer than the model takes is cut, and says so."""

    def token_logprobs(self, texts: Iterable[str]) -> Iterator[ScoredText]:
        """One scored text for each text, in order. Texts are consumed in batches."""
        ...
