"""Locks die with their process, and say truthfully whether anyone holds them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synth_assets.errors import LakeError
from synth_assets.store.locks import FileLock, held, is_free

HOLDER = """
import sys
from pathlib import Path
from synth_assets.store.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire("another process")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lock_held_by_a_process_is_free_when_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "run"
    mine = FileLock(path)
    with another_holder(path) as process:
        assert not mine.acquire("mine", wait=False)
        assert mine.holder() == "another process"
        assert not is_free(path)
        process.kill()
        process.wait()
        assert is_free(path)
        assert mine.acquire("mine", wait=False)
        assert mine.holder() == "mine"
        assert not is_free(path)
        mine.release()


def test_a_lock_that_nobody_ever_took_is_not_free(tmp_path: Path) -> None:
    """Free means that its holder is gone, which ends a run."""
    assert not is_free(tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_lock_that_is_just_being_taken_is_not_free(tmp_path: Path) -> None:
    """Its file is there, empty, an instant before it is held."""
    path = tmp_path / "run"
    path.touch()
    assert not is_free(path)


def test_asking_whether_a_lock_is_free_leaves_it_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "run"
    lock = FileLock(path)
    lock.acquire("run-1")
    lock.release()
    assert is_free(path)
    assert is_free(path)
    assert lock.holder() == "run-1"


def test_a_lock_given_back_and_removed_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "run"
    lock = FileLock(path)
    lock.acquire("run-1")
    lock.release(remove=True)
    assert not path.exists()
    assert not is_free(path)
    assert lock.holder() == ""
    lock.release()


def test_a_file_removed_while_one_waits_for_it_guards_nothing_and_is_made_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run"
    first, second, third = FileLock(path), FileLock(path), FileLock(path)
    first.acquire("first")
    waiting = threading.Thread(target=second.acquire, args=("second",))
    waiting.start()
    first.release(remove=True)
    waiting.join()
    assert second.holder() == "second"
    assert not third.acquire("third", wait=False)
    second.release()


def test_removing_does_not_take_away_a_file_that_others_hold_by_now(tmp_path: Path) -> None:
    path = tmp_path / "run"
    old, new = FileLock(path), FileLock(path)
    old.acquire("old")
    path.unlink()
    new.acquire("new")
    old.release(remove=True)
    assert new.holder() == "new"
    assert not is_free(path)
    new.release()


def test_taking_a_lock_twice_is_having_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "run")
    assert lock.acquire("mine")
    assert lock.acquire("mine")
    lock.release()
    assert is_free(tmp_path / "run")


def test_a_lock_is_not_inherited_by_child_processes(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "run")
    lock.acquire("mine")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        lock.release()
        assert is_free(tmp_path / "run")
        child.kill()


def test_a_block_holds_its_lock_and_gives_it_back_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lake.lock"
    with pytest.raises(KeyError), held(path, "mine"):
        assert not FileLock(path).acquire(wait=False)
        raise KeyError
    assert FileLock(path).acquire(wait=False)


def test_a_thread_is_told_instead_of_waiting_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "lake.lock"
    with held(path), pytest.raises(LakeError, match="held by this very thread"), held(path):
        pass
    with held(path):
        pass


def test_another_thread_waits_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "lake.lock"
    order: list[str] = []

    def work() -> None:
        with held(path):
            order.append("other")

    with held(path):
        thread = threading.Thread(target=work)
        thread.start()
        order.append("mine")
    thread.join()
    assert order == ["mine", "other"]


def test_a_descriptor_is_not_leaked(tmp_path: Path) -> None:
    path = tmp_path / "run"
    lock, other = FileLock(path), FileLock(path)
    lock.acquire("mine")
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        assert not other.acquire(wait=False)
        assert not is_free(path)
    assert len(list(Path("/dev/fd").iterdir())) == before
    lock.release()
