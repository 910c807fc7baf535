"""Requests in, replies out, each paid for once and on disk before the caller sees it.

For each request: a known reply is given again; an equal request in flight in this process is
joined; else its upper bound is reserved in the budget, it is sent with retries, its raw reply is
journaled and synced, and only then the caller sees it.

What is known. A settled call (`ok`, `cut`, `refused`, `empty`, or `failed` for good) is known,
and `retry_failed` asks again for all of these but `ok`, once an engine, as the next attempt. A
call that failed transiently after all retries is a row too, for the accounts, but no known
reply: the same engine gives the failure again, the next run asks again. A wrong key or a model
that does not exist stops the run and is no row at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from synth_assets.errors import CallError, SynthError
from synth_assets.llm.budget import Ledger
from synth_assets.llm.call_stats import CallStats
from synth_assets.llm.call_store import CallStore, StoredCall
from synth_assets.llm.flights import Flight, flights_of
from synth_assets.llm.journal import Journal, recover
from synth_assets.llm.redaction import Redactor
from synth_assets.llm.request import Reply, Request
from synth_assets.llm.retries import Backoff
from synth_assets.llm.sender import Sender
from synth_assets.llm.targets import Targets
from synth_assets.llm.transports import Transport
from synth_assets.recipe import Recipe

WINDOW = 2048
"""Requests in memory at once; more where a model's concurrency needs it."""

FLUSH_S = 30.0
"""How long a journaled call may wait before it goes into the store: what the loss of a host
costs at most."""

TICK_S = 1.0
"""How often a running window reports progress and looks whether to flush."""

Unknown = dict[str, tuple[Request, int]]
"""What has to be sent: the request of each key, and which attempt at it this is."""


class Engine:
    """Asks the models of one recipe for one table. Use as a context manager; `ask` is an `Ask`.

    asked_for: ``recipe.table``, for the accounts. run_id: engines of one run share its budget.
    transports: in the place of the usual ones, by the recipe's name of a model or by provider.
    progress: called with the running totals, once a second and after each window.
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
    ) -> None:
        self.stats = CallStats()
        self._recipe, self._home, self._calls = recipe, home, calls
        self._asked_for = asked_for
        self._run_id = run_id or secrets.token_hex(8)
        self._retry_failed = retry_failed
        self._progress = progress
        self._backoff = backoff or Backoff()
        self._targets = Targets(recipe, transports or {})
        self._redactor = Redactor(recipe)
        self._journal = Journal(home)
        self._flights = flights_of(home)
        self._landed: list[Flight] = []
        self._moves_of_ours = 0
        self._not_ok: dict[str, StoredCall] = {}
        self._sender: Sender | None = None
        self._runner: asyncio.Runner | None = None
        self._halted_by: Exception | None = None
        self._interrupt: BaseException | None = None
        self._window_task: asyncio.Task[Any] | None = None
        self._flushed_at = time.monotonic()
        self._is_closed = False
        recover(home, calls)

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

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply per request, in their order; requests are taken a window at a time.

        Errors: `RecipeError` (unknown model, missing key), `BudgetExceeded`, `JournalError`, and
        a `RejectedCallError` that stops the run. Calls in flight then are waited for and kept;
        an interrupt cancels them.
        """
        source = iter(requests)
        while window := list(islice(source, self._window_size)):
            yield from self._answer(window)

    def key(self, request: Request) -> str:
        """Identity of a request, by which the store knows its calls."""
        return self._targets[request.model].key(request)

    def flush(self) -> int:
        """Moves journaled calls into the store; gives their number."""
        moved = self._journal.move_to(self._calls)
        self._flushed_at = time.monotonic()
        if self._landed:
            self._flights.moved(self._landed)
            self._moves_of_ours += 1
            self._landed = []
        if self._sender is not None:
            self._sender.ledger.write()
        return moved

    def close(self) -> None:
        """Flushes, and gives connections and files back. Closing twice does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.ExitStack() as last_first:
            last_first.callback(self._journal.close)
            if self._sender is not None:
                last_first.callback(self._sender.ledger.close)
            last_first.callback(self._forget_landed)
            last_first.callback(self.flush)
            last_first.callback(self._stop_loop)

    @property
    def _window_size(self) -> int:
        return max([WINDOW, *(4 * model.max_concurrency for model in self._recipe.models.values())])

    def _answer(self, window: list[Request]) -> list[Reply]:
        keys = [self.key(request) for request in window]
        moves_seen = self._moves_of_others()
        found = self._look_up(list(dict.fromkeys(keys)))
        unknown: Unknown = {
            key: (request, _next_attempt(found.get(key)))
            for key, request in zip(keys, window, strict=True)
            if not self._is_known(found.get(key))
        }
        sent: set[str] = set()
        if unknown:
            found |= self._run(unknown, moves_seen, sent)
        replies: list[Reply] = []
        for key in keys:  # of equal requests, the first paid and the others share its reply
            replies.append(found[key].reply(is_cached=key not in sent))
            self.stats.cached += key not in sent
            sent.discard(key)
        self._report()
        self._flush_if_due()
        return replies

    def _look_up(self, keys: list[str]) -> dict[str, StoredCall]:
        """What is known of each key: by this engine, by others of this process, by the store."""
        found = {key: self._not_ok[key] for key in keys if key in self._not_ok}
        found |= self._flights.landed(key for key in keys if key not in found)
        rest = [key for key in keys if key not in found]
        return found | (self._calls.lookup(rest) if rest else {})

    def _is_known(self, call: StoredCall | None) -> bool:
        if call is None:
            return False
        if call.key in self._not_ok:
            return True  # this engine has asked already; a run treats one key one way
        return call.is_settled and (call.status == "ok" or not self._retry_failed)

    def _moves_of_others(self) -> int:
        return self._flights.moves - self._moves_of_ours

    def _run(self, unknown: Unknown, moves_seen: int, sent: set[str]) -> dict[str, StoredCall]:
        """Sends all that is unknown. The loop outlives the window, and so do connections."""
        sender = self._open(unknown)
        assert self._runner is not None
        try:
            made = self._runner.run(self._send_all(sender, unknown, moves_seen, sent))
        except BaseException:
            self._stop_loop()
            raise
        if self._halted_by is not None:
            raise self._halted_by
        return made

    def _open(self, unknown: Unknown) -> Sender:
        if self._is_closed:
            raise SynthError("this engine is closed; make another one for further requests")
        for name in sorted({request.model for request, _ in unknown.values()}):
            self._targets.require_callable(name)
        if self._runner is None:
            self._runner = asyncio.Runner()
            self._runner.get_loop().set_exception_handler(self._on_loop_error)
        self._halted_by = None
        if self._sender is None:
            ledger = Ledger(
                self._home / "budget.sqlite",
                recipe=self._recipe.name,
                run_id=self._run_id,
                limits=self._recipe.limits.budget,
                owner=self._journal.open(),
            )
            self._sender = Sender(
                ledger,
                self._journal,
                self._redactor,
                self._backoff,
                self._asked_for,
                lambda: self._halted_by is not None,
            )
        return self._sender

    async def _send_all(
        self, sender: Sender, unknown: Unknown, moves_seen: int, sent: set[str]
    ) -> dict[str, StoredCall]:
        self._window_task = asyncio.current_task()
        tasks = {
            asyncio.create_task(self._guarded(sender, (key, attempt), request, moves_seen, sent))
            for key, (request, attempt) in unknown.items()
        }
        pending, made = tasks, {}
        try:
            while pending:
                done, pending = await asyncio.wait(
                    pending, timeout=TICK_S, return_when=asyncio.FIRST_EXCEPTION
                )
                for call in [task.result() for task in done]:  # an interrupt comes out here
                    if call is not None:
                        made[call.key] = call
                with self._halting():
                    self._report()
                    self._flush_if_due()
        except asyncio.CancelledError:
            if self._interrupt is not None:
                raise self._interrupt from None
            raise
        return made

    async def _guarded(
        self, sender: Sender, flight: Flight, request: Request, moves_seen: int, sent: set[str]
    ) -> StoredCall | None:
        with self._halting():
            return await self._call(sender, flight, request, moves_seen, sent)
        return None

    @contextlib.contextmanager
    def _halting(self) -> Iterator[None]:
        """An error lets the calls in flight finish, lets no further one begin, and is raised
        when the window ends; interrupts are no errors and go through."""
        try:
            yield
        except Exception as error:
            if self._halted_by is None:
                self._halted_by = self._without_secrets(error)

    async def _call(
        self, sender: Sender, flight: Flight, request: Request, moves_seen: int, sent: set[str]
    ) -> StoredCall | None:
        """The call of one key: joined where this process sends it already, else sent."""
        while self._halted_by is None:
            claimed = self._flights.claim(flight)
            if claimed is None:
                try:
                    return await self._send(sender, flight, request, moves_seen, sent)
                finally:
                    self._flights.abandon(flight)
            if isinstance(claimed, StoredCall):
                return claimed
            joined = await asyncio.wrap_future(claimed)
            if joined is not None:
                return joined
        return None

    async def _send(
        self, sender: Sender, flight: Flight, request: Request, moves_seen: int, sent: set[str]
    ) -> StoredCall | None:
        key, attempt = flight
        target = self._targets[request.model]
        async with target.slots:
            if self._halted_by is not None:
                return None
            if self._moves_of_others() != moves_seen:
                # Another engine has stored calls since this window was looked up.
                found = self._calls.lookup([key]).get(key)
                if found is not None and found.attempt >= attempt and self._is_known(found):
                    return found
            call = await sender.send(target, request, key=key, attempt=attempt)
        if call is None:
            return None
        # The slot is free: waiting for the disk delays this caller, not the next call.
        await self._journal.durable()
        self._flights.land(flight, call)
        self._landed.append(flight)
        if call.status != "ok":
            self._not_ok[key] = call
        self.stats.add(call)
        sent.add(key)
        return call

    def _without_secrets(self, error: Exception) -> Exception:
        """A call's error as it may be shown: no secret in it, and no cause that holds one."""
        if not isinstance(error, CallError):
            return error
        return type(error)(self._redactor.message(str(error)), kind=error.kind)

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self.stats)

    def _flush_if_due(self) -> None:
        if time.monotonic() - self._flushed_at >= FLUSH_S:
            self.flush()

    def _forget_landed(self) -> None:
        """What could not be moved is no longer vouched for by this process: the journal is."""
        self._flights.moved(self._landed)
        self._landed = []

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop swallows what a signal handler raises inside a callback: it goes on here."""
        error = context.get("exception")
        if error is None or isinstance(error, Exception) or self._window_task is None:
            loop.default_exception_handler(context)
            return
        self._interrupt = error
        self._window_task.cancel()

    def _stop_loop(self) -> None:
        """Cancels what is in flight and closes connections, then the loop."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        try:
            for task in asyncio.all_tasks(runner.get_loop()):
                task.cancel()
            runner.run(self._wait_and_disconnect())
        finally:
            runner.close()

    async def _wait_and_disconnect(self) -> None:
        cancelled = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*cancelled, return_exceptions=True)
        await self._targets.close()


def _next_attempt(call: StoredCall | None) -> int:
    return 0 if call is None else call.attempt + 1
