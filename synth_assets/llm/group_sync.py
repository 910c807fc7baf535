"""Lines that were journaled in; those that are on disk, a group for each fsync, out.

The fsync runs in a thread of its own, so that it delays its callers and not the next call. The
first line after a pause is synced at once; under load a group gathers for `GROUP_S`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from synth_assets.llm.journal import Journal, JournalError

GROUP_S = 0.05
"""How long lines may wait for others to share their fsync."""

Item = TypeVar("Item")


class GroupSync(Generic[Item]):
    """Lives in one event loop. ``on_disk`` gets each group; ``failed`` gets what went wrong, and
    its group is never handed out."""

    def __init__(
        self,
        journal: Journal,
        on_disk: Callable[[list[Item]], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._journal = journal
        self._on_disk, self._failed = on_disk, failed
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "synth-journal")
        self._waiting: list[Item] = []
        self._is_due = False
        self._synced_at = -GROUP_S
        self._running: set[asyncio.Task[None]] = set()

    @property
    def is_idle(self) -> bool:
        return not self._waiting and not self._running

    def add(self, item: Item) -> None:
        """``item``'s line was just appended."""
        self._waiting.append(item)
        if not self._is_due and not self._running:
            self._schedule()

    def _schedule(self) -> None:
        self._is_due = True
        wait_s = self._synced_at + GROUP_S - self._loop.time()
        if wait_s > 0:
            self._loop.call_later(wait_s, self._start)
        else:
            self._loop.call_soon(self._start)  # what else ends in this turn of the loop joins

    def _start(self) -> None:
        self._is_due = False
        if self._waiting and not self._running:
            task = self._loop.create_task(self._sync())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _sync(self) -> None:
        group, self._waiting = self._waiting, []
        self._synced_at = self._loop.time()
        try:
            copies = self._journal.unsynced()
            await self._loop.run_in_executor(self._thread, _sync_and_close, copies)
        except OSError as error:
            path = self._journal.position[0]
            self._failed(
                JournalError(
                    f"the journal {path} cannot be synced ({error.strerror}); every reply handed "
                    "out so far is kept: make room or rights there, then run again"
                )
            )
        else:
            self._on_disk(group)
        self._running.clear()
        if self._waiting:
            self._schedule()

    async def drain(self) -> None:
        """Syncs what waits, at once."""
        while self._waiting or self._running:
            self._start()
            await asyncio.gather(*self._running)

    def close(self) -> None:
        self._thread.shutdown(wait=True)


def _sync_and_close(descriptors: list[int]) -> None:
    try:
        for descriptor in descriptors:
            os.fsync(descriptor)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
