"""Requests in; for each the place of its reply, and the calls that this engine has to send, out.

Look-ups in the store are done for many keys at once: some thousand while there is something to
send, and more while all is known, since a look-up reads the column of keys whatever it asks for.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from synth_assets.llm.call_store import CallStore, StoredCall
from synth_assets.llm.flights import Flights
from synth_assets.llm.pending import Pending
from synth_assets.llm.request import Request
from synth_assets.llm.targets import Target, Targets
from synth_assets.llm.waiting_room import WaitingRoom

FIRST_CHUNK = 128
"""The first requests are sent while the next ones are looked up."""

CHUNK = 1024
LARGEST_CHUNK = 16_384
CHUNK_S = 0.02
KNOWN_CHUNK_S = 0.25
"""How long a slow source of requests may hold up those taken already: little while there is
something to send, and longer while all is known, since then nothing but replies is late."""


class Place:
    """The place of one request's reply, in the order of the requests."""

    __slots__ = ("_known", "_pending", "is_first")

    def __init__(self, known: StoredCall | None, pending: Pending | None, is_first: bool) -> None:
        self._known = known
        self._pending = pending
        self.is_first = is_first
        """Of equal requests the first pays, and the others share its reply."""

    @property
    def call(self) -> StoredCall | None:
        return self._known if self._pending is None else self._pending.call

    @property
    def is_made(self) -> bool:
        """This engine made the call."""
        return self._pending is not None and self._pending.is_made

    def leave(self) -> None:
        """Nobody waits here any more."""
        if self._pending is not None:
            self._pending.askers -= 1


@dataclass(frozen=True, slots=True)
class Taken:
    """places: one for each request, in order. to_send: calls claimed by this engine."""

    places: list[Place]
    to_send: list[Pending]


class Intake:
    """Belongs to the caller's thread."""

    def __init__(
        self,
        room: WaitingRoom,
        targets: Targets,
        flights: Flights,
        calls: CallStore,
        retry_failed: bool,
    ) -> None:
        self._room, self._targets, self._flights = room, targets, flights
        self._calls, self._retry_failed = calls, retry_failed
        self._chunk, self._chunk_s = FIRST_CHUNK, CHUNK_S

    def take(self, source: Iterator[Request]) -> Taken | None:
        """The next requests of ``source``; None where there are no more. Errors: `RecipeError`
        before anything is claimed."""
        requests = self._requests(source)
        if not requests:
            return None
        keys: list[str] = []
        joined: dict[str, Pending] = {}
        fresh: dict[str, tuple[Target, Request, str]] = {}
        for request in requests:
            target = self._targets[request.model]
            key, canonical = target.identify(request)
            keys.append(key)
            pending = self._room.open.get(key)
            if pending is not None:
                joined[key] = pending
            elif key not in fresh and key not in joined:  # the first of equal ones
                fresh[key] = (target, request, canonical)
        found, pendings, ours = self._claim(fresh)
        is_all_known = not (pendings or joined)
        self._chunk = min(LARGEST_CHUNK if is_all_known else CHUNK, 2 * self._chunk)
        self._chunk_s = KNOWN_CHUNK_S if is_all_known else CHUNK_S
        if is_all_known:
            return Taken([Place(found[key], None, False) for key in keys], ours)
        places: list[Place] = []
        unseen = set(pendings)
        for key in keys:
            pending = pendings.get(key) or joined.get(key)
            if pending is None:
                places.append(Place(found[key], None, False))
                continue
            pending.askers += 1
            places.append(Place(None, pending, key in unseen))
            unseen.discard(key)
        return Taken(places, ours)

    def _requests(self, source: Iterator[Request]) -> list[Request]:
        """The next requests, as many as are there in time."""
        requests: list[Request] = []
        until = None
        for request in source:
            requests.append(request)
            now = time.monotonic()
            until = now + self._chunk_s if until is None else until
            if len(requests) >= self._chunk or now >= until:
                break
        return requests

    def claim_again(self, dropped: list[Pending]) -> list[Pending]:
        """Calls that their senders gave up: those that this engine sends now."""
        ours = self._flights.claim(dropped)
        assert ours is not None
        return ours

    def give_up(self, pendings: Iterable[Pending]) -> None:
        """Claimed calls that are not sent after all."""
        pendings = list(pendings)
        self._flights.abandon(pending.flight for pending in pendings if pending.is_sender)
        for pending in pendings:
            pending.is_sender = False
            self._room.open.pop(pending.key, None)

    def _claim(
        self, fresh: dict[str, tuple[Target, Request, str]]
    ) -> tuple[dict[str, StoredCall], dict[str, Pending], list[Pending]]:
        """What is known; what is pending; and what of that this engine has to send."""
        while True:
            moves = self._flights.moves
            wants_bodies = any(request.wants_body for _, request, _ in fresh.values())
            found = self._look_up(list(fresh), wants_bodies)
            pendings = {
                key: Pending(
                    self._room, target, request, key, canonical, _next_attempt(found.get(key))
                )
                for key, (target, request, canonical) in fresh.items()
                if not self._is_known(found.get(key))
            }
            for name in sorted({pending.target.name for pending in pendings.values()}):
                self._targets.require_callable(name)
            self._room.open.update(pendings)
            ours = self._flights.claim(list(pendings.values()), moves)
            if ours is not None:
                return found, pendings, ours
            # Calls went into the store since the look-up: what was unknown may be known now.
            for key in pendings:
                self._room.open.pop(key, None)

    def _look_up(self, keys: list[str], wants_bodies: bool) -> dict[str, StoredCall]:
        """What is known of each key: by this engine, by others of this process, by the store."""
        not_ok = self._room.not_ok
        found = {key: not_ok[key] for key in keys if key in not_ok} if not_ok else {}
        rest = [key for key in keys if key not in found] if found else keys
        landed = self._flights.landed(rest)
        if landed:
            found |= landed
            rest = [key for key in rest if key not in landed]
        if not rest:
            return found
        stored = self._calls.lookup(rest, with_bodies=wants_bodies)
        return found | stored if found else stored

    def _is_known(self, call: StoredCall | None) -> bool:
        if call is None:
            return False
        if call.key in self._room.not_ok:
            return True  # this engine has asked already; a run treats one key one way
        return call.is_settled and (call.status == "ok" or not self._retry_failed)


def _next_attempt(call: StoredCall | None) -> int:
    return 0 if call is None else call.attempt + 1
