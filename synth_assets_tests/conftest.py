"""What makes a long run of small tests cheap: every test works on a few rows."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import pytest

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # more only wait for each other over a few rows

gc.disable()  # until the tests are collected; see `pytest_collection_finish`

LONG = (
    ("browser", "cli", "test_demo.py", "test_extending.py", "store/test_crashes.py"),
    ("stages",),
    ("graph", "llm/test_crashes.py", "test_real_questions.py", "test_recipes_to_copy.py", "history",
     "llm/batches", "store", "sql"),
)  # fmt: skip
"""Folders and files of whole runs, each in its order. One tuple is for one worker: what shares a
world stays together, each takes about the same time, and what waits for other processes comes
early."""


def pytest_collection_finish() -> None:
    """Dagster's modules and the tests' own stay to the end, and are most of what the collector of
    garbage would look at again and again."""
    gc.collect()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where workers share the tests, each begins with long ones and ends with short ones, so that
    all end at the same time: xdist gives each an equal part of the list, in its order, and who has
    done with it takes from the end of another's."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    place = {
        name: (number, turn)
        for number, together in enumerate(LONG)
        for turn, name in enumerate(together)
    }
    turns: list[list[tuple[int, pytest.Item]]] = [[] for _ in range(workers)]
    short: list[pytest.Item] = []
    for item in items:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        of = [name for name in place if path == name or path.startswith(f"{name}/")]
        if of:
            number, turn = place[max(of, key=len)]
            turns[number % workers].append((turn, item))
        else:
            short.append(item)
    parts = [[item for _, item in sorted(part, key=itemgetter(0))] for part in turns]
    each = len(items) // workers
    for part in parts[:-1]:
        missing = max(0, each - len(part))
        part += short[:missing]
        short = short[missing:]
    parts[-1] += short
    items[:] = [item for part in parts for item in part]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tables of three rows cost more to share out among DuckDB's threads than to read."""
    connect = duckdb.connect

    def connect_with_one(*arguments: Any, config: Any = None, **named: Any) -> Any:
        return connect(*arguments, config={**(config or {}), "threads": 1}, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", connect_with_one)
        yield
