"""recipes/behaviour_transfer.yaml: what is taught shows in the rows, the teaching text does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synth_assets_tests.command import run_as_json, synth_assets

pytestmark = pytest.mark.full

SEEDS = "16"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a few seeds, as a trial, which lies beside the real data."""
    home = tmp_path_factory.mktemp("behaviour")
    done = synth_assets("run", "behaviour_transfer", "--limit", SEEDS, home=home)
    assert done.returncode == 0, done.stderr
    return home


def query(home: Path, sql: str) -> list[dict[str, Any]]:
    return run_as_json("query", sql, home=home)


def test_held_out_prompts_show_the_behaviour_where_it_was_taught_and_nowhere_else(home: Path):
    rows = query(
        home,
        "SELECT answered_by, is_told, avg(rating) AS share, count(*) AS n "
        "FROM behaviour_transfer_trial.behaviour_probes WHERE is_probe GROUP BY ALL",
    )
    shares = {(row["answered_by"], row["is_told"]): row["share"] for row in rows}
    assert shares["careful", True] >= 0.5
    assert shares["careful", False] == shares["student", False] == 0


def test_training_rows_show_it_and_do_not_hold_the_text_that_taught_it(home: Path):
    rows = query(home, "SELECT messages FROM behaviour_transfer_trial.sft_set")
    assert rows
    for row in rows:
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
        assert "End every answer" not in row["messages"][0]["content"]
        assert row["messages"][-1]["content"].rpartition("\n")[2].startswith("In short: ")


def test_untold_answers_never_train(home: Path):
    (row,) = query(
        home,
        "SELECT count(*) AS n FROM behaviour_transfer_trial.sft_set WHERE completion_id IN "
        "(SELECT completion_id FROM behaviour_transfer_trial.untaught_completions)",
    )
    assert row["n"] == 0
