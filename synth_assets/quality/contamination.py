"""Training and evaluation texts in, which training texts overlap an evaluation text out.

Tülu 3's rule (Lambert et al. 2024), exact: a token of an evaluation text is covered if it lies
inside an n-gram that the training text shares; the pair overlaps if the share of covered tokens
exceeds a limit. An evaluation text shorter than n tokens has no n-gram; there, and only there, a
training text of the very same tokens overlaps, for a verbatim copy must not pass.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from synth_assets.quality.tokens import UNSPACED

_SEPARATORS = re.compile(
    r'[ \n\\,.?!:;()"\-'
    "\u00a0\u00a1\u00ab\u00bb\u00bf"  # ¡ « » ¿
    "\u060c\u061b\u061f\u06d4\u0964"  # Arabic and Indian marks
    "\u3000-\u3002\u300c-\u300f\uff01\uff08\uff09\uff0c\uff0e\uff1a\uff1b\uff1f]+"
)
"""The published separators, and the marks that stand for them in other scripts."""

_UNSPACED_OR_RUN = re.compile(rf"[{UNSPACED}]|[^{UNSPACED}]+")

NGRAM = 8
SHARE = 0.5


def contamination_tokens(text: str) -> tuple[str, ...]:
    """Lower-cased, split on space, newline, backslash and ``, . ? ! : ; ( ) " -``.

    In scripts without spaces each character is a token: a Japanese sentence as one token could only
    overlap where all of it is the same. Texts in ASCII are split exactly as published.
    """
    words = [word for word in _SEPARATORS.split(_composed(text).lower()) if word]
    if text.isascii():
        return tuple(words)
    return tuple(token for word in words for token in _UNSPACED_OR_RUN.findall(word))


def _composed(text: str) -> str:
    """é as one letter, whichever way it is written."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class EvaluationIndex:
    """All n-grams of the evaluation texts, in memory; nothing is sampled."""

    def __init__(self, evaluation: Iterable[str], ngram: int = NGRAM) -> None:
        self._ngram = ngram
        self._places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        self._lengths: list[int] = []
        self._short: set[tuple[str, ...]] = set()
        for text in dict.fromkeys(evaluation):
            self._add(contamination_tokens(text))

    def _add(self, tokens: tuple[str, ...]) -> None:
        if len(tokens) < self._ngram:
            if tokens:
                self._short.add(tokens)
            return
        for start in range(len(tokens) - self._ngram + 1):
            gram = tokens[start : start + self._ngram]
            self._places[gram].append((len(self._lengths), start))
        self._lengths.append(len(tokens))

    def score(self, text: str) -> Fraction:
        """The largest share of an evaluation text's tokens that ``text`` covers."""
        tokens = contamination_tokens(text)
        if tokens in self._short:
            return Fraction(1)
        grams = {
            tokens[start : start + self._ngram] for start in range(len(tokens) - self._ngram + 1)
        }
        covered: dict[int, set[int]] = defaultdict(set)
        for gram in grams:
            for row, start in self._places.get(gram, ()):
                covered[row].update(range(start, start + self._ngram))
        return max(
            (Fraction(len(places), self._lengths[row]) for row, places in covered.items()),
            default=Fraction(0),
        )


def contaminated(
    training: Sequence[str],
    evaluation: Iterable[str],
    ngram: int = NGRAM,
    share: float = SHARE,
) -> list[bool]:
    """For each training text: does it cover more than ``share`` of an evaluation text?"""
    index = EvaluationIndex(evaluation, ngram)
    limit = Fraction(str(share))
    return [index.score(text) > limit for text in training]
