"""A rate a minute in, whether the next request is within it out: a bucket that really runs dry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synth_assets_tests.server.settings import Settings


@dataclass
class Bucket:
    """Holds at most ``burst_s`` seconds of its rate, and at least one."""

    per_minute: float
    burst_s: float
    level: float = 0.0
    filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.most

    @property
    def most(self) -> float:
        return max(1.0, self.per_minute / 60 * self.burst_s)

    def fill(self, now: float) -> None:
        gained = (now - self.filled_at) * self.per_minute / 60
        self.level = min(self.most, self.level + gained)
        self.filled_at = now

    def wait_s(self, amount: float) -> float:
        """Seconds until ``amount`` is there; an amount over all it holds waits for a full one."""
        return max(0.0, (min(amount, self.most) - self.level) * 60 / self.per_minute)


class Limits:
    """The buckets of one server. A request over any of them costs ``penalty`` requests."""

    def __init__(self, settings: Settings, now: float) -> None:
        rates = {
            "requests": settings.requests_per_minute,
            "tokens": settings.tokens_per_minute,
            "input-tokens": settings.input_tokens_per_minute,
            "output-tokens": settings.output_tokens_per_minute,
        }
        self._penalty = settings.penalty
        self._buckets = {
            name: Bucket(rate, settings.burst_s, filled_at=now)
            for name, rate in rates.items()
            if rate is not None
        }

    def take(self, now: float, input_tokens: int, output_tokens: int) -> float:
        """0 where the request is within all limits; else how many seconds it has to wait."""
        needs = {
            "requests": 1,
            "tokens": input_tokens + output_tokens,
            "input-tokens": input_tokens,
            "output-tokens": output_tokens,
        }
        for bucket in self._buckets.values():
            bucket.fill(now)
        wait_s = max(
            (bucket.wait_s(needs[name]) for name, bucket in self._buckets.items()), default=0.0
        )
        for name, bucket in self._buckets.items():
            if wait_s == 0:
                bucket.level -= needs[name]
            elif name == "requests":
                bucket.level -= self._penalty
        return wait_s

    def headers(self, *, of_anthropic: bool = False) -> Mapping[str, str]:
        """The buckets' state in the words of OpenAI, or of Anthropic."""
        shown: dict[str, str] = {}
        for name, bucket in self._buckets.items():
            reset_s = (bucket.most - bucket.level) * 60 / bucket.per_minute
            if of_anthropic:
                shown[f"anthropic-ratelimit-{name}-limit"] = str(round(bucket.per_minute))
                shown[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, int(bucket.level)))
            else:
                shown[f"x-ratelimit-limit-{name}"] = str(round(bucket.per_minute))
                shown[f"x-ratelimit-remaining-{name}"] = str(max(0, int(bucket.level)))
                shown[f"x-ratelimit-reset-{name}"] = f"{reset_s:.3f}s"
        return shown
