"""What an endpoint allows in a minute, declared or as its own headers say, in; how long the next
request has to wait out.

A bucket reserves an estimate when a request is sent and is settled with the truth when its reply
is here. Declared limits are kept in any 60 seconds: what may go out at once (a twelfth of a
minute's) and what flows in afterwards add up to the limit. Limits that headers tell are taken as
they were when the endpoint counted: what was sent since then is subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass

from synth_assets.recipe_model import Model

MINUTE_S = 60.0
BURST_S = 5.0
"""How many seconds' worth of a minute's limit may go out at once."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit as headers tell it: ``x-ratelimit-limit-requests``, ``…-remaining-…``,
    ``…-reset-…`` (in seconds from now); None for what they do not say."""

    limit: float | None = None
    remaining: float | None = None
    reset_s: float | None = None


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the headers of one answer say about its endpoint's limits. A transport fills it in;
    None for what they do not say. ``tokens`` counts input and output together."""

    requests: Allowance | None = None
    tokens: Allowance | None = None
    input_tokens: Allowance | None = None
    output_tokens: Allowance | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What one request weighs on each limit; an estimate before it is answered."""

    input_tokens: int
    output_tokens: int

    def on(self, name: str) -> int:
        if name == "requests":
            return 1
        if name == "tokens":
            return self.input_tokens + self.output_tokens
        return self.input_tokens if name == "input_tokens" else self.output_tokens


class Declared:
    """A limit per minute from the recipe, as a bucket that fills evenly."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.capacity = max(1.0, per_minute * BURST_S / MINUTE_S)
        self.per_s = max(per_minute - self.capacity, per_minute * 0.5) / MINUTE_S
        self._left, self._at = self.capacity, now

    def wait_s(self, need: float, now: float) -> float:
        """Seconds until ``need`` is there; a need over the bucket's size waits for a full one."""
        lack = min(need, self.capacity) - self._fill(now)
        return lack / self.per_s if lack > 1e-9 else 0.0

    def take(self, need: float, now: float) -> None:
        """What is taken beyond the bucket's size is owed, and waited for by those that follow."""
        self._fill(now)
        self._left -= need

    def _fill(self, now: float) -> float:
        self._left = min(self.capacity, self._left + (now - self._at) * self.per_s)
        self._at = now
        return self._left


class Discovered:
    """A limit that headers tell: what was left when the endpoint said so, less what was sent
    since, plus what has flown in since."""

    def __init__(self) -> None:
        self._sent = 0.0
        self._left: float | None = None
        self._at = self._until = self._per_s = 0.0

    @property
    def mark(self) -> float:
        """How much was sent so far: to be given back with the answer to what is sent now."""
        return self._sent

    def wait_s(self, need: float, now: float) -> float:
        if self._left is None or now >= self._until:
            return 0.0
        lack = need - (self._left + (now - self._at) * self._per_s)
        if lack <= 0:
            return 0.0
        rest = self._until - now
        return min(rest, lack / self._per_s) if self._per_s else rest

    def take(self, need: float, now: float) -> None:
        self._sent += need
        if self._left is not None:
            self._left -= need

    def settle(self, surplus: float) -> None:
        """``surplus`` of what was taken was not used."""
        self._sent -= surplus
        if self._left is not None:
            self._left += surplus

    def told(self, said: Allowance, mark: float, now: float) -> None:
        """The headers of the answer to a request that was sent at ``mark``. Whether those sent
        since were counted there nobody knows: they are taken as not counted."""
        if said.remaining is None:
            return
        reset_s = MINUTE_S if said.reset_s is None else said.reset_s
        used = 0.0 if said.limit is None else said.limit - said.remaining
        self._left = said.remaining - (self._sent - mark)
        self._at, self._until = now, now + reset_s
        self._per_s = used / reset_s if reset_s > 0 else 0.0


class Quotas:
    """All limits of one model's endpoint."""

    def __init__(self, model: Model, now: float) -> None:
        declared = {
            "requests": model.requests_per_minute,
            "tokens": model.tokens_per_minute,
            "input_tokens": model.input_tokens_per_minute,
            "output_tokens": model.output_tokens_per_minute,
        }
        self._declared = {
            name: Declared(value, now) for name, value in declared.items() if value is not None
        }
        self._discovered: dict[str, Discovered] = {}
        self.are_any = bool(self._declared)
        """False while nothing is known: then nothing has to be estimated."""

    def wait_s(self, load: Load, now: float) -> float:
        """Seconds until ``load`` may be sent; 0 where at once."""
        waits = [bucket.wait_s(load.on(name), now) for name, bucket in self._declared.items()]
        waits += [bucket.wait_s(load.on(name), now) for name, bucket in self._discovered.items()]
        return max(waits, default=0.0)

    def take(self, load: Load, now: float) -> dict[str, float]:
        """Reserves ``load``; gives the marks to hand to `told` with the answer."""
        for name, bucket in self._declared.items():
            bucket.take(load.on(name), now)
        for name, bucket in self._discovered.items():
            bucket.take(load.on(name), now)
        return {name: bucket.mark for name, bucket in self._discovered.items()}

    def settle(self, reserved: Load, truth: Load, now: float) -> None:
        """Puts what a request really weighed in the place of what was reserved for it."""
        for name, bucket in self._declared.items():
            bucket.take(truth.on(name) - reserved.on(name), now)
        for name, bucket in self._discovered.items():
            bucket.settle(reserved.on(name) - truth.on(name))

    def told(self, said: RateLimits, marks: dict[str, float], now: float) -> None:
        """Headers of an answer."""
        for name in ("requests", "tokens", "input_tokens", "output_tokens"):
            allowance: Allowance | None = getattr(said, name)
            if allowance is None:
                continue
            bucket = self._discovered.get(name)
            if bucket is None:
                bucket = self._discovered[name] = Discovered()
                self.are_any = True
            bucket.told(allowance, marks.get(name, 0.0), now)
