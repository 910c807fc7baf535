"""Texts in, how varied their wording is out."""

from __future__ import annotations

from collections.abc import Iterable

from synth_assets.quality.tokens import tokenize


def distinct_n(texts: Iterable[str], n: int) -> float | None:
    """Different n-grams over all n-grams (Li et al. 2016), from near 0 (all the same) to 1.

    None where no text has ``n`` tokens: there is nothing to measure, which is not zero.
    """
    total = 0
    different: set[tuple[str, ...]] = set()
    for text in texts:
        tokens = tokenize(text)
        grams = [tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]
        total += len(grams)
        different.update(grams)
    return len(different) / total if total else None
