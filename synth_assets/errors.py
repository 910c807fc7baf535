"""The package's exceptions, each saying what is wrong, where, and what to do next.

SynthError
├── RecipeError             the user's file is wrong             stop
├── TemplateError           missing file or slot                 stop
├── SqlModelError           a model does not compile             stop
├── BudgetExceeded          the next call could overspend        stop; what is done is kept
├── RepliesPending          a batch endpoint has not answered    stop; a later run goes on
├── RoundLeftUndone         a round could not be brought to date stop; earlier rounds stay
├── LakeError               lock, lost commit, bad layout        retried where it may be, else stop
│   └── QueryError          a person's SELECT is wrong           stop; nothing was read
├── CheckFailed             staged rows are wrong                stop; nothing was committed
├── ReplyError              the model's text is out of form      becomes a row with a status
└── CallError               a call did not succeed
    ├── TransientCallError  rate limit, timeout, reset, 5xx      retried with backoff
    ├── EndpointDown        nobody there, or out of credit       stop; what is done is kept
    └── RejectedCallError   auth, bad request, too long          stop, or a row, by kind
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synth_assets.llm.limits import RateLimits


class SynthError(Exception):
    """Root of everything this package raises on purpose."""


class RecipeError(SynthError):
    """A recipe or a file it names is wrong; the message names file, field, value and remedy."""


class TemplateError(SynthError):
    """A template is missing, or its slots and the values given for them differ."""


class SqlModelError(SynthError):
    """A SQL model does not compile; the message names file, line and the nearest known name."""


class BudgetExceeded(SynthError):
    """The next call could overspend the recipe's budget; every reply so far is kept."""


class RepliesPending(SynthError):
    """Replies are due at a batch endpoint; nothing is waited for. A later run goes on from here.

    batches: the providers' names of the batches. count: how many replies are due.
    """

    def __init__(self, message: str, *, batches: Sequence[str] = (), count: int = 0) -> None:
        super().__init__(message)
        self.batches = list(batches)
        self.count = count


class RoundLeftUndone(SynthError):
    """A round could not be brought up to date; the rounds before it stay committed."""


class LakeError(SynthError):
    """The lake is locked, of another layout, or a commit was lost."""


class QueryError(LakeError):
    """A person's SELECT, or the version it asks for, is refused or does not run."""


class CheckFailed(SynthError):
    """A blocking check failed on staged rows; nothing was committed to the table.

    results: what every check of the table found.
    """

    def __init__(self, message: str, results: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.results = results


class ReplyError(SynthError):
    """A reply's text does not have the form that was asked for; it becomes a row with a status."""


class CallError(SynthError):
    """A call did not succeed.

    kind: one of ``rate_limit``, ``timeout``, ``connection``, ``server``, ``truncated_body``
    (transient) or ``auth``, ``bad_request``, ``content_policy``, ``context_too_long``,
    ``not_found``, ``not_recorded``, ``out_of_credit`` (rejected).
    raw_reply: the body as it came, where there was one, so that it can be kept.
    limits: what the headers of the answer say about the endpoint's limits, where they do.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        retry_after_s: float | None = None,
        raw_reply: str | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s
        self.raw_reply = raw_reply
        self.limits = limits


class TransientCallError(CallError):
    """Rate limit, timeout, connection reset or 5xx: worth another try."""


class EndpointDown(CallError):
    """An endpoint answers nothing for too long, or has no credit left; the run stops, and every
    reply so far is kept."""


class RejectedCallError(CallError):
    """Refused for good. ``auth`` stops the run; ``content_policy``, ``context_too_long`` and
    ``bad_request`` become a row with a status."""
