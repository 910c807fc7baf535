"""A judge's verdicts on pairs in, how far they hang on place, length and kinship out.

Every measure is a share with the interval of a seeded bootstrap over prompts (pairs of one prompt
stand or fall together). None of them knows which side was right: a judge who prefers the longer
may do so because the longer is better, so a share tells how much to look, not how much to mend.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy

from synth_assets.identity import content_hash

Verdict = Literal["first", "second", "tie"]
"""Of one reply: the side shown first or second, or neither."""

RESAMPLES = 2_000
LEVEL = 0.95


@dataclass(frozen=True)
class PairVerdicts:
    """What one judge said of a pair (a, b) in both orders.

    ab, ba: the verdict where a, and where b, was shown first; None where it could not be read.
    length_a, length_b: characters. kin: the side whose model is of the judge's family; None where
        neither is, or both are.
    """

    prompt_id: str
    judge: str
    ab: Verdict | None
    ba: Verdict | None
    length_a: int
    length_b: int
    kin: Literal["a", "b"] | None = None

    @property
    def is_consistent(self) -> bool | None:
        """Does the verdict survive the swap? None where one of them could not be read."""
        if self.ab is None or self.ba is None:
            return None
        return (self.ab, self.ba) in (("first", "second"), ("second", "first"), ("tie", "tie"))

    @property
    def winner(self) -> Literal["a", "b"] | None:
        """The side that wins in both orders; None for a tie, a disagreement, an unread verdict."""
        if not self.is_consistent or self.ab == "tie":
            return None
        return "a" if self.ab == "first" else "b"


@dataclass(frozen=True)
class MeasuredShare:
    """``share`` of ``count``, with the bounds of its interval; all null where there is nothing to
    count."""

    share: float | None
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class JudgeBias:
    """judge, and of the pairs that it judged in both orders:

    consistent: whose verdict survives the swap (65 % for GPT-4 in Zheng et al. 2023, table 2).
    first_place: of the verdicts that name a side, those that name the one shown first; half where
        places do not matter.
    longer: of the pairs won by sides of unequal length, those won by the longer.
    kin: of the pairs won where one side is of the judge's family, those won by that side.
    unread: pairs left out, for a verdict could not be read.
    """

    judge: str
    consistent: MeasuredShare
    first_place: MeasuredShare
    longer: MeasuredShare
    kin: MeasuredShare
    unread: int


def measure_judges(pairs: Iterable[PairVerdicts]) -> list[JudgeBias]:
    """One measure for each judge, in the order of their names. The order of pairs is no matter."""
    by_judge: dict[str, list[PairVerdicts]] = defaultdict(list)
    for pair in pairs:
        by_judge[pair.judge].append(pair)
    return [_measure(judge, by_judge[judge]) for judge in sorted(by_judge)]


def _measure(judge: str, pairs: Sequence[PairVerdicts]) -> JudgeBias:
    read = [pair for pair in pairs if pair.is_consistent is not None]
    won = [pair for pair in read if pair.winner is not None]
    uneven = [pair for pair in won if pair.length_a != pair.length_b]
    named = [
        (pair.prompt_id, said == "first")
        for pair in read
        for said in (pair.ab, pair.ba)
        if said != "tie"
    ]
    return JudgeBias(
        judge=judge,
        consistent=measure_share(
            [(pair.prompt_id, bool(pair.is_consistent)) for pair in read], judge, "consistent"
        ),
        first_place=measure_share(named, judge, "first_place"),
        longer=measure_share(
            [
                (pair.prompt_id, (pair.winner == "a") == (pair.length_a > pair.length_b))
                for pair in uneven
            ],
            judge,
            "longer",
        ),
        kin=measure_share(
            [(pair.prompt_id, pair.winner == pair.kin) for pair in won if pair.kin], judge, "kin"
        ),
        unread=len(pairs) - len(read),
    )


def measure_share(cases: Sequence[tuple[str, bool]], *seed: str) -> MeasuredShare:
    """The share of cases that hold, each with the prompt that it belongs to.

    The interval is the percentile bootstrap over prompts: their numbers of cases and of those that
    hold are drawn again with replacement. Prompts of equal numbers are alike, so that a million of
    them cost no more than a hundred. Where all cases hold, or none, it has no width.
    """
    if not cases:
        return MeasuredShare(None, None, None, 0)
    of_prompt: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for prompt_id, holds in cases:
        of_prompt[prompt_id][0] += 1
        of_prompt[prompt_id][1] += holds
    alike = sorted(Counter((count, holding) for count, holding in of_prompt.values()).items())
    numbers = numpy.array([key for key, _ in alike], dtype=numpy.float64)
    weights = numpy.array([times for _, times in alike], dtype=numpy.float64)
    source = numpy.random.Generator(numpy.random.PCG64(int(content_hash("bias", seed)[:16], 16)))
    draws = source.multinomial(len(of_prompt), weights / weights.sum(), size=RESAMPLES)
    sums = draws @ numbers
    low, high = numpy.quantile(sums[:, 1] / sums[:, 0], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    share = sum(holds for _, holds in cases) / len(cases)
    return MeasuredShare(share, float(low), float(high), len(cases))
