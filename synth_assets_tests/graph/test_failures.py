"""What a run leaves when something fails in it: earlier rounds, earlier versions, a clear word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from synth_assets.errors import RejectedCallError, TransientCallError
from synth_assets.llm.request import Request
from synth_assets_tests.graph.pipeline import Pipeline, Ran, pipeline
from synth_assets_tests.recipes import NO_ANSWERS


@pytest.fixture
def prompts(tmp_path: Path) -> Iterator[Pipeline]:
    """A recipe that ends with its prompts."""
    with pipeline(tmp_path, **NO_ANSWERS) as made:
        yield made


def test_rows_that_a_check_refuses_reach_no_table(whole: Pipeline):
    before = whole.hashes(["completions", "ratings", "sft_set"])
    whole.change(completions={"teachers": ["teacher"], "per_prompt": 3})
    whole.teacher.before = lambda request: (
        TransientCallError("busy", kind="server") if request.sample_index == 2 else None
    )
    ran = whole.run(["completions", "ratings", "scored_completions", "sft_set"])
    assert ran.failures.keys() == {"completions"}
    assert ran.failed_checks == {("completions", "failed_replies_are_few")}
    assert "6 rows" in ran.failures["completions"]
    assert "tiny.completions__rejected" in ran.failures["completions"]
    assert ran.made == []
    assert whole.hashes(["completions", "ratings", "sft_set"]) == before
    with whole.lake() as lake:
        rejected = lake.frame("SELECT * FROM lake.tiny.completions__rejected")
    assert rejected.height == 3 * 6
    assert rejected["rejected_because"].unique().to_list() == ["failed_replies_are_few"]
    whole.teacher.before = None
    assert whole.run(["completions"]).failures == {}
    assert whole.read("completions").height == 3 * 6


def test_a_round_that_fails_leaves_the_rounds_before_it_committed_and_logged(prompts: Pipeline):
    """Both rounds are due at once, and the second one fails."""
    prompts.run()
    prompts.run(tables=["seed_prompts", "rounds"], open_round="by_hand")
    prompts.teacher.before = refuse_round(2)
    failed = prompts.run(regenerate_first(prompts))
    assert failed.failures.keys() == {"self_instruct_prompts"}
    assert "gone" in failed.failures["self_instruct_prompts"]
    rows = prompts.read("self_instruct_prompts")
    assert rows["round"].to_list() == [1, 1, 1]
    logged = prompts.newest_materialization("self_instruct_prompts")
    assert {name: value.value for name, value in logged.metadata.items()} == {
        "rounds_made": 1,
        "rows_new": 1,
    }
    version = (logged.tags or {})["dagster/data_version"]
    assert prompts.hashes(["self_instruct_prompts"]) == {"self_instruct_prompts": version}
    prompts.teacher.before = None
    assert prompts.run().success
    assert prompts.read("self_instruct_prompts")["round"].to_list().count(2) == 2


def regenerate_first(prompts: Pipeline) -> list[str]:
    """Makes the first round due too, by one prompt more; the tables to run."""
    prompts.change(prompts={"self_instruct": {"teacher": "teacher", "per_round": 3}})
    prompts.run(tables=["seed_prompts", "rounds"], regenerate=1)
    return ["self_instruct_prompts", "mutated_prompts"]


def refuse_round(number: int):
    return lambda request: (
        RejectedCallError("gone", kind="not_found") if request.round == number else None
    )


def test_two_runs_of_one_recipe_at_once_are_kept_apart(prompts: Pipeline):
    second: list[Ran] = []

    def run_again(_: Request) -> None:
        prompts.teacher.before = None
        thread = threading.Thread(target=lambda: second.append(prompts.run()))
        thread.start()
        thread.join()

    prompts.teacher.before = run_again
    first = prompts.run()
    assert first.success
    assert second[0].failures.keys() == {"seed_prompts"}
    said = second[0].failures["seed_prompts"]
    assert f"run {first.run_id} is at work on recipe tiny" in said
    assert "Nothing was changed" in said
    assert prompts.read("self_instruct_prompts").height == 2
    assert prompts.run().success


def test_a_seed_file_that_is_gone_is_told_without_a_stack_trace(prompts: Pipeline):
    (prompts.folder / "seeds.jsonl").unlink()
    ran = prompts.run()
    said = ran.failures["seed_prompts"]
    assert f"there is no file {prompts.folder / 'seeds.jsonl'}" in said
    assert "Traceback" not in said


def test_nothing_accepted_in_a_round_is_a_warning(prompts: Pipeline):
    prompts.teacher.before = lambda _: "Draw a picture of the harbour."
    ran = prompts.run()
    assert ran.success
    assert ran.warnings == {("self_instruct_prompts", "something_is_kept")}
    reasons = prompts.read("self_instruct_prompts").group_by("drop_reason").len()
    assert reasons.filter(pl.col("drop_reason") == "keyword")["len"].to_list() == [2]
