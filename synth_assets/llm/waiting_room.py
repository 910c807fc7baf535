"""What an engine's caller waits for, between the caller's thread and the threads that answer."""

from __future__ import annotations

import threading

from synth_assets.llm.call_stats import CallStats
from synth_assets.llm.call_store import StoredCall
from synth_assets.llm.pending import Pending


class WaitingRoom:
    """The calls that are open, and what became of those that are not. Each method does single
    steps on dicts and flags only, so that threads need no lock: a call leaves ``open`` after
    everything else says that it is answered."""

    def __init__(self) -> None:
        self.stats = CallStats()
        self.open: dict[str, Pending] = {}
        self.not_ok: dict[str, StoredCall] = {}
        """Calls of this engine that did not end well: a run treats one key one way."""
        self._dropped: list[Pending] = []
        self._changed = threading.Event()

    def landed(self, pending: Pending, call: StoredCall) -> None:
        """A call of this engine is on disk."""
        self.stats.add(call)
        pending.is_made = True
        self._answer(pending, call)

    def joined_landed(self, pending: Pending, call: StoredCall) -> None:
        """A call that another engine made for us."""
        self._answer(pending, call)
        self._changed.set()

    def joined_abandoned(self, pending: Pending) -> None:
        self.drop(pending)
        self._changed.set()

    def _answer(self, pending: Pending, call: StoredCall) -> None:
        if call.status != "ok":
            self.not_ok[call.key] = call
        pending.call = call
        self.open.pop(pending.key, None)

    def drop(self, pending: Pending) -> None:
        """Nobody sends this call any more, unless it is `take_dropped` and sent again."""
        pending.is_sender = False
        self._dropped.append(pending)

    def take_dropped(self) -> list[Pending]:
        """The dropped calls that someone still asks for; the others are forgotten."""
        if not self._dropped:
            return []
        dropped, self._dropped = self._dropped, []
        wanted = [pending for pending in dropped if pending.askers and pending.call is None]
        for pending in dropped:
            if not pending.askers and self.open.get(pending.key) is pending:
                del self.open[pending.key]
        return wanted

    def wake(self) -> None:
        """Something changed that the caller may wait for."""
        self._changed.set()

    def expect_change(self) -> None:
        """Changes from here on end the next `wait`."""
        self._changed.clear()

    def wait(self, most_s: float) -> None:
        self._changed.wait(most_s)
