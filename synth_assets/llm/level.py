"""How calls to one endpoint ended in; how many may be in flight at once out (AIMD).

The level begins at its ceiling. It is halved when a good part of the answers within about one
round trip say that the endpoint is asked too much, at most once a round trip, and grows by a
step with each round trip that went well. A few refusals change nothing: those requests wait on
their own.

Latency counts too. When calls take several times what they took at best, while no more of them
get through, the endpoint queues them: then the level is lowered for a round trip as a trial, and
stays so if as many get through as before; if fewer do, the calls are merely longer now, and the
level returns. Known limit: an endpoint that queues from the first call on shows no better time.
"""

from __future__ import annotations

from statistics import median

OVERLOADED_SHARE = 0.25
FEWEST_OVERLOADS = 3
FEWEST_ANSWERS = 12
"""A round trip counts at least so many answers: chance rules fewer."""

STEPS = 20
"""Round trips from the floor to the ceiling."""

SLOWER = 3.0
"""Calls that take so many times the best time make the level doubt itself."""

QUICK_S = 0.02
"""Calls shorter than this say more about this machine than about the endpoint."""

TRIAL = 0.75
AS_MANY = 0.95


class Level:
    """How many calls one endpoint may have in flight. Times are seconds of a monotonic clock."""

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.now = ceiling
        self.paused_until = 0.0
        self._best_s: float | None = None
        self._doubted: int | None = None
        self._most_per_s = 0.0
        self._lowered_at = 0.0
        self._begin(0.0)

    def _begin(self, at: float) -> None:
        self._began_at = at
        self._overloads = 0
        self._others = 0
        self._latencies: list[float] = []
        self._was_full = False

    @property
    def _size(self) -> int:
        return max(FEWEST_ANSWERS, self.now)

    def answered(self, sent_at: float, now: float, *, is_full: bool) -> None:
        """A call succeeded. ``is_full``: as many were in flight as may be."""
        if sent_at < self._lowered_at:
            return  # sent when more were in flight
        self._latencies.append(now - sent_at)
        self._was_full = self._was_full or is_full
        if len(self._latencies) + self._overloads + self._others >= self._size:
            self._went_well(now)

    def failed(self, sent_at: float) -> None:
        """A call ended in an error that says nothing about too many calls."""
        if sent_at >= self._lowered_at:
            self._others += 1

    def overloaded(self, sent_at: float, now: float, retry_after_s: float | None) -> None:
        """The endpoint says that it is asked too much. When that is what it says to many, all
        wait as long as it asks, and fewer go out from then on."""
        if sent_at < self._lowered_at:
            if self.paused_until > now:  # the same refusal, told once more
                self._pause(now, retry_after_s)
            return
        self._overloads += 1
        most = max(FEWEST_OVERLOADS, OVERLOADED_SHARE * self._size)
        if self._overloads < most:
            return
        self.now = max(1, self.now // 2)
        self._lowered_at = now
        self._doubted = None
        self._pause(now, retry_after_s)
        self._begin(now)

    def _pause(self, now: float, retry_after_s: float | None) -> None:
        if retry_after_s is not None:
            self.paused_until = max(self.paused_until, now + retry_after_s)

    def _went_well(self, now: float) -> None:
        latency_s = median(self._latencies)
        per_s = len(self._latencies) / max(1e-9, now - self._began_at)
        was_full = self._was_full
        self._begin(now)
        if self._best_s is None:
            self._best_s = latency_s
            return  # the first round trip also holds what connecting took
        self._best_s = min(self._best_s, latency_s)
        if self._doubted is not None:
            self._judge_trial(self._doubted, latency_s, per_s, now)
        elif was_full and self.now > 1 and latency_s > max(QUICK_S, SLOWER * self._best_s):
            self._doubted = self.now
            self._most_per_s = max(self._most_per_s, per_s)
            self.now = max(1, int(self.now * TRIAL))
            self._lowered_at = now
        elif was_full and self.now < self.ceiling:
            self.now = min(self.ceiling, self.now + max(1, self.ceiling // STEPS))

    def _judge_trial(self, before: int, latency_s: float, per_s: float, now: float) -> None:
        self._doubted = None
        if per_s < AS_MANY * self._most_per_s:
            self.now = before
            self._best_s = latency_s  # calls are longer now: that is their best time
            self._most_per_s = 0.0
            self._lowered_at = now
