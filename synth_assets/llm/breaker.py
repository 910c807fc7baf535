"""How calls to one endpoint ended in; whether it is there at all out.

After some failures in a row, with no success between, the endpoint counts as away: one call at a
time looks whether it is back, and the others wait without using up their tries. One success ends
that. An endpoint that stays away longer than the patience stops the run.
"""

from __future__ import annotations

from dataclasses import dataclass

AWAY_KINDS = frozenset({"connection", "server", "timeout"})
"""Kinds of error that an endpoint which is down shows."""


@dataclass(frozen=True, slots=True)
class Patience:
    """after: failures in a row that make an endpoint count as away. most_s: how long it may be
    away. first_s, longest_s: the time between two looks, doubled each time."""

    after: int = 10
    most_s: float = 30.0
    first_s: float = 0.25
    longest_s: float = 4.0


class Breaker:
    """What is known about one endpoint. Times are seconds of a monotonic clock."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._in_a_row = 0
        self._looks = 0
        self._since: float | None = None
        self._next_look = 0.0

    @property
    def is_away(self) -> bool:
        return self._in_a_row >= self._patience.after

    def answered(self) -> None:
        """The endpoint is there: it answered, be it with a refusal."""
        self._in_a_row = self._looks = 0
        self._since = None

    def failed(self, now: float) -> None:
        """A call failed in a way that a missing endpoint shows."""
        self._in_a_row += 1
        if self.is_away:
            self._since = now if self._since is None else self._since
            wait_s = min(self._patience.longest_s, self._patience.first_s * 2.0**self._looks)
            self._looks += 1
            self._next_look = now + wait_s

    def look_wait_s(self, now: float) -> float:
        """Seconds until the next look is due, while the endpoint is away."""
        return max(0.0, self._next_look - now)

    def away_s(self, now: float) -> float | None:
        """How long it has been away, where that is longer than the patience; else None."""
        if not self.is_away or self._since is None:
            return None
        away_s = now - self._since
        return away_s if away_s > self._patience.most_s else None
