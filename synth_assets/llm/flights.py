"""Keys in, at most one sender per key in this process out, whichever engine or thread asks."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path

from synth_assets.llm.call_store import StoredCall

Flight = tuple[str, int]
"""A key and the attempt at it."""


class Flights:
    """The calls of this process that are in flight, or journaled and not yet in the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Flight, Future[StoredCall | None]] = {}
        self._landed: dict[Flight, StoredCall] = {}
        self.moves = 0
        """How often landed calls went into the store: a look-up made before may be out of date."""

    def landed(self, keys: Iterable[str]) -> dict[str, StoredCall]:
        """The newest landed call of each key that has one and is not yet in the store."""
        with self._lock:
            if not self._landed:
                return {}
            newest: dict[str, StoredCall] = {}
            wanted = set(keys)
            for (key, attempt), call in self._landed.items():
                if key in wanted and (key not in newest or attempt > newest[key].attempt):
                    newest[key] = call
            return newest

    def claim(self, flight: Flight) -> Future[StoredCall | None] | StoredCall | None:
        """None makes the caller its sender, who must `land` or `abandon` it; else the call that
        landed, or a future to wait for, which gives None where its sender gave up."""
        with self._lock:
            if flight in self._landed:
                return self._landed[flight]
            if flight in self._open:
                return self._open[flight]
            future: Future[StoredCall | None] = Future()
            future.set_running_or_notify_cancel()  # who waits may not cancel what another sends
            self._open[flight] = future
            return None

    def land(self, flight: Flight, call: StoredCall) -> None:
        with self._lock:
            self._landed[flight] = call
            future = self._open.pop(flight)
        future.set_result(call)

    def abandon(self, flight: Flight) -> None:
        """The sender gives up; whoever waits may send it. Nothing where it has landed."""
        with self._lock:
            future = self._open.pop(flight, None)
        if future is not None:
            future.set_result(None)

    def moved(self, flights: Iterable[Flight]) -> None:
        """These are in the store now."""
        with self._lock:
            for flight in flights:
                self._landed.pop(flight, None)
            self.moves += 1


_OF_HOME: dict[Path, Flights] = {}
_OF_HOME_LOCK = threading.Lock()


def flights_of(home: Path) -> Flights:
    """The flights that all engines of this process with this home share."""
    with _OF_HOME_LOCK:
        return _OF_HOME.setdefault(home.resolve(), Flights())
