"""One request to one model in; its row, paid for, redacted and journaled, out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from synth_assets.errors import CallError, RejectedCallError
from synth_assets.identity import content_id
from synth_assets.llm.budget import Ledger, Need
from synth_assets.llm.call_store import StoredCall
from synth_assets.llm.journal import Journal
from synth_assets.llm.redaction import Redactor
from synth_assets.llm.replies import RawReply, read_reply, well_formed
from synth_assets.llm.request import ReplyStatus, Request
from synth_assets.llm.retries import Backoff, send_with_retries
from synth_assets.llm.targets import Target
from synth_assets.llm.tokens import most_input_tokens, most_output_tokens

STOPS_THE_RUN = frozenset({"auth", "not_found", "out_of_credit"})
"""Kinds of rejection that every further call would meet too."""

BUDGET_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a call ended, without secrets."""

    raw: str | None
    status: ReplyStatus
    text: str | None
    finish_reason: str | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends for one engine. ``is_stopping`` is asked before each try and each wait."""

    ledger: Ledger
    journal: Journal
    redactor: Redactor
    backoff: Backoff
    asked_for: str
    is_stopping: Callable[[], bool]

    async def send(
        self, target: Target, request: Request, *, key: str, attempt: int
    ) -> StoredCall | None:
        """Reserves, sends, settles, journals; None where the run stopped before it was sent.

        The money is settled before the row is journaled: should the process die between the two,
        the money is gone all the same. Errors: `BudgetExceeded`, `JournalError`, and a
        `RejectedCallError` that stops the run, which leaves no row.
        """
        need = _need(target, request)
        reservation = await self._reserve(need)
        if reservation is None:
            return None
        asked_at, started = datetime.now(UTC).replace(tzinfo=None), time.perf_counter()
        spent: Need | None = None
        try:
            outcome = await self._outcome(target, request)
            cost_usd = _cost_usd(target, outcome)
            spent = _spent(outcome, cost_usd, need)
        finally:
            if spent is None:
                self.ledger.release(reservation)
            else:
                self.ledger.settle(reservation, spent)
        row: dict[str, Any] = {
            "call_id": content_id("call", key, attempt, outcome.raw),
            "key": key,
            "attempt": attempt,
            "provider": target.model.provider,
            "endpoint": target.transport.endpoint(target.model, request),
            "model": target.model.model,
            "asked_for": self.asked_for,
            "request": self.redactor.text(well_formed(request.canonical())),
            "raw_reply": outcome.raw,
            "status": outcome.status,
            "text": outcome.text,
            "finish_reason": outcome.finish_reason,
            "error": outcome.error,
            "input_tokens": outcome.input_tokens,
            "output_tokens": outcome.output_tokens,
            "cost_usd": cost_usd,
            "latency_s": time.perf_counter() - started,
            "asked_at": asked_at,
        }
        self.journal.append(row)
        return StoredCall.from_row(row)

    async def _reserve(self, need: Need) -> int | None:
        """Waits while nothing but calls in flight stands in the way."""
        while not self.is_stopping():
            reservation = self.ledger.reserve(need)
            if reservation is not None:
                return reservation
            await asyncio.sleep(BUDGET_POLL_S)
        return None

    async def _outcome(self, target: Target, request: Request) -> _Outcome:
        try:
            reply = await send_with_retries(
                target.transport, target.model, request, self.backoff, self.is_stopping
            )
        except CallError as error:
            if isinstance(error, RejectedCallError) and error.kind in STOPS_THE_RUN:
                raise
            return self._failure(error)
        raw = self.redactor.text(reply.raw)
        return _read(reply if raw is reply.raw or raw == reply.raw else read_reply(raw))

    def _failure(self, error: CallError) -> _Outcome:
        """A call that did not succeed as a row. A content filter's answer counts as the model's
        refusal, with its words as text."""
        message = well_formed(self.redactor.message(str(error)))
        raw = None if error.raw_reply is None else self.redactor.text(error.raw_reply)
        is_refusal = error.kind == "content_policy"
        return _Outcome(
            raw=None if raw is None else well_formed(raw),
            status="refused" if is_refusal else "failed",
            text=message if is_refusal else None,
            error=f"{error.kind}: {message}",
        )


def _read(reply: RawReply) -> _Outcome:
    return _Outcome(
        raw=reply.raw,
        status=reply.status,
        text=reply.text,
        finish_reason=reply.finish_reason,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
    )


def _need(target: Target, request: Request) -> Need:
    """Upper bound of what the call can take."""
    input_tokens, output_tokens = most_input_tokens(request), most_output_tokens(request)
    cost_usd = target.price.cost_usd(input_tokens, output_tokens)
    return Need(1, input_tokens + output_tokens, cost_usd or 0.0)


def _cost_usd(target: Target, outcome: _Outcome) -> float | None:
    """Null where no reply came (what a lost reply cost nobody knows) or the price is unknown;
    zero only for what is free."""
    return target.price.cost_usd(outcome.input_tokens, outcome.output_tokens)


def _spent(outcome: _Outcome, cost_usd: float | None, need: Need) -> Need:
    """What the ledger takes as spent. A reply that does not say its tokens counts as the bound;
    a call without reply counts as one call that took nothing."""
    if outcome.error is not None:
        return Need(1)
    if outcome.input_tokens is None or outcome.output_tokens is None:
        return need
    tokens = outcome.input_tokens + outcome.output_tokens
    return Need(1, tokens, cost_usd or 0.0)
