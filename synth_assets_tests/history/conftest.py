"""A recipe of two rounds of tables, made once and copied for each test that changes something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from synth_assets_tests.recipes import tiny_parts
from synth_assets_tests.stages.bench import Bench, bench

WHOLE: dict[str, Any] = {name: tiny_parts()[name] for name in ("completions", "judgments")}
SETS = (
    "scored_completions",
    "sft_set",
    "dpo_set",
    "dropped_rows",
    "round_health",
    "cost_by_stage",
    "cost_of_accepted",
)


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a recipe after its first run."""
    folder = tmp_path_factory.mktemp("first_run")
    with bench(folder, **WHOLE) as ready:
        ready.sets = SETS
        ready.run()
    return folder


@pytest.fixture
def made(tmp_path: Path, first_run: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    copytree(first_run, tmp_path, dirs_exist_ok=True)
    with bench(tmp_path, **WHOLE) as ready:
        ready.sets = SETS
        yield ready
