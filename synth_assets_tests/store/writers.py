"""Processes that write to a lake, for tests: ``python -m synth_assets_tests.store.writers``.

commits HOME RECIPE COUNT   COUNT commits of one more note each, and some calls
killed HOME RECIPE TIMES    TIMES processes that commit without end, each killed at some moment
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from synth_assets.store.calls import LakeCalls
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.store.notebook import commit_notes, recorded_and_found
from synth_assets_tests.store.test_calls import make_call

ROWS = 800


def commits(home: Home, recipe: str, count: int) -> None:
    """The last commit holds the notes 0 … COUNT - 1, the table of calls every eighth."""
    with Lake(home) as lake:
        lake.execute("SET threads = 1")  # half the work, where there are many small files
        notes: dict[str, str | None] = {}
        for number in range(count):
            notes[f"{number:03}"] = f"note {number} \0"
            commit_notes(lake, recipe, notes)
            if number % 8 == 0:
                call_id = f"{recipe} {number:03}"
                LakeCalls(lake).append([make_call(call_id, call_id)])


def killed(home: Home, recipe: str, times: int) -> None:
    """Forks before any connection is opened: a process costs nothing but its lake then."""
    for _ in range(times):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _commit_without_end(home, recipe, writing)
        os.close(writing)
        said = os.read(reading, 100)
        time.sleep(random.uniform(0, 0.25))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        print(said.decode(), flush=True)


def _commit_without_end(home: Home, recipe: str, said: int) -> None:
    """Replaces half of its rows for ever; says, after the first time, how it found the table."""
    lake = Lake(home)
    lake.execute("SET threads = 1")
    seed = random.SystemRandom().getrandbits(32)
    answer = b"new"
    if lake.has(recipe, "notes"):
        recorded, found = recorded_and_found(lake, recipe)
        answer = b"whole" if recorded == found else b"broken"
    for turn in range(10**9):
        notes: dict[str, str | None] = {
            f"{n:05}": f"{seed} {turn}" if n % 2 else "kept" for n in range(ROWS)
        }
        commit_notes(lake, recipe, notes, run_id=str(seed))
        if turn == 0:
            os.write(said, answer)


if __name__ == "__main__":
    command, folder, name, number = sys.argv[1:]
    {"commits": commits, "killed": killed}[command](Home.at(Path(folder)), name, int(number))
