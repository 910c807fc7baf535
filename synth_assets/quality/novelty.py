"""Texts in, how near each is to the earlier ones by ROUGE-L F1, and whether it is too near, out.

ROUGE-L F1 of two token lists is 2·LCS / (m + n). Tokens are mapped to characters, so that one
native call compares a text with all earlier ones. Whether a score exceeds the threshold is decided
in integers: a pair at exactly 0.7 must not be rejected because 0.7 has no exact binary form.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from synth_assets.quality.tokens import Tokenizer, tokenize

_FIRST_SURROGATE, _SURROGATES = 0xD800, 0x800
_BLOCK = 64


@dataclass(frozen=True)
class Neighbour:
    """An earlier text and its ROUGE-L F1 to the one asked about."""

    id: str
    score: float


@dataclass(frozen=True)
class Comparison:
    """A text against all earlier ones: its nearest, nearest first, and the decision."""

    nearest: tuple[Neighbour, ...]
    is_similar: bool


class NoveltyIndex:
    """The texts accepted so far. `add` what is accepted, `compare` what is new."""

    def __init__(self, tokenizer: Tokenizer = "unicode") -> None:
        self._tokenizer: Tokenizer = tokenizer
        self._characters: dict[str, str] = {}
        self._ids: list[str] = []
        self._texts: list[str] = []
        self._lengths = array("q")

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id: str, text: str) -> None:
        """Makes ``text`` one of the earlier texts."""
        self._append(id, self._encode(text))

    def nearest(self, text: str, k: int) -> tuple[Neighbour, ...]:
        """The ``k`` nearest earlier texts, nearest first, ties in the order of their ids."""
        return self.compare(text, threshold=1.0, k=k).nearest

    def compare(self, text: str, *, threshold: float, k: int) -> Comparison:
        """Scores ``text`` against every earlier one; similar means a score above ``threshold``."""
        query = self._encode(text)
        return self._judge(len(query), _common([query], self._texts)[0], threshold, k)

    def accept(
        self, texts: Sequence[tuple[str, str]], *, threshold: float, k: int
    ) -> list[Comparison]:
        """Compares each (id, text) in order with all before it and adds those that are not
        similar. The same as one `compare` and `add` after another, with fewer native calls."""
        queries = [self._encode(text) for _, text in texts]
        with_earlier = _common(queries, self._texts)
        with_each_other = _common(queries, queries)
        accepted: list[int] = []
        comparisons: list[Comparison] = []
        for place, (id, _) in enumerate(texts):
            common = numpy.concatenate([with_earlier[place], with_each_other[place][accepted]])
            comparison = self._judge(len(queries[place]), common, threshold, k)
            comparisons.append(comparison)
            if not comparison.is_similar:
                accepted.append(place)
                self._append(id, queries[place])
        return comparisons

    def _append(self, id: str, encoded: str) -> None:
        self._ids.append(id)
        self._texts.append(encoded)
        self._lengths.append(len(encoded))

    def _judge(self, length: int, common: numpy.ndarray, threshold: float, k: int) -> Comparison:
        total = numpy.array(self._lengths, dtype=numpy.int64) + length
        limit = Fraction(str(threshold))
        is_similar = bool(numpy.any(2 * common * limit.denominator > limit.numerator * total))
        scores = numpy.divide(2.0 * common, total, out=numpy.zeros(len(total)), where=total > 0)
        return Comparison(self._top(scores, k), is_similar)

    def _top(self, scores: numpy.ndarray, k: int) -> tuple[Neighbour, ...]:
        k = min(k, len(scores))
        if k == 0:
            return ()
        # All that tie with the k-th, so that ids and not positions decide among them.
        kth = numpy.partition(scores, len(scores) - k)[len(scores) - k]
        candidates = [
            Neighbour(self._ids[place], float(scores[place]))
            for place in numpy.flatnonzero(scores >= kth)
        ]
        return tuple(sorted(candidates, key=lambda found: (-found.score, found.id))[:k])

    def _encode(self, text: str) -> str:
        return "".join(map(self._character, tokenize(text, self._tokenizer)))

    def _character(self, token: str) -> str:
        found = self._characters.get(token)
        if found is None:
            point = len(self._characters) + 1
            if point >= _FIRST_SURROGATE:
                point += _SURROGATES
            found = self._characters[token] = chr(point)
        return found


def _common(queries: list[str], texts: list[str]) -> numpy.ndarray:
    """Lengths of the longest common subsequences, one row a query."""
    if not texts:
        return numpy.zeros((len(queries), 0), dtype=numpy.int64)
    return process.cdist(queries, texts, scorer=LCSseq.similarity, dtype=numpy.int64)


def rouge_l(first: str, second: str, tokenizer: Tokenizer = "unicode") -> float:
    """ROUGE-L F1 of two texts; 0 where one has no tokens."""
    index = NoveltyIndex(tokenizer)
    index.add("first", first)
    return index.nearest(second, 1)[0].score


def reject_similar(
    texts: Iterable[tuple[str, str]],
    index: NoveltyIndex,
    *,
    threshold: float,
    keep_nearest: int = 10,
) -> list[Comparison]:
    """Self-Instruct's rule over (id, text) in order: a text whose score to any earlier accepted
    one exceeds ``threshold`` is similar; the others are added to ``index``."""
    comparisons: list[Comparison] = []
    remaining = iter(texts)
    while block := list(islice(remaining, _BLOCK)):
        comparisons.extend(index.accept(block, threshold=threshold, k=keep_nearest))
    return comparisons
