"""Calls in, running totals out: what a stage reports while it runs and when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from synth_assets.llm.call_store import StoredCall


@dataclass
class CallStats:
    """made: calls sent and answered or failed; each is a row of the store. cached: replies that
    were known, or shared with an equal request. failed: how many of those made failed. Tokens
    and money are those of the calls made; a call of unknown price counts in
    ``calls_without_price`` and adds nothing to ``cost_usd``."""

    made: int = 0
    cached: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    calls_without_price: int = 0

    def add(self, call: StoredCall) -> None:
        """Counts one call made."""
        self.made += 1
        self.failed += call.status == "failed"
        self.input_tokens += call.input_tokens or 0
        self.output_tokens += call.output_tokens or 0
        self.cost_usd += call.cost_usd or 0.0
        self.calls_without_price += call.cost_usd is None and call.status != "failed"

    def __add__(self, other: CallStats) -> CallStats:
        """The totals of both."""
        return CallStats(
            *(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__)
        )
