"""Every declared check, run alone on a lake that someone wrote into past the commits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from synth_assets_tests.graph.conftest import WHOLE, Finished
from synth_assets_tests.graph.pipeline import Ran, pipeline

SETS = ("sft_set", "dpo_set")
TWICE = "INSERT INTO lake.tiny.{0} SELECT * FROM lake.tiny.{0} ORDER BY ALL LIMIT 1"
TAMPERING: dict[str, tuple[str, ...]] = {
    "seed_prompts": (TWICE, "UPDATE {0} SET split = 'dev'"),
    "evaluation_prompts": (TWICE,),
    "rounds": (TWICE,),
    "self_instruct_prompts": (TWICE, "UPDATE {0} SET drop_reason = 'keyword'"),
    "evolved_prompts": (
        TWICE,
        "UPDATE {0} SET drop_reason = 'cut_off', derived_from = ['nobody']",
    ),
    "mutated_prompts": (TWICE, "UPDATE {0} SET drop_reason = 'too_long', split = 'dev'"),
    "completions": (TWICE, "UPDATE {0} SET status = 'failed', prompt_id = 'nobody'"),
    "verifications": (TWICE, "UPDATE {0} SET status = 'maybe', completion_id = 'nobody'"),
    "ratings": (
        TWICE,
        "UPDATE {0} SET completion_id = 'nobody', "
        "status = CASE WHEN position = 0 THEN 'failed' ELSE 'unparsed' END",
    ),
    "judgments": (TWICE, "UPDATE {0} SET completion_id = 'nobody'"),
    "scored_completions": (
        TWICE,
        "UPDATE {0} SET status = 'lost', mean_rating = 9, criteria_rated = 0, round = NULL, "
        "completion_id = 'nobody'",
    ),
    "sft_set": (
        TWICE,
        "UPDATE {0} SET split = 'dev', prompt_id = 'nobody', round = NULL, messages = "
        "[{{'role': 'user', 'content': 'And?'}}], licences = ['agpl-3.0']",
    ),
    "dpo_set": (
        TWICE,
        "UPDATE {0} SET split = 'dev', prompt_id = 'nobody', round = NULL, is_tie = true, "
        "margin = -1, chosen = rejected, family_id = 'family', pairing = 'best_vs_worst', "
        "licences = ['agpl-3.0'], soft_label = 2",
        "INSERT INTO lake.tiny.dpo_set BY NAME "
        "SELECT * REPLACE ('test' AS split, false AS is_tie) FROM lake.tiny.dpo_set LIMIT 1",
    ),
    "dropped_rows": (
        TWICE,
        "UPDATE {0} SET reason = 'a whim', round = NULL",
        "UPDATE {0} SET stage = 'nowhere' WHERE row_id = (SELECT min(row_id) FROM {0})",
    ),
    "round_health": (TWICE, "UPDATE {0} SET value = 7, metric = 'ok_share'",
                     "UPDATE {0} SET round = NULL",
                     "INSERT INTO {0} BY NAME SELECT r.* REPLACE (m.metric AS metric, m.value AS "
                     "value) FROM (FROM {0} LIMIT 1) AS r, (VALUES ('sft_self_share_so_far', 7.0), "
                     "('error_share', 0.9), ('error_limit', 0.5)) AS m(metric, value)"),
    "cost_by_stage": (
        TWICE,
        "UPDATE {0} SET rows_kept = rows + 1, calls_without_price = 0, cost_usd = NULL, "
        "stage = 'elsewhere', round = NULL",
    ),
    "cost_of_accepted": (
        TWICE,
        "UPDATE {0} SET cost_usd = NULL, calls_without_price = 0, calls = 9, round = NULL",
        "INSERT INTO lake.tiny.cost_of_accepted BY NAME SELECT * REPLACE (2.0 AS cost_usd, "
        "1 AS examples, 1.0 AS usd_per_example) FROM lake.tiny.cost_of_accepted LIMIT 1",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def tampered(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All checks, and nothing else, on a lake that is wrong in every way."""
    folder = tmp_path_factory.mktemp("tampered")
    shutil.copytree(finished.folder, folder, dirs_exist_ok=True)
    with pipeline(folder, **WHOLE) as whole:
        with whole.lake() as lake:
            for table, statements in TAMPERING.items():
                for statement in statements:
                    name = table if statement is TWICE else f"lake.tiny.{table}"
                    lake.connection.execute(statement.format(name))
        (folder / "held_out.jsonl").write_text('{"prompt": "Another question."}\n')
        spoil_exports(folder / "home" / "exports")
        return whole.run_checks()


def spoil_exports(folder: Path) -> None:
    """Takes the rows' own files away."""
    for file in folder.rglob("data/**/*.parquet"):
        file.unlink()


def test_checks_that_run_alone_make_nothing(tampered: Ran):
    assert tampered.made == []


def test_a_blocking_check_that_fails_alone_fails_its_step(tampered: Ran):
    blocking = {table for table, _ in tampered.failed_checks - tampered.warnings}
    assert tampered.failures.keys() == blocking


def test_every_declared_check_finds_what_is_wrong(finished: Finished, tampered: Ran):
    assert tampered.checks.keys() == finished.first.checks.keys()
    assert finished.first.checks.keys() - tampered.failed_checks == set()


def test_a_failure_says_how_many_rows_offend(tampered: Ran):
    assert tampered.offending["rounds", "ids_are_unique"] == 2
    assert tampered.offending["evolved_prompts", "derived_from_exists"] == 2
    assert tampered.offending["seed_prompts", "split_is_known"] == 4


def test_only_what_a_person_should_look_at_is_a_warning(tampered: Ran):
    assert tampered.warnings == {
        ("self_instruct_prompts", "something_is_kept"),
        ("evolved_prompts", "something_is_kept"),
        ("mutated_prompts", "something_is_kept"),
        ("ratings", "replies_are_parsed"),
        *((table, "is_current") for table in SETS),
    }
