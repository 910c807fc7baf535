"""Folders for what DuckDB spills to disk: a home in, a folder of this connection's own out."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from synth_assets.store.home import Home
from synth_assets.store.locks import FileLock, is_free


class SpillFolder:
    """A folder that only one connection uses. What a killed process left goes with the next one.

    DuckDB's own default is ``.tmp`` where the process was started, shared by all of them.
    """

    def __init__(self, home: Home) -> None:
        _remove_leftovers(home)
        # Not content: two connections must never share a folder.
        name = f"{os.getpid()}-{random.SystemRandom().getrandbits(48):012x}"
        self.path = home.spill / name
        self._lock = FileLock(home.locks / "spill" / name)
        self._lock.acquire(name)
        home.spill.mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release(remove=True)


def _remove_leftovers(home: Home) -> None:
    locks = home.locks / "spill"
    for lock in sorted(locks.glob("*")) if locks.is_dir() else ():
        if is_free(lock):
            shutil.rmtree(home.spill / Path(lock.name), ignore_errors=True)
            lock.unlink(missing_ok=True)
