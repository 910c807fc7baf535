"""How a call ended in; its row, paid for, redacted and journaled, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from synth_assets.errors import CallError
from synth_assets.identity import content_id
from synth_assets.llm.accounts import Need
from synth_assets.llm.budget import Ledger
from synth_assets.llm.call_store import StoredCall
from synth_assets.llm.journal import Journal
from synth_assets.llm.pending import Pending
from synth_assets.llm.redaction import Redactor
from synth_assets.llm.replies import RawReply, read_reply, well_formed
from synth_assets.llm.request import ReplyStatus, Request
from synth_assets.llm.targets import Target
from synth_assets.llm.tokens import most_input_tokens, most_output_tokens

STOPS_THE_RUN = frozenset({"auth", "not_found", "out_of_credit"})
"""Kinds of rejection that every further call would meet too."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Keeps the calls of one engine."""

    ledger: Ledger
    journal: Journal
    redactor: Redactor
    asked_for: str

    def reserve(self, pending: Pending) -> bool:
        """Reserves what the call could take at most; False where it has to wait (see `Ledger`)."""
        if pending.need is not None or not self.ledger.has_limits:
            return True
        need = upper_bound(pending.target, pending.request)
        if not self.ledger.reserve(need):
            return False
        pending.need = need
        return True

    def release(self, pending: Pending) -> None:
        """The call ends without a row."""
        if pending.need is not None:
            self.ledger.release(pending.need)
            pending.need = None

    def answered(self, pending: Pending, reply: RawReply, latency_s: float) -> StoredCall:
        """A reply. Errors: `JournalError`."""
        raw = self.redactor.text(reply.raw)
        if raw is not reply.raw and raw != reply.raw:
            reply = read_reply(raw)
        target = pending.target
        input_tokens, output_tokens = reply.input_tokens, reply.output_tokens
        cost_usd = target.price.cost_usd(input_tokens, output_tokens)
        call = StoredCall(
            content_id("call", pending.key, pending.attempt, raw),
            pending.key,
            pending.attempt,
            reply.status,
            reply.text,
            reply.finish_reason,
            None,
            input_tokens,
            output_tokens,
            cost_usd,
            raw if pending.request.wants_body else None,
        )
        if input_tokens is None or output_tokens is None:
            # A reply that does not say its tokens counts as the bound.
            spent = pending.need or upper_bound(target, pending.request)
        else:
            spent = Need.of(1, input_tokens + output_tokens, cost_usd or 0.0)
        self._keep(pending, call, raw, latency_s, spent)
        return call

    def failed(self, pending: Pending, error: CallError, latency_s: float) -> StoredCall:
        """A call that did not succeed as a row. A content filter's answer counts as the model's
        refusal, with its words as text. It counts as one call that took nothing: what a lost
        reply cost nobody knows. Errors: `JournalError`."""
        message = well_formed(self.redactor.message(str(error)))
        raw = None if error.raw_reply is None else self.redactor.text(error.raw_reply)
        raw = None if raw is None else well_formed(raw)
        is_refusal = error.kind == "content_policy"
        status: ReplyStatus = "refused" if is_refusal else "failed"
        call = StoredCall(
            content_id("call", pending.key, pending.attempt, raw),
            pending.key,
            pending.attempt,
            status,
            message if is_refusal else None,
            None,
            f"{error.kind}: {message}",
            None,
            None,
            pending.target.price.cost_usd(None, None),
        )
        self._keep(pending, call, raw, latency_s, Need(1))
        return call

    def _keep(
        self, pending: Pending, call: StoredCall, raw: str | None, latency_s: float, spent: Need
    ) -> None:
        """Journals the row with what it took, and settles."""
        target, ledger = pending.target, self.ledger
        now = datetime.now(UTC).replace(tzinfo=None)
        day = now.date().isoformat()
        row = {
            "call_id": call.call_id,
            "key": call.key,
            "attempt": call.attempt,
            "provider": target.model.provider,
            "endpoint": target.endpoint(pending.request),
            "model": target.model.model,
            "asked_for": self.asked_for,
            "request": self.redactor.text(pending.canonical),
            "raw_reply": raw,
            "status": call.status,
            "text": call.text,
            "finish_reason": call.finish_reason,
            "error": call.error,
            "input_tokens": call.input_tokens,
            "output_tokens": call.output_tokens,
            "cost_usd": call.cost_usd,
            "latency_s": latency_s,
            "asked_at": pending.asked_at or now,
            "spent": (ledger.recipe, ledger.run_id, day, *spent),
        }
        try:
            self.journal.append(row)
        finally:  # the money is gone, whether or not the disk takes the row
            ledger.settle(pending.need or Need(), spent, day)
            pending.need = None

    def without_secrets(self, error: BaseException) -> BaseException:
        """A call's error as it may be shown: no secret in it, and no cause that holds one."""
        if not isinstance(error, CallError):
            return error
        return type(error)(self.redactor.message(str(error)), kind=error.kind)


def upper_bound(target: Target, request: Request) -> Need:
    """Upper bound of what the call can take."""
    input_tokens, output_tokens = most_input_tokens(request), most_output_tokens(request)
    cost_usd = target.price.cost_usd(input_tokens, output_tokens)
    return Need.of(1, input_tokens + output_tokens, cost_usd or 0.0)
