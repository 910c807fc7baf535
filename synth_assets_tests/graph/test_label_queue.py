"""The queue of pairs for people, as an asset: a file of each run, unless a person wrote in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synth_assets_tests.graph.pipeline import pipeline
from synth_assets_tests.recipes import tiny_parts
from synth_assets_tests.stages.bench import bench

PARTS: dict[str, Any] = {
    "seeds": {"limit": 2},
    "prompts": {"self_instruct": None},
    "completions": tiny_parts()["completions"],
    "judgments": tiny_parts()["judgments"],
    "pairs": {"human_preferences": {"margin_below": 2}},
}
EXPORT = "label_queue_export"


def test_the_queue_is_a_file_of_the_run_and_is_not_written_over_once_labelled(tmp_path: Path):
    with bench(tmp_path, **PARTS) as tables:
        tables.sets = ("scored_completions", "label_queue")
        tables.run()
        queued = tables.lake.frame("SELECT queue_id FROM lake.tiny.label_queue ORDER BY place")
    with pipeline(tmp_path, **PARTS) as made:
        first = made.run([EXPORT])
        assert first.success, first.failures
        file = tmp_path / "home" / "exports" / "tiny" / "exports" / "label_queue.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert [line["queue_id"] for line in lines] == queued["queue_id"].to_list()
        assert len(lines) == first.metadata[EXPORT]["dagster/row_count"] == 2
        assert first.checks[EXPORT, "files_hold_the_set"]
        labelled = file.read_text().replace('"preferred": ""', '"preferred": "a"')
        file.write_text(labelled)
        second = made.run([EXPORT])
        assert "move it beside the recipe" in second.failures[EXPORT]
        assert (second.made, file.read_text()) == ([], labelled)
