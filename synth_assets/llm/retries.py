"""An error that may pass in; how long to wait before the next try, or that there is none, out."""

from __future__ import annotations

import random
from dataclasses import dataclass

from synth_assets.errors import CallError

FIRST_WAIT = {"rate_limit": 2.0, "server": 1.0, "connection": 1.0, "timeout": 0.5}
"""The first wait of each kind of error, as a multiple of ``Backoff.first_s``: an endpoint that
is too busy needs longer than a body that was cut off by chance (0.2)."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the n-th retry: a random time up to the kind's first wait doubled n
    times and at most ``most_s`` (full jitter keeps those who failed together from returning
    together).

    An endpoint's own Retry-After holds instead, plus up to a twentieth and a second at most;
    where it asks for more than ``longest_s`` the call is given up, and the next run asks again.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    longest_s: float = 300.0

    def wait_s(self, retry: int, asked_for_s: float | None, kind: str = "server") -> float | None:
        """Seconds before retry number ``retry`` (from 0); None where it is not worth waiting."""
        if asked_for_s is None:
            first_s = self.first_s * FIRST_WAIT.get(kind, 0.2)
            return random.uniform(0, min(self.most_s, first_s * 2.0**retry))
        if asked_for_s > self.longest_s:
            return None
        return asked_for_s + random.uniform(0, min(1.0, 0.05 * asked_for_s))


def most_retries(kind: str, max_retries: int) -> int:
    """How often a request may be tried again after errors of ``kind``; kinds count apart. After
    a rate limit as often as the square: an endpoint that is busy will not stay so, and whoever
    comes back too early loses a try without a fault of the request's."""
    return max_retries**2 if kind == "rate_limit" else max_retries


def is_overload(error: CallError) -> bool:
    """True where the endpoint says that it is asked too much: 429, or 503 with a Retry-After."""
    return error.kind == "rate_limit" or (
        error.kind == "server" and error.retry_after_s is not None
    )
