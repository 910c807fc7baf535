"""Texts in, vectors whose cosine says how alike they are out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol
from zlib import crc32

import numpy

from synth_assets.quality.tokens import tokenize


class Embedder(Protocol):
    """Gives one row of length 1 a text; all zeros for a text without words."""

    def embed(self, texts: Sequence[str]) -> numpy.ndarray: ...


@dataclass(frozen=True)
class HashedWords:
    """Words and pairs of words, weighed by how rare they are among these texts (TF-IDF), hashed
    into ``dimensions`` places with a sign (Weinberger et al. 2009). It sees wording, not meaning.
    """

    dimensions: int = 1024

    def embed(self, texts: Sequence[str]) -> numpy.ndarray:
        counted = [_terms(text) for text in texts]
        texts_with: Counter[str] = Counter()
        for terms in counted:
            texts_with.update(terms.keys())
        vectors = numpy.zeros((len(texts), self.dimensions))
        for row, terms in enumerate(counted):
            for term, count in sorted(terms.items()):
                rarity = 1 + math.log((1 + len(texts)) / (1 + texts_with[term]))
                hashed = crc32(term.encode("utf-8", "surrogatepass"))
                sign = 1 if hashed & 1 else -1
                vectors[row, (hashed >> 1) % self.dimensions] += (
                    sign * (1 + math.log(count)) * rarity
                )
        lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
        return numpy.divide(vectors, lengths, out=vectors, where=lengths > 0)


def _terms(text: str) -> Counter[str]:
    words = tokenize(text)
    return Counter([*words, *(f"{one} {other}" for one, other in pairwise(words))])
