"""Answers that are verified, voted on, asked again and selected: recipes on a lake, by stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.llm.request import Request
from synth_assets.methods.majority_vote import MAJORITY_VOTES
from synth_assets.methods.rejection_sampling import SELECTIONS
from synth_assets.methods.resampling import RESAMPLED
from synth_assets.stages.checking import check_recipe, what_stops_a_run
from synth_assets.stages.exporting import WRITERS, exported_ids, write_files
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.store.lake import Lake
from synth_assets_tests.recipes import write_recipe
from synth_assets_tests.stages.bench import bench

ONLY_SEEDS = {"prompts": {"self_instruct": None}}
VERIFIED = {"verification": {}, "ultrafeedback": None}
SUM = "What is the sum of forty and six?"


def slow_to_learn(request: Request) -> str:
    """The sum is right from the third sample on; the other prompts always get the same answer."""
    is_wrong = request.messages[-1]["content"] == SUM and request.sample_index < 2
    return rf"Sample {request.sample_index}: \boxed{{{45 if is_wrong else 46}}}"


def test_only_failures_are_asked_again_and_a_first_sample_is_paid_for_once(tmp_path: Path) -> None:
    asked = {"completions": {"per_prompt": 2, "resampling": {"passes": 3}}, "judgments": VERIFIED}
    with bench(tmp_path, **ONLY_SEEDS, **asked) as made:
        made.teacher.before = slow_to_learn
        reports = made.run()
        rows = made.lake.read("tiny", RESAMPLED)
        assert rows.select("pass_number", "sample_index", "answer").rows() == [(1, 2, "verified")]
        completions = made.read("completions")
        assert sorted(completions["method"]) == ["resampling", *["teacher"] * 6]
        assert len(made.teacher.asked) == 7
        assert all(check.passed for each in reports.values() for check in each.checks.values())
        made.run()
        assert len(made.teacher.asked) == 7
        # One more first sample solves the sum, so that nothing is left to be asked again.
        made.change(completions={"per_prompt": 3, "resampling": {"passes": 3}})
        made.run()
        assert made.lake.read("tiny", RESAMPLED).is_empty()


def test_a_prompt_without_a_reference_is_voted_on(tmp_path: Path) -> None:
    parts = {
        "completions": {"per_prompt": 3, "step_by_step": True},
        "judgments": VERIFIED,
        "filters": {"majority_vote": {}},
    }

    def answer(request: Request) -> str:
        return rf"\boxed{{{5 if request.sample_index == 2 else 46}}}"

    with bench(tmp_path, **ONLY_SEEDS, **parts) as made:
        made.teacher.before = answer
        made.run()
        votes = made.lake.read("tiny", MAJORITY_VOTES)
        assert votes["status"].value_counts().sort("status").rows() == [
            ("has_reference", 3),
            ("ok", 6),
        ]
        dropped = made.read("completion_filters").filter(pl.col("drop_reason").is_not_null())
        assert dropped["drop_reason"].to_list() == ["minority_answer"] * 2
        assert all("step by step" in r.messages[0]["content"] for r in made.teacher.asked)


def test_the_selected_and_as_many_at_random_are_sets(tmp_path: Path) -> None:
    parts = {"completions": {"per_prompt": 4}, "judgments": {}}
    with bench(tmp_path, **ONLY_SEEDS, **parts, filters={"rejection_sampling": {}}) as made:
        made.sets = ("scored_completions", "sft_set", "control_set")
        made.run()
        selections = made.lake.read("tiny", SELECTIONS)
        assert selections["is_selected"].sum() == selections["is_control"].sum() == 3
        ids = {
            table: set(
                made.lake.frame(f"SELECT completion_id FROM {Lake.relation('tiny', table)}")[
                    "completion_id"
                ]
            )
            for table in ("sft_set", "control_set")
        }
        chosen = selections.filter(pl.col("is_selected"))["completion_id"]
        drawn = selections.filter(pl.col("is_control"))["completion_id"]
        assert ids == {"sft_set": set(chosen), "control_set": set(drawn)}
        stage = recipe_stages(made.recipe)["control_set"]
        rows = made.lake.read("tiny", stage.table)
        table, _, write = WRITERS["control_export"]
        write_files(made.lake, made.recipe, table, write, rows)
        told = exported_ids(made.lake.home, made.recipe, "control_set")
        assert told.to_list() == rows["example_id"].sort().to_list() != []


def test_a_recipe_without_rejection_sampling_has_no_control_set(tmp_path: Path) -> None:
    assert "control_set" not in recipe_stages(write_recipe(tmp_path))


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("mean_ratings", r"score = 'mean_ratings': nothing in this recipe gives this score"),
        ("verification", r"Given are: mean_rating, ultrafeedback"),
    ],
)
def test_a_score_that_nothing_gives_is_found_when_the_recipe_loads(
    score: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=said):
        write_recipe(tmp_path, filters={"rejection_sampling": {"score": score}})


def test_a_missing_sandbox_stops_a_run_before_it_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: dict[str, Any] = {"completions": {"tool_integrated": {"teacher": "teacher"}}}
    recipe = write_recipe(tmp_path, **parts)
    monkeypatch.setenv("PATH", "")
    (problem,) = what_stops_a_run(recipe)
    assert problem.startswith("completions.tool_integrated: model-written code runs only in a")
    found = [
        finding for finding in check_recipe(tmp_path / "tiny.yaml") if finding.part == "machine"
    ]
    assert [finding.level for finding in found] == ["error"]
