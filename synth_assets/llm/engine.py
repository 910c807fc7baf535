"""Requests in, replies out, each paid for once and on disk before the caller sees it.

For each request: a known reply is given again; an equal request in flight in this process is
joined; else its upper bound is reserved in the budget, it is sent with retries, its raw reply is
journaled and synced, and only then the caller sees it. Sending happens in a thread of its own: a
slow reply delays no other call, nor does a caller that works on the replies so far.

What is known. A settled call (`ok`, `cut`, `refused`, `empty`, or `failed` for good) is known,
and `retry_failed` asks again for all of these but `ok`, once an engine, as the next attempt. A
call that failed transiently after all retries is a row too, for the accounts, but no known
reply: the same engine gives the failure again, the next run asks again. A wrong key or a model
that does not exist stops the run and is no row at all.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from synth_assets.errors import SynthError
from synth_assets.llm.breaker import Patience
from synth_assets.llm.call_stats import CallStats
from synth_assets.llm.call_store import CallStore, StoredCall
from synth_assets.llm.flights import flights_of
from synth_assets.llm.intake import Intake, Place
from synth_assets.llm.recovery import recover
from synth_assets.llm.request import Reply, Request
from synth_assets.llm.retries import Backoff
from synth_assets.llm.sending import Sending
from synth_assets.llm.targets import Targets
from synth_assets.llm.transports import Transport
from synth_assets.llm.waiting_room import WaitingRoom
from synth_assets.recipe import Recipe

WINDOW = 2048
"""Requests without a reply that are taken ahead; more where a model's concurrency needs it."""

WINDOWS = 8
"""So many times that may be taken in all while the oldest is without a reply."""

GRACE_S = 4.0
"""How long calls in flight may land after an interrupt."""

REPORT_S = 1.0
"""How often progress is reported at most."""


class Engine:
    """Asks the models of one recipe for one table. Use as a context manager; `ask` is an `Ask`.

    asked_for: ``recipe.table``, for the accounts. run_id: engines of one run share its budget.
    transports: in the place of the usual ones, by the recipe's name of a model or by provider.
    progress: called with the running totals in the caller's thread, once a second at most and
        when the engine is closed.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        home: Path,
        calls: CallStore,
        asked_for: str,
        run_id: str = "",
        retry_failed: bool = False,
        transports: Mapping[str, Transport] | None = None,
        progress: Callable[[CallStats], None] | None = None,
        backoff: Backoff | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._room = WaitingRoom()
        self._targets = Targets(recipe, transports or {})
        flights = flights_of(home)
        self._intake = Intake(self._room, self._targets, flights, calls, retry_failed)
        self._sending = Sending(
            self._room,
            self._targets,
            flights,
            recipe=recipe,
            home=home,
            calls=calls,
            asked_for=asked_for,
            run_id=run_id or secrets.token_hex(8),
            backoff=backoff or Backoff(),
            patience=patience or Patience(),
        )
        self._progress = progress
        self._reported_at = time.monotonic()
        self._looked_at: float | None = None
        self._window = max(
            [WINDOW, *(4 * model.max_concurrency for model in recipe.models.values())]
        )
        self._is_closed = False
        recover(home, calls)

    @property
    def stats(self) -> CallStats:
        """The running totals."""
        return self._room.stats

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except SynthError as failure:
            if error is None:
                raise
            error.add_note(f"While closing: {failure}. The next start moves the journal's calls.")

    def ask(self, requests: Iterable[Request], *, is_expected: bool = False) -> Generator[Reply]:
        """One reply per request, in their order; requests are taken some thousand ahead.

        is_expected: the stats were told how many there are.

        Errors: `RecipeError` (unknown model, missing key), `BudgetExceeded`, `JournalError`,
        `EndpointDown`, and a `RejectedCallError` that stops the run. Calls in flight then are
        waited for and kept. After an interrupt nothing more is sent, what is in flight may land
        for `GRACE_S` and is kept, the rest is cancelled, and the interrupt goes on.
        """
        if not is_expected:
            self.stats.expect_of(requests)
        source = iter(requests)
        line: deque[Place] = deque()
        is_more = True
        try:
            while is_more or line:
                while line and (call := line[0].call) is not None:
                    yield self._reply(line.popleft(), call)
                if is_more and self._has_room(line):
                    is_more = self._take(source, line)
                elif line:
                    self._wait(line[0])
        except (Exception, GeneratorExit):
            raise
        except BaseException:
            self._sending.stop(GRACE_S)
            raise
        finally:
            for place in line:
                place.leave()
        self._report_if_due()

    def key(self, request: Request) -> str:
        """Identity of a request, by which the store knows its calls."""
        return self._targets[request.model].key(request)

    def flush(self) -> int:
        """Moves journaled calls into the store; gives their number."""
        return self._sending.flush()

    def close(self) -> None:
        """Flushes, and gives connections and files back. Closing twice does nothing."""
        if self._is_closed:
            return
        self._is_closed = self.stats.is_whole = True
        with contextlib.ExitStack() as last_first:
            if self.stats.asked:
                last_first.callback(self._report)
            last_first.callback(self._sending.close, GRACE_S)

    def _reply(self, place: Place, call: StoredCall) -> Reply:
        is_cached = not place.is_first or not place.is_made
        self.stats.cached += is_cached
        return call.reply(is_cached=is_cached)

    def _has_room(self, line: deque[Place]) -> bool:
        if len(line) < self._window:
            return True
        if len(line) >= WINDOWS * self._window:
            return False
        return sum(place.call is None for place in line) < self._window

    def _take(self, source: Iterator[Request], line: deque[Place]) -> bool:
        """The next requests, into the line; False where there are no more."""
        taken = self._intake.take(source)
        if taken is None:
            return False
        self.stats.asked += len(taken.places)
        if taken.to_send:
            if self._is_closed:
                self._intake.give_up(taken.to_send)
                raise SynthError("this engine is closed; make another one for further requests")
            self._sending.send(taken.to_send)
        line.extend(taken.places)
        self._report_if_due()
        return True

    def _wait(self, first: Place) -> None:
        """Until the reply of ``first`` may be here, or something else has to be seen to."""
        self._room.expect_change()
        if not self._sending.raise_if_halted():
            dropped = self._room.take_dropped()
            if dropped:
                self._sending.send(self._intake.claim_again(dropped))
        if first.call is None:
            self._room.wait(REPORT_S)
        self._report_if_due()

    def _report_if_due(self) -> None:
        now = time.monotonic()
        if now - self._reported_at >= REPORT_S:
            self._report()

    def _report(self) -> None:
        self._reported_at = time.monotonic()
        self._sending.measure()
        if self._progress is not None:
            self._progress(self.stats)
