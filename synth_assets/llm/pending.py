"""One call on its way: from a request that is not known to the row that answers it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from synth_assets.llm.accounts import Need
from synth_assets.llm.call_store import StoredCall
from synth_assets.llm.flights import Flight
from synth_assets.llm.limits import Load
from synth_assets.llm.request import Request
from synth_assets.llm.targets import Target


class Answered(Protocol):
    """Who is told when a call that another engine sends has ended."""

    def joined_landed(self, pending: Pending, call: StoredCall) -> None: ...

    def joined_abandoned(self, pending: Pending) -> None: ...


class Pending:
    """One key that an engine waits for. ``call`` is set when its reply may be handed out.

    askers: requests that wait for it; with none left it is not sent any more. is_sender: this
    engine sends it; else another engine of this process does.
    """

    __slots__ = (
        "asked_at",
        "askers",
        "attempt",
        "call",
        "canonical",
        "deadline",
        "is_made",
        "is_sender",
        "key",
        "load",
        "marks",
        "need",
        "owner",
        "request",
        "retries",
        "target",
    )

    def __init__(
        self,
        owner: Answered,
        target: Target,
        request: Request,
        key: str,
        canonical: str,
        attempt: int,
    ) -> None:
        self.owner = owner
        self.target = target
        self.request = request
        self.key = key
        self.canonical = canonical
        self.attempt = attempt
        self.askers = 0
        self.is_sender = False
        self.is_made = False
        self.call: StoredCall | None = None
        # While it is sent:
        self.retries: dict[str, int] | None = None
        self.need: Need | None = None
        self.load: Load | None = None
        self.marks: dict[str, float] | None = None
        self.asked_at: datetime | None = None
        self.deadline: float | None = None

    @property
    def flight(self) -> Flight:
        return self.key, self.attempt

    def landed(self, call: StoredCall) -> None:
        self.owner.joined_landed(self, call)

    def abandoned(self) -> None:
        self.owner.joined_abandoned(self)
