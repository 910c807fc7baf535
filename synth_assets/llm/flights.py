"""Keys in, at most one sender per key in this process out, whichever engine or thread asks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from synth_assets.llm.call_store import StoredCall

Flight = tuple[str, int]
"""A key and the attempt at it."""


class Passenger(Protocol):
    """Who wants a call. Told of its end from the thread of whoever sends it, so that nobody
    waits on a thread of another."""

    @property
    def flight(self) -> Flight: ...

    is_sender: bool

    def landed(self, call: StoredCall) -> None: ...

    def abandoned(self) -> None:
        """Its sender gave up: it may be claimed again."""
        ...


Wanted = TypeVar("Wanted", bound=Passenger)


class Flights:
    """The calls of this process that are in flight, or journaled and not yet in the store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Flight, list[Passenger]] = {}
        self._landed: dict[str, StoredCall] = {}
        self.moves = 0
        """How often landed calls went into the store: a look-up made before may be out of date."""

    def landed(self, keys: Iterable[str]) -> dict[str, StoredCall]:
        """The newest landed call of each key that has one and is not yet in the store."""
        if not self._landed:
            return {}
        with self._lock:
            return {key: self._landed[key] for key in keys if key in self._landed}

    def claim(self, wanted: Sequence[Wanted], moves: int | None = None) -> list[Wanted] | None:
        """Those whose sender the caller is now, who must `land` or `abandon` each; the others
        are told, at once where their call has landed already. None, and nothing claimed, where
        calls went into the store since ``moves``: look up again.
        """
        ours: list[Wanted] = []
        known: list[tuple[Wanted, StoredCall]] = []
        with self._lock:
            if moves is not None and self.moves != moves:
                return None
            for passenger in wanted:
                flight = passenger.flight
                call = self._landed.get(flight[0])
                if call is not None and call.attempt >= flight[1]:
                    known.append((passenger, call))
                elif flight in self._open:
                    self._open[flight].append(passenger)
                else:
                    self._open[flight] = []
                    passenger.is_sender = True
                    ours.append(passenger)
        for passenger, call in known:
            passenger.landed(call)
        return ours

    def land(self, landed: Sequence[tuple[Flight, StoredCall]]) -> None:
        """These are journaled: all who wait for them are told."""
        told: list[tuple[Passenger, StoredCall]] = []
        with self._lock:
            for flight, call in landed:
                self._landed[flight[0]] = call
                told += [(passenger, call) for passenger in self._open.pop(flight, ())]
        for passenger, call in told:
            passenger.landed(call)

    def abandon(self, flights: Iterable[Flight]) -> None:
        """The sender gives up; those who wait may send it. Nothing where it has landed."""
        with self._lock:
            left = [passenger for flight in flights for passenger in self._open.pop(flight, ())]
        for passenger in left:
            passenger.abandoned()

    def leave(self, passengers: Iterable[Passenger]) -> None:
        """These wait no longer for what others send."""
        with self._lock:
            for passenger in passengers:
                waiting = self._open.get(passenger.flight, [])
                if passenger in waiting:
                    waiting.remove(passenger)

    def moved(self, calls: Iterable[StoredCall]) -> None:
        """These are in the store now."""
        with self._lock:
            for call in calls:
                newest = self._landed.get(call.key)
                if newest is not None and newest.attempt <= call.attempt:
                    del self._landed[call.key]
            self.moves += 1


_OF_HOME: dict[Path, Flights] = {}
_OF_HOME_LOCK = threading.Lock()


def flights_of(home: Path) -> Flights:
    """The flights that all engines of this process with this home share."""
    with _OF_HOME_LOCK:
        return _OF_HOME.setdefault(home.resolve(), Flights())
