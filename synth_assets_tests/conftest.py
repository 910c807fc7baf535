"""What makes a long run of small tests cheap: every test works on a few rows."""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # more only wait for each other over a few rows
