"""Ids in, a few of them drawn at random out, by content: never by position, never by time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from synth_assets.identity import content_hash

_GOLDEN = numpy.uint64(0x9E3779B97F4A7C15)
_FIRST = numpy.uint64(0xBF58476D1CE4E5B9)
_SECOND = numpy.uint64(0x94D049BB133111EB)


class IdPool:
    """Ids to draw from without replacement.

    Each draw ranks all ids by a hash of (id, seed) and takes the first. So an id that leaves the
    pool changes only the draws that held it, and one that joins only the draws it wins: a
    retraction or a new seed does not make every other call a new one.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = sorted(set(ids))
        self._hashes = numpy.array(
            [int(content_hash("draw", id)[:16], 16) for id in self._ids], dtype=numpy.uint64
        )

    def __len__(self) -> int:
        return len(self._ids)

    def draw(self, count: int, *seed: Any) -> list[str]:
        """Up to ``count`` ids, in the order of their rank under ``seed``."""
        count = min(count, len(self._ids))
        if count <= 0:
            return []
        mixed = _mix(self._hashes ^ numpy.uint64(int(content_hash("draw", *seed)[:16], 16)))
        # A stable sort over sorted ids: equal ranks are decided by the id.
        kth = numpy.partition(mixed, count - 1)[count - 1]
        places = numpy.flatnonzero(mixed <= kth)
        ranked = places[numpy.argsort(mixed[places], kind="stable")]
        return [self._ids[place] for place in ranked[:count]]


def _mix(values: numpy.ndarray) -> numpy.ndarray:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014): the same numbers on every machine."""
    mixed = values + _GOLDEN
    mixed = (mixed ^ (mixed >> numpy.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> numpy.uint64(27))) * _SECOND
    return mixed ^ (mixed >> numpy.uint64(31))
