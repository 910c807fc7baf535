"""Calls of one model in; each sent when limits and budget allow, tried again where that may
help, and recorded, out.

A worker is a task that sends one call after another, so that a slot is taken up again at once. A
call that waits for its next try, or for the disk, holds none. All of this runs in one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Protocol

from synth_assets.errors import (
    CallError,
    EndpointDown,
    RejectedCallError,
    TransientCallError,
)
from synth_assets.llm.breaker import Patience
from synth_assets.llm.call_store import StoredCall
from synth_assets.llm.gate import Gate
from synth_assets.llm.pending import Pending
from synth_assets.llm.recorder import STOPS_THE_RUN, Recorder
from synth_assets.llm.retries import Backoff, most_retries
from synth_assets.llm.targets import Target

BUDGET_POLL_S = 0.05
"""How often a lane looks whether budget that others hold has become free."""

CALLS_PER_TURN = 32
"""A transport that never waits gives the loop a turn after so many calls."""

_UNLIMITED = nullcontext()


class Dispatch(Protocol):
    """What a lane reports to."""

    @property
    def is_stopping(self) -> bool: ...

    def recorded(self, pending: Pending, call: StoredCall) -> None: ...

    def dropped(self, dropped: Iterable[Pending]) -> None: ...

    def halt(self, error: BaseException) -> None: ...

    def ended(self) -> None:
        """A worker ended."""
        ...


class Lane:
    """The calls of one target."""

    def __init__(
        self,
        target: Target,
        dispatch: Dispatch,
        recorder: Recorder,
        backoff: Backoff,
        patience: Patience,
    ) -> None:
        self.target = target
        self.retries = 0
        self.active = 0
        self._dispatch, self._recorder, self._backoff = dispatch, recorder, backoff
        self._loop = asyncio.get_running_loop()
        self._now = time.monotonic  # the loop's own may tell whole milliseconds only
        self._queue: deque[Pending] = deque()
        self._resting: dict[Pending, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = Gate(target.model, patience, self._now())
        self._waking: asyncio.TimerHandle | None = None

    @property
    def level(self) -> int:
        """How many calls may be in flight at once now."""
        return self._gate.level.now

    @property
    def is_empty(self) -> bool:
        """Nothing is queued, in flight or waiting for another try."""
        return not (self._queue or self.active or self._resting)

    def push(self, pendings: Iterable[Pending]) -> None:
        """Queues calls; those that can go out now do."""
        self._queue.extend(pendings)
        self.pump()

    def pump(self) -> None:
        """Begins as many workers as have something to send."""
        while self._queue and self.active < self._gate.allowed:
            self.active += 1  # counted before it is asked for, as a worker that goes on is
            pending = self._next()
            if pending is None:
                self.active -= 1
                return
            task = self._loop.create_task(self._work(pending))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def drop_waiting(self) -> None:
        """Nothing that is not in flight is sent any more."""
        for timer in self._resting.values():
            timer.cancel()
        dropped = [*self._queue, *self._resting]
        self._queue.clear()
        self._resting.clear()
        self._drop(dropped)

    def cancel(self) -> list[asyncio.Task[None]]:
        """Cancels what is in flight; gives the tasks to wait for."""
        if self._waking is not None:
            self._waking.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    def _drop(self, dropped: list[Pending]) -> None:
        for pending in dropped:
            self._recorder.release(pending)
        self._dispatch.dropped(dropped)

    def _next(self) -> Pending | None:
        """The next call to send, with its budget reserved; None where none may go out now."""
        while self._queue and not self._dispatch.is_stopping and self.active <= self._gate.allowed:
            pending = self._queue[0]
            if not pending.askers:
                self._drop([self._queue.popleft()])
                continue
            wait_s = self._gate.wait_s(pending, self._now())
            if wait_s > 0:
                self._wake_in(wait_s)
                return None
            try:
                if not self._recorder.reserve(pending):
                    self._wake_in(BUDGET_POLL_S)
                    return None
            except Exception as error:
                self._dispatch.halt(error)
                return None
            self._queue.popleft()
            self._gate.send(pending, self._now())
            return pending
        return None

    def _wake_in(self, wait_s: float) -> None:
        if self._waking is None:
            self._waking = self._loop.call_later(wait_s, self._wake)

    def _wake(self) -> None:
        self._waking = None
        self.pump()

    async def _work(self, pending: Pending | None) -> None:
        sent = 0
        try:
            while pending is not None:
                await self._try(pending)
                if self._queue and self.active < self._gate.allowed:
                    self.pump()
                sent += 1
                if sent % CALLS_PER_TURN == 0:
                    await asyncio.sleep(0)
                pending = self._next()
        except Exception as error:
            self._dispatch.halt(error)
            if pending is not None and pending.call is None:
                self._drop([pending])
        except asyncio.CancelledError:  # its reply is lost
            if pending is not None:
                self._drop([pending])
            raise
        except BaseException as interrupt:  # goes on in the caller's thread
            self._drop([pending] if pending is not None else [])
            self._dispatch.halt(interrupt)
        finally:
            self.active -= 1
            self._dispatch.ended()

    async def _try(self, pending: Pending) -> None:
        """Sends once, and sees to what came of it."""
        target = self.target
        sent_at = self._now()
        if pending.asked_at is None:
            pending.asked_at = datetime.now(UTC).replace(tzinfo=None)
            if target.model.deadline_s is not None:
                pending.deadline = sent_at + target.model.deadline_s
        left_s = None if pending.deadline is None else pending.deadline - sent_at
        if left_s is not None and left_s <= 0:
            self._record(pending, self._late(), 0.0)
            return
        limit = None if left_s is None else asyncio.timeout(left_s)
        try:
            async with limit or _UNLIMITED:
                reply = await target.transport.send(target.model, pending.request)
        except TransientCallError as error:
            self._failed_for_now(pending, error, sent_at)
        except RejectedCallError as error:
            self._gate.failed(pending, error, sent_at, self._now())
            if error.kind in STOPS_THE_RUN:
                raise self._stopping(error) from None
            self._record(pending, error, self._now() - sent_at)
        except TimeoutError:
            if limit is None or not limit.expired():
                raise
            self._gate.overran(sent_at)
            self._record(pending, self._late(), self._now() - sent_at)
        else:
            now = self._now()
            self._gate.answered(pending, reply, sent_at, now, self.active)
            call = self._recorder.answered(pending, reply, now - sent_at)
            self._dispatch.recorded(pending, call)

    def _record(self, pending: Pending, error: CallError, latency_s: float) -> None:
        self._dispatch.recorded(pending, self._recorder.failed(pending, error, latency_s))

    def _failed_for_now(self, pending: Pending, error: TransientCallError, sent_at: float) -> None:
        """Another try where that is worth it, else a row."""
        now = self._now()
        self._gate.failed(pending, error, sent_at, now)
        away_s = self._gate.away_s(now)
        if away_s is not None:
            raise self._down(error, away_s)
        if self._dispatch.is_stopping:
            self._drop([pending])
            return
        retries = pending.retries = pending.retries or {}
        done = retries.get(error.kind, 0)
        wait_s = self._backoff.wait_s(done, error.retry_after_s, error.kind)
        # While an endpoint is away its requests only wait: no try of theirs is used up.
        is_free = self._gate.is_away
        if wait_s is None or not (
            is_free or done < most_retries(error.kind, self.target.model.max_retries)
        ):
            self._record(pending, error, now - sent_at)
            return
        if not is_free:
            retries[error.kind] = done + 1
        if pending.deadline is not None and now + wait_s >= pending.deadline:
            self._record(pending, self._late(error), now - sent_at)
            return
        self.retries += 1
        self._resting[pending] = self._loop.call_later(wait_s, self._return, pending)

    def _return(self, pending: Pending) -> None:
        """Its wait is over: it goes before those that were never sent."""
        del self._resting[pending]
        self._queue.appendleft(pending)
        self.pump()

    def _late(self, last: TransientCallError | None = None) -> TransientCallError:
        seconds = self.target.model.deadline_s
        why = "" if last is None else f" (last: {last})"
        return TransientCallError(
            f"{self.target.model.model}: no reply within deadline_s = {seconds:g} s{why}",
            kind="deadline",
        )

    def _stopping(self, error: RejectedCallError) -> CallError:
        if error.kind != "out_of_credit":
            return error
        return EndpointDown(
            f"models.{self.target.name}: {self.target.place} has no credit left: {error}. Every "
            "reply so far is kept: add credit, then run again to go on from here",
            kind=error.kind,
        )

    def _down(self, error: TransientCallError, away_s: float) -> EndpointDown:
        return EndpointDown(
            f"models.{self.target.name}: {self.target.place} has answered nothing for "
            f"{away_s:.0f} s; last: {error}. Every reply so far is kept: see that the endpoint is "
            "up, then run again to go on from here",
            kind=error.kind,
        )
