"""Every recipe that ships runs whole, offline, and a second run makes no call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synth_assets.project import recipe_paths
from synth_assets_tests.command import run_as_json

pytestmark = pytest.mark.full


@pytest.mark.parametrize("recipe", [path.stem for path in recipe_paths()])
def test_a_recipe_that_ships_runs_whole_and_then_makes_no_call(recipe: str, tmp_path: Path):
    needs_data = "${SYNTH_TEST_DATA}" in Path(f"recipes/{recipe}.yaml").read_text()
    if needs_data and not os.environ.get("SYNTH_TEST_DATA"):
        pytest.skip("SYNTH_TEST_DATA is not set")
    first = run_as_json("run", recipe, home=tmp_path)
    assert first["rows"]["sft_set"]["kept"] > 0
    assert run_as_json("run", recipe, home=tmp_path)["calls_made"] == 0
