"""Calls of all models in, each handed to its lane; each landed once it is on disk. This is the
part of an engine that lives in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from synth_assets.errors import SynthError
from synth_assets.llm.breaker import Patience
from synth_assets.llm.call_store import StoredCall
from synth_assets.llm.flights import Flights
from synth_assets.llm.group_sync import GroupSync
from synth_assets.llm.lane import Lane
from synth_assets.llm.pending import Pending
from synth_assets.llm.recorder import Recorder
from synth_assets.llm.retries import Backoff
from synth_assets.llm.targets import Targets
from synth_assets.llm.waiting_room import WaitingRoom

TICK_S = 1.0
"""How often the budget's accounts are written."""

MOST_LANDED = 50_000
"""So many calls that are not in the store yet are moved before their time: they are in memory."""

CLOSING_S = 2.0
"""How long cancelled calls and connections may take to end."""


class Dispatcher:
    """Made and used inside one event loop; `stop` ends it.

    error: what halted it: no further call is begun, those in flight land.
    """

    def __init__(
        self,
        room: WaitingRoom,
        recorder: Recorder,
        flights: Flights,
        targets: Targets,
        backoff: Backoff,
        patience: Patience,
        flush: Callable[[], None],
        flush_s: float,
    ) -> None:
        self.error: BaseException | None = None
        self.is_stopping = False
        self._room, self._recorder, self._flights = room, recorder, flights
        self._targets, self._backoff, self._patience = targets, backoff, patience
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[str, Lane] = {}
        self._sync: GroupSync[tuple[Pending, StoredCall]] = GroupSync(
            recorder.journal, self._on_disk, self.halt
        )
        self._landed: list[StoredCall] = []
        self._is_move_due = False
        self._flush, self._flush_s = flush, flush_s
        self._grace_ends = float("inf")
        self._stopped: asyncio.Task[None] | None = None
        self._ticking = self._loop.call_later(TICK_S, self._tick)
        self._flushing = self._loop.call_later(flush_s, self._flush_if_due)

    @property
    def in_flight(self) -> int:
        return sum(lane.active for lane in self._lanes.values())

    @property
    def retries(self) -> int:
        return sum(lane.retries for lane in list(self._lanes.values()))

    @property
    def levels(self) -> dict[str, int]:
        """How many calls each model may have in flight now."""
        return {name: lane.level for name, lane in list(self._lanes.items())}

    @property
    def is_drained(self) -> bool:
        """Nothing is in flight or on its way to the disk."""
        return self._sync.is_idle and not any(lane.active for lane in list(self._lanes.values()))

    def enqueue(self, pendings: Iterable[Pending]) -> None:
        """Calls to send, claimed by this engine."""
        if self.is_stopping:
            self.dropped(pendings)
            self._room.wake()
            return
        by_lane: dict[str, list[Pending]] = {}
        for pending in pendings:
            by_lane.setdefault(pending.target.name, []).append(pending)
        for name, queued in by_lane.items():
            if name not in self._lanes:
                self._lanes[name] = Lane(
                    queued[0].target, self, self._recorder, self._backoff, self._patience
                )
            self._lanes[name].push(queued)

    def resume(self) -> None:
        """After the error was raised, further requests may be asked."""
        if self._stopped is None:
            self.error, self.is_stopping = None, False

    def recorded(self, pending: Pending, call: StoredCall) -> None:
        """A call is journaled; its slot is free, and its caller waits for the disk."""
        self._sync.add((pending, call))

    def _on_disk(self, group: list[tuple[Pending, StoredCall]]) -> None:
        self._landed += [call for _, call in group]
        self._flights.land([(pending.flight, call) for pending, call in group])
        for pending, call in group:
            self._room.landed(pending, call)
        self._room.wake()
        if len(self._landed) >= MOST_LANDED and not self._is_move_due:
            self._is_move_due = True
            self._flush()

    def dropped(self, dropped: Iterable[Pending]) -> None:
        """Calls that end without a row."""
        dropped = list(dropped)
        self._flights.abandon(pending.flight for pending in dropped if pending.is_sender)
        for pending in dropped:
            self._room.drop(pending)

    def halt(self, error: BaseException) -> None:
        """Begins no further call; the first error is the one that counts."""
        if self.error is None and self._stopped is None:
            self.error = self._recorder.without_secrets(error)
        self.is_stopping = True
        for lane in self._lanes.values():
            lane.drop_waiting()
        self._room.wake()

    def ended(self) -> None:
        if self.is_stopping:
            self._room.wake()

    def _tick(self) -> None:
        self._ticking = self._loop.call_later(TICK_S, self._tick)
        try:
            is_resting = all(lane.is_empty for lane in self._lanes.values())
            self._recorder.ledger.write(is_resting=is_resting)
        except SynthError as error:
            self.halt(error)

    def _flush_if_due(self) -> None:
        self._flushing = self._loop.call_later(self._flush_s, self._flush_if_due)
        if self._recorder.journal.unmoved:
            self._flush()

    async def put_aside(self) -> list[StoredCall]:
        """Begins another segment of the journal, so that the one so far can be moved; gives the
        calls that landed since the last time."""
        self._recorder.ledger.write()
        self._recorder.journal.rotate()
        return self.take_landed()

    def take_landed(self) -> list[StoredCall]:
        """The calls that landed since the last time."""
        landed, self._landed = self._landed, []
        self._is_move_due = False
        return landed

    async def stop(self, grace_s: float) -> None:
        """Sends nothing more; what is in flight may land for ``grace_s``, the rest is cancelled.
        Asked again, the shorter time holds."""
        self._grace_ends = min(self._grace_ends, self._loop.time() + grace_s)
        if self._stopped is None:
            self._stopped = self._loop.create_task(self._stop())
        await asyncio.shield(self._stopped)

    async def _stop(self) -> None:
        self.is_stopping = True
        self._ticking.cancel()
        self._flushing.cancel()
        for lane in self._lanes.values():
            lane.drop_waiting()
        while self.in_flight and self._loop.time() < self._grace_ends:
            await asyncio.sleep(0.01)
        cancelled = [task for lane in self._lanes.values() for task in lane.cancel()]
        if cancelled:
            await asyncio.wait(cancelled, timeout=CLOSING_S)
        await self._sync.drain()
        self._sync.close()
        closing = self._loop.create_task(self._targets.close())
        await asyncio.wait([closing], timeout=CLOSING_S)
        if closing.done():
            closing.result()
