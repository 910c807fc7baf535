"""Prompts and answers that are out of the ordinary, through the stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import RecipeError
from synth_assets_tests.recipes import SEEDS
from synth_assets_tests.stages.bench import bench


def test_a_prompt_of_a_megabyte_is_dropped_before_anything_is_asked(tmp_path: Path):
    with bench(tmp_path) as one:
        one.seeds(*SEEDS, "x" * 1_000_000)
        one.run()
        long = one.read("seed_prompts", "drop_reason IS NOT NULL")
        assert long["drop_reason"].to_list() == ["too_many_characters"]
        assert all(len(r.messages[0]["content"]) < 10_000 for r in one.teacher.asked)
        assert long["prompt_id"].item() not in one.ids("mutated_prompts")


def test_no_answer_at_all_leaves_empty_sets(tmp_path: Path):
    parts = {"completions": {"teachers": ["teacher"]}, "prompts": {"self_instruct": None}}
    with bench(tmp_path, **parts) as one:
        one.sets = ("scored_completions", "sft_set", "dropped_rows")
        one.teacher.before = lambda _: ""
        one.run()
        assert one.read("completions")["status"].unique().to_list() == ["empty"]
        assert one.lake.frame("SELECT count(*) FROM lake.tiny.sft_set").item() == 0
        reasons = one.lake.frame("SELECT DISTINCT reason FROM lake.tiny.dropped_rows")
        assert reasons["reason"].to_list() == ["empty_reply"]
        assert one.causes() == {}


def test_a_round_whose_model_is_no_longer_declared_says_how_to_go_on(tmp_path: Path):
    served = {"model": "openai_compatible/m", "base_url": "http://127.0.0.1:9/v1"}
    with bench(tmp_path, models={"other": served}) as one:
        one.change(prompts={"self_instruct": {"teacher": "other"}})
        one.run(until="rounds")
        one.change(models={"other": None}, prompts={"self_instruct": {"teacher": "teacher"}})
        with pytest.raises(
            RecipeError, match=r"models.other: round 1 was opened with .*--regenerate 1"
        ):
            one.run()
        one.run(regenerate=1)
        assert one.read("self_instruct_prompts").height == 2
