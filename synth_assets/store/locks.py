"""Locks between processes: a path in, a held flock out; it dies with its holder, not by pid."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import local

from synth_assets.errors import LakeError

_held_here = local()


class FileLock:
    """An exclusive flock on a file that says, for people, who holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, holder: str = "", *, wait: bool = True) -> bool:
        """Takes the lock; False where another holds it and ``wait`` is False."""
        if self._descriptor is not None:
            return True  # a second descriptor of ours would wait for the first, for ever
        while True:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                if _is_still_the_file(descriptor, self.path):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, holder.encode(), 0)
                    self._descriptor = descriptor
                    return True
                # The file was removed between opening and locking: it would guard nothing.
            except BlockingIOError:
                return False
            finally:
                if self._descriptor is None:
                    os.close(descriptor)

    def release(self, *, remove: bool = False) -> None:
        """Gives the lock back; ``remove`` deletes the file first, while it is still held."""
        if self._descriptor is None:
            return
        if remove and _is_still_the_file(self._descriptor, self.path):
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def holder(self) -> str:
        """Who wrote the file last; empty where nobody did."""
        try:
            return self.path.read_text()
        except FileNotFoundError:
            return ""


def is_free(path: Path) -> bool:
    """True where someone held the lock and nobody does any more: its process is gone.

    A file that says no holder is one that is just being taken. It is never made anew here: a lock
    that was given back and removed meanwhile is no dead process's.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if not os.fstat(descriptor).st_size:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _is_still_the_file(descriptor, path)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _is_still_the_file(descriptor: int, path: Path) -> bool:
    try:
        ours, there = os.fstat(descriptor), path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


@contextmanager
def held(path: Path, holder: str = "") -> Iterator[None]:
    """Holds the lock at ``path`` for the length of the block.

    Errors: `LakeError` where this thread holds it already: it would wait for itself, for ever.
    """
    mine: set[Path] = _held_here.__dict__.setdefault("paths", set())
    if path in mine:
        raise LakeError(
            f"{path} is held by this very thread: a transaction or a new connection to the lake "
            "began within a transaction; begin it before or after"
        )
    lock = FileLock(path)
    lock.acquire(holder)
    mine.add(path)
    try:
        yield
    finally:
        mine.discard(path)
        lock.release()
