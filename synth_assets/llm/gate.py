"""How calls to one endpoint went in; whether, and how many at once, it may be asked now out: its
level, its limits per minute and its breaker together."""

from __future__ import annotations

from synth_assets.errors import CallError, RejectedCallError
from synth_assets.llm.breaker import AWAY_KINDS, Breaker, Patience
from synth_assets.llm.level import Level
from synth_assets.llm.limits import Load, Quotas, RateLimits
from synth_assets.llm.pending import Pending
from synth_assets.llm.replies import RawReply
from synth_assets.llm.retries import is_overload
from synth_assets.llm.tokens import count_tokens, most_output_tokens
from synth_assets.recipe_model import Model

USUAL_OUTPUT_TOKENS = 512
"""Estimate of a reply's length until the first replies are here."""

LEARNING = 0.05
"""How much the newest reply's length counts in the estimate."""

TEMPLATE_TOKENS = 4
"""What a chat template adds to a message, for the estimate."""


class Gate:
    """Times are seconds of a monotonic clock."""

    def __init__(self, model: Model, patience: Patience, now: float) -> None:
        self.level = Level(model.max_concurrency)
        self._quotas = Quotas(model, now)
        self._breaker = Breaker(patience)
        self._usual_output = float(USUAL_OUTPUT_TOKENS)

    @property
    def allowed(self) -> int:
        """How many calls may be in flight at once."""
        return 1 if self._breaker.is_away else self.level.now

    @property
    def is_away(self) -> bool:
        """The endpoint does not answer, and one call at a time looks whether it is back."""
        return self._breaker.is_away

    def wait_s(self, pending: Pending, now: float) -> float:
        """Seconds until ``pending`` may be sent; 0 or less where it may at once."""
        wait_s = self.level.paused_until - now
        if self._breaker.is_away:
            wait_s = max(wait_s, self._breaker.look_wait_s(now))
        if self._quotas.are_any:
            if pending.load is None:
                pending.load = self._estimate(pending)
            wait_s = max(wait_s, self._quotas.wait_s(pending.load, now))
        return wait_s

    def send(self, pending: Pending, now: float) -> None:
        """``pending`` goes out now: what it may weigh is reserved."""
        if pending.load is not None:
            pending.marks = self._quotas.take(pending.load, now)

    def answered(
        self, pending: Pending, reply: RawReply, sent_at: float, now: float, in_flight: int
    ) -> None:
        """A reply: what was reserved is settled."""
        self._breaker.answered()
        self.level.answered(sent_at, now, is_full=in_flight >= self.level.now)
        self._told(pending, reply.limits, now)
        if pending.load is not None and reply.output_tokens is not None:
            self._usual_output += LEARNING * (reply.output_tokens - self._usual_output)
            inputs = pending.load.input_tokens if reply.input_tokens is None else reply.input_tokens
            self._quotas.settle(pending.load, Load(inputs, reply.output_tokens), now)

    def failed(self, pending: Pending, error: CallError, sent_at: float, now: float) -> None:
        """An error. A refusal for any reason is an answer: the endpoint is there."""
        self._told(pending, error.limits, now)
        if is_overload(error):
            self.level.overloaded(sent_at, now, error.retry_after_s)
        else:
            self.level.failed(sent_at)
        is_absence = error.kind in AWAY_KINDS and not is_overload(error)
        if is_absence and not isinstance(error, RejectedCallError):
            self._breaker.failed(now)
        else:
            self._breaker.answered()

    def overran(self, sent_at: float) -> None:
        """A call was given up at its deadline."""
        self.level.failed(sent_at)

    def away_s(self, now: float) -> float | None:
        """How long the endpoint has been away, where that is longer than the patience."""
        return self._breaker.away_s(now)

    def _told(self, pending: Pending, limits: RateLimits | None, now: float) -> None:
        if limits is not None:
            self._quotas.told(limits, pending.marks or {}, now)

    def _estimate(self, pending: Pending) -> Load:
        messages = pending.request.messages
        inputs = sum(count_tokens(turn["content"]) + TEMPLATE_TOKENS for turn in messages)
        most = most_output_tokens(pending.request)
        return Load(inputs, min(most, int(self._usual_output) + 1))
