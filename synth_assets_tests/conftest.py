"""What makes a long run of small tests cheap: every test works on a few rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # more only wait for each other over a few rows


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tables of three rows cost more to share out among DuckDB's threads than to read."""
    connect = duckdb.connect

    def connect_with_one(*arguments: Any, config: Any = None, **named: Any) -> Any:
        return connect(*arguments, config={**(config or {}), "threads": 1}, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", connect_with_one)
        yield
