"""Calls in, running totals out: what a stage reports while it runs and when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass, field

from synth_assets.llm.call_store import StoredCall


@dataclass
class CallStats:
    """made: calls sent and answered or failed; each is a row of the store. cached: replies that
    were known, or shared with an equal request. failed: how many of those made failed. Tokens
    and money are those of the calls made; a call of unknown price counts in
    ``calls_without_price`` and adds nothing to ``cost_usd``.

    For a live view: asked: requests taken so far. total: how many there will be of all that is
    asked until now (of several steps, each is asked when the one before it is done), None where
    nobody knows. most: with the steps that are still to come, at most; None where that is not told.
    is_whole: no further step comes. in_flight: calls on their way now. retries: tries beyond the
    first. seconds: how long calls were awaited. levels: how many calls each model may have in
    flight now.
    """

    made: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    calls_without_price: int = 0
    asked: int = 0
    total: int | None = 0
    most: int | None = None
    is_whole: bool = False
    in_flight: int = 0
    retries: int = 0
    seconds: float = 0.0
    levels: dict[str, int] = field(default_factory=dict)

    def add(self, call: StoredCall) -> None:
        """Counts one call made."""
        self.made += 1
        self.failed += call.status == "failed"
        self.input_tokens += call.input_tokens or 0
        self.output_tokens += call.output_tokens or 0
        self.cost_usd += call.cost_usd or 0.0
        self.calls_without_price += call.cost_usd is None and call.status != "failed"

    def expect_of(self, requests: Iterable[object]) -> None:
        """These will be asked: so many as is their length, where they have one. Where they are the
        first of several steps, they may say how many there are in all (``in_all``)."""
        before = self.total
        self.expect(len(requests) if isinstance(requests, Sized) else None)
        in_all = getattr(requests, "in_all", None)
        if in_all is not None and before is not None:
            self.most = before + in_all

    def expect(self, requests: int | None) -> None:
        """So many further requests will be asked, or fewer where negative; None where nobody
        knows."""
        self.total = None if requests is None or self.total is None else self.total + requests

    @property
    def answered(self) -> int:
        """Requests that have a reply."""
        return self.made + self.cached

    @property
    def in_all(self) -> int | None:
        """What is asked until now and what is still to come, at most; None where the total is not
        known. Before the end it never falls, and grows only where more is asked than was told."""
        if self.total is None or self.most is None or self.is_whole:
            return self.total
        return max(self.total, self.most)

    @property
    def may_be_fewer(self) -> bool:
        """Are there steps to come, which what is asked now decides?"""
        return self.in_all != self.total

    @property
    def calls_per_second(self) -> float | None:
        """Calls made in a second; None before the first."""
        return self.made / self.seconds if self.made and self.seconds else None

    @property
    def calls_left(self) -> float | None:
        """Estimate of the calls still to be made: of the requests left (at most, of several steps),
        as many as until now were not known. None where the total or that share is not known."""
        if self.in_all is None or not self.answered:
            return None
        return max(0, self.in_all - self.answered) * self.made / self.answered

    @property
    def projected_cost_usd(self) -> float | None:
        """Estimate of the money in the end, for ``in_all``; None where it cannot be told, as
        with a price that is not known."""
        left = self.calls_left
        if left is None or self.calls_without_price:
            return None
        return self.cost_usd + (left * self.cost_usd / self.made if self.made else 0.0)

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time until the last reply of ``in_all``; None where it cannot be
        told."""
        left, rate = self.calls_left, self.calls_per_second
        if left == 0:
            return 0.0
        return None if left is None or not rate else left / rate

    def __add__(self, other: CallStats) -> CallStats:
        """The totals of both, and the newer levels; what is still to come is no part of a sum."""
        sums = {
            name: getattr(self, name) + getattr(other, name)
            for name in self.__dataclass_fields__
            if name not in ("total", "most", "is_whole", "levels")
        }
        is_open = self.total is None or other.total is None
        total = None if is_open else (self.total or 0) + (other.total or 0)
        return CallStats(**sums, total=total, levels={**self.levels, **other.levels})
