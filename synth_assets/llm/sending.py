"""Claimed calls in; sent from a thread of their own, journaled, and moved into the store."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from synth_assets.errors import SynthError
from synth_assets.llm.breaker import Patience
from synth_assets.llm.budget import Ledger
from synth_assets.llm.call_store import CallStore, StoredCall
from synth_assets.llm.dispatcher import CLOSING_S, Dispatcher
from synth_assets.llm.flights import Flights
from synth_assets.llm.journal import Journal
from synth_assets.llm.loop_thread import LoopThread
from synth_assets.llm.pending import Pending
from synth_assets.llm.recorder import Recorder
from synth_assets.llm.recovery import BUDGET_FILE
from synth_assets.llm.redaction import Redactor
from synth_assets.llm.retries import Backoff
from synth_assets.llm.targets import Targets
from synth_assets.llm.waiting_room import WaitingRoom
from synth_assets.recipe import Recipe

FLUSH_S = 30.0
"""How long a journaled call may wait before it goes into the store: what the loss of a host
costs at most."""

ANSWER_S = 30.0
"""How long the loop may take to answer: it is busy with single calls only."""


class Sending:
    """The sending half of an engine. Nothing is made, no thread, no file, before the first call.

    Its methods belong to the caller's thread. Only one move of the journal runs at a time: in the
    background every `FLUSH_S` or `MOST_LANDED` calls, through a connection of its own, or by
    `flush`.
    """

    def __init__(
        self,
        room: WaitingRoom,
        targets: Targets,
        flights: Flights,
        *,
        recipe: Recipe,
        home: Path,
        calls: CallStore,
        asked_for: str,
        run_id: str,
        backoff: Backoff,
        patience: Patience,
    ) -> None:
        self._room, self._targets, self._flights = room, targets, flights
        self._recipe, self._home, self._calls = recipe, home, calls
        self._asked_for, self._run_id = asked_for, run_id
        self._backoff, self._patience = backoff, patience
        self._redactor = Redactor(recipe)
        self._journal = Journal(home)
        self._recorder: Recorder | None = None
        self._thread: LoopThread | None = None
        self._dispatcher: Dispatcher | None = None
        self._mover: ThreadPoolExecutor | None = None
        self._moving = threading.Lock()
        self._rotating = threading.Lock()
        self._to_move: list[StoredCall] = []
        self._died: BaseException | None = None
        self._since: float | None = None
        self._retries_before = 0
        self._is_closing = False

    def send(self, pendings: list[Pending]) -> None:
        """Queues calls that this engine has claimed."""
        if not pendings:
            return
        thread, dispatcher = self._open()
        if self._since is None:
            self._since = time.monotonic()
        thread.call(dispatcher.enqueue, pendings)

    def raise_if_halted(self) -> bool:
        """Raises what stopped the sending, once all that was in flight has landed (an interrupt
        at once); True while that is awaited."""
        if self._died is not None:
            died, self._died = self._died, None
            raise SynthError(f"the thread that sends calls ended: {died!r}") from died
        dispatcher = self._dispatcher
        if dispatcher is None or dispatcher.error is None:
            return False
        if isinstance(dispatcher.error, Exception) and not dispatcher.is_drained:
            return True
        error = dispatcher.error
        dispatcher.resume()
        self.measure()
        raise error

    def measure(self) -> None:
        """Brings what is live in the running totals up to date."""
        stats, dispatcher = self._room.stats, self._dispatcher
        if dispatcher is not None:
            stats.in_flight = dispatcher.in_flight
            stats.retries = self._retries_before + dispatcher.retries
            stats.levels = dispatcher.levels
        if self._since is not None:
            now = time.monotonic()
            stats.seconds += now - self._since
            self._since = now if self._room.open else None

    def flush(self) -> int:
        """Moves all that is journaled into the store; gives the number of rows."""
        return self._move(self._calls)

    def stop(self, grace_s: float) -> None:
        """Sends nothing more; what is in flight may land for ``grace_s``, the rest is cancelled.
        An interrupt while it waits cuts the time short.

        Errors: `SynthError` where a transport blocks the loop, so that it does not end.
        """
        thread, dispatcher = self._thread, self._dispatcher
        if thread is None or dispatcher is None:
            return
        try:
            _stop(thread, dispatcher, grace_s)
        except BaseException:
            _stop(thread, dispatcher, 0.0)
            raise
        finally:
            self.measure()
            with self._rotating:  # whoever waits for the loop has its answer
                self._thread = self._dispatcher = None
                has_ended = thread.stop(CLOSING_S)
                self._to_move += dispatcher.take_landed()
        if not has_ended:
            raise SynthError(
                "a transport did not end within its time; its calls are in the journal, and the "
                "next start moves them into the store"
            )

    def close(self, grace_s: float) -> None:
        """Stops, flushes, and gives everything back."""
        self._is_closing = True
        with contextlib.ExitStack() as last_first:
            last_first.callback(self._journal.close)
            if self._recorder is not None:
                last_first.callback(self._recorder.ledger.close)
            last_first.callback(self._forget)
            last_first.callback(self.flush)
            if self._mover is not None:
                last_first.callback(self._mover.shutdown)
            last_first.callback(self.stop, grace_s)

    def _open(self) -> tuple[LoopThread, Dispatcher]:
        if self._thread is not None and self._dispatcher is not None:
            return self._thread, self._dispatcher
        if self._recorder is None:
            ledger = Ledger(
                self._home / BUDGET_FILE,
                recipe=self._recipe.name,
                run_id=self._run_id,
                limits=self._recipe.limits.budget,
                journal=self._journal,
            )
            self._recorder = Recorder(ledger, self._journal, self._redactor, self._asked_for)
        self._retries_before = self._room.stats.retries
        self._thread = LoopThread("synth-calls", self._on_death)
        self._dispatcher = self._thread.submit(self._dispatch(self._recorder)).result()
        return self._thread, self._dispatcher

    async def _dispatch(self, recorder: Recorder) -> Dispatcher:
        return Dispatcher(
            self._room,
            recorder,
            self._flights,
            self._targets,
            self._backoff,
            self._patience,
            self._move_in_background,
            FLUSH_S,
        )

    def _on_death(self, error: BaseException) -> None:
        self._died = error
        self._room.wake()

    def _move_in_background(self) -> None:
        """Called by the loop; the work is done in a thread of its own."""
        if self._moving.locked() or self._is_closing:
            return
        if self._mover is None:
            self._mover = ThreadPoolExecutor(1, "synth-mover")
        self._mover.submit(self._move_or_halt)

    def _move_or_halt(self) -> None:
        try:
            with self._calls.for_thread() as calls:
                self._move(calls)
        except Exception as error:
            thread, dispatcher = self._thread, self._dispatcher
            if thread is not None and dispatcher is not None:
                thread.call(dispatcher.halt, error)

    def _move(self, calls: CallStore) -> int:
        with self._moving:
            with self._rotating:
                self._put_aside()
                landed = list(self._to_move)
            forget = None if self._recorder is None else self._recorder.ledger.forget_segment
            moved = self._journal.move_closed(calls, forget)
            self._flights.moved(landed)
            with self._rotating:
                del self._to_move[: len(landed)]
            return moved

    def _put_aside(self) -> None:
        """Begins another segment of the journal: in the loop, while there is one."""
        thread, dispatcher = self._thread, self._dispatcher
        if thread is not None and dispatcher is not None and thread.is_alive:
            self._to_move += thread.submit(dispatcher.put_aside()).result(ANSWER_S)
        elif self._recorder is not None:
            self._recorder.ledger.write()
            self._journal.rotate()

    def _forget(self) -> None:
        """What could not be moved is no longer vouched for by this process: the journal is. What
        was claimed and is not sent is for others to send."""
        self._flights.moved(self._to_move)
        self._to_move = []
        left = list(self._room.open.values())
        self._flights.abandon(pending.flight for pending in left if pending.is_sender)
        self._flights.leave(pending for pending in left if not pending.is_sender)


def _stop(thread: LoopThread, dispatcher: Dispatcher, grace_s: float) -> None:
    if thread.is_alive:
        with contextlib.suppress(TimeoutError):
            thread.submit(dispatcher.stop(grace_s)).result(grace_s + 3 * CLOSING_S)
