"""What makes a long run of small tests cheap: every test works on a few rows."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # more only wait for each other over a few rows


def pytest_collection_finish() -> None:
    """Some thousand tests and all that they import stay to the end: no search for garbage among
    them."""
    gc.collect()
    gc.freeze()
