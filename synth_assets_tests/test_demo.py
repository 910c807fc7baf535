"""The whole demo, as `make demo` runs it: quickstart through Dagster with the offline teacher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synth_assets_tests.command import run_as_json, synth_assets

GOLDEN = Path(__file__).parent / "golden" / "quickstart.json"

DECLARED_REASONS = {
    "self_instruct_prompts": {
        "cut_off",
        "too_short",
        "too_long",
        "keyword",
        "starts_with_write_a_program",
        "starts_with_punctuation",
        "not_novel",
    },
    "evolved_prompts": {
        "equal_to_parent",
        "copies_template",
        "completion_refuses",
        "completion_says_nothing",
    },
    "mutated_prompts": {"too_few_words", "too_many_words", "other_language", "contaminated"},
    "completions": {"rating_below_minimum", "answer_refuted", "not_best_of_prompt", "cut_off"},
}
"""What the rules that recipes/quickstart.yaml switches on can say. `starts_with_non_ascii` is
off there, since it drops every other language."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run for people, one for programs, in a home of their own."""
    home = tmp_path_factory.mktemp("demo")
    first = synth_assets("run", "quickstart", home=home)
    assert first.returncode == 0, first.stderr
    return {
        "home": home,
        "first": first,
        "again": run_as_json("run", "quickstart", home=home),
        "hashes": {
            row["table_name"]: row["table_hash"]
            for row in run_as_json(
                "query",
                "SELECT table_name, table_hash FROM quickstart.commits "
                "QUALIFY number = max(number) OVER (PARTITION BY table_name) ORDER BY 1",
                home=home,
            )
        },
    }


def test_the_demo_gives_at_least_200_examples_and_100_pairs(demo: dict[str, Any]):
    rows = demo["again"]["rows"]
    assert rows["sft_set"]["kept"] >= 200
    assert rows["dpo_set"]["kept"] >= 100


@pytest.mark.parametrize("table", sorted(DECLARED_REASONS))
def test_every_drop_reason_that_the_recipe_declares_occurs(demo: dict[str, Any], table: str):
    assert set(demo["again"]["rows"][table]["dropped"]) >= DECLARED_REASONS[table]


def test_a_second_run_makes_no_call(demo: dict[str, Any]):
    assert demo["again"]["calls_made"] == 0


def test_the_same_recipe_gives_the_same_dataset_on_any_machine(demo: dict[str, Any]):
    """After a wanted change: write the new hashes to golden/quickstart.json."""
    known = json.loads(GOLDEN.read_text())
    assert {table: demo["hashes"][table] for table in known} == known


def test_the_summary_shows_an_example_and_a_pair_in_full_and_what_to_type_next(
    demo: dict[str, Any],
):
    shown = demo["first"].stderr
    assert demo["first"].stdout == ""
    for words in ("An SFT example", "A preference pair", "chosen", "rejected", "Exports:"):
        assert words in shown
    assert "synth-assets ui" in shown


def test_the_exports_lie_where_the_summary_says(demo: dict[str, Any]):
    (folder,) = demo["again"]["exports"]
    assert (Path(folder) / "data" / "sft").is_dir()
    assert (Path(folder) / "exports" / "openai" / "sft.jsonl").is_file()
