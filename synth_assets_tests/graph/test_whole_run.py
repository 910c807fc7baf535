"""A whole recipe through Dagster: a first run makes every table, a second one does nothing."""

from __future__ import annotations

from synth_assets_tests.graph.conftest import Finished
from synth_assets_tests.graph.pipeline import Pipeline

TABLES = (
    "seed_prompts",
    "evaluation_prompts",
    "rounds",
    "self_instruct_prompts",
    "evolved_prompts",
    "mutated_prompts",
    "completions",
    "verifications",
    "ratings",
    "judgments",
    "scored_completions",
    "sft_set",
    "dpo_set",
    "dropped_rows",
    "round_health",
    "cost_by_stage",
    "cost_of_accepted",
)
EXPORTS = ("sft_export", "dpo_export")


def test_a_first_run_makes_every_table(finished: Finished):
    assert finished.first.failures == {}
    assert sorted(finished.first.made) == sorted((*TABLES, *EXPORTS))
    for table in (*TABLES, *EXPORTS):
        assert finished.first.metadata[table]["dagster/row_count"] > 0, table


def test_every_check_passes_on_a_sound_run(finished: Finished):
    assert finished.first.failed_checks == set()
    assert finished.second.failed_checks == set()
    assert finished.first.checks.keys() == finished.second.checks.keys()


def test_a_check_that_was_not_run_again_says_so(finished: Finished):
    assert finished.first.told_again == {}
    told = finished.second.told_again
    assert {table for table, _ in told} == set(TABLES)
    assert all(0 < version <= finished.versions[0] for version in told.values())


def test_a_second_run_asks_nothing_and_makes_no_new_version(finished: Finished):
    first, second = finished.asked
    assert first > 0
    assert second == 0
    before, after = finished.versions
    assert before == after


def test_a_second_run_leaves_every_data_version_as_it_was(finished: Finished):
    assert finished.second.failures == {}
    assert finished.second.data_versions == finished.first.data_versions
    for table in TABLES:
        assert finished.second.metadata[table]["rounds_made"] == 0, table
        assert finished.second.metadata[table]["rows_new"] == 0, table


def test_metadata_say_what_was_kept_called_and_paid(finished: Finished):
    said = finished.first.metadata["self_instruct_prompts"]
    assert (said["rows_kept"], said["rows_dropped"], said["drop_rate"]) == (2, 0, 0.0)
    assert (said["calls_made"], said["calls_reused"], said["calls_failed"]) == (2, 0, 0)
    assert said["input_tokens"] > 0
    assert "cost_usd" in said
    assert "Compose a short poem about rain" in said["sample"]
    assert finished.first.metadata["ratings"]["mean_rating"] == 4.5


def test_kept_and_dropped_account_for_every_candidate(whole: Pipeline):
    rows = whole.read("mutated_prompts")
    parts = ("self_instruct_prompts", "evolved_prompts", "seed_prompts")
    candidates = set[str]().union(*(whole.read(part)["prompt_id"] for part in parts))
    assert set(rows["prompt_id"]) == candidates
    assert rows.height == len(candidates) == 3 + 2 + 1
    placed = whole.count(
        "SELECT count(*) FROM (SELECT completion_id FROM lake.tiny.sft_set UNION ALL "
        "SELECT row_id FROM lake.tiny.dropped_rows WHERE stage = 'completions')"
    )
    assert placed == whole.read("completions").height == 2 * 6


def test_the_data_version_is_the_content_hash_of_the_table(finished: Finished, whole: Pipeline):
    hashes = whole.hashes(TABLES)
    assert {table: finished.first.data_versions[table] for table in TABLES} == hashes
    assert len(set(hashes.values())) == len(TABLES)
