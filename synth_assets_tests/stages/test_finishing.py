"""The rows that people are shown: the first by id, with few columns."""

from __future__ import annotations

from pathlib import Path

from synth_assets.stages.finishing import first_rows
from synth_assets_tests.stages.bench import bench


def test_the_first_rows_by_id_are_shown_with_the_columns_for_people(tmp_path: Path) -> None:
    with bench(tmp_path, prompts={"self_instruct": None}) as one:
        one.seeds("Name a fish.", "Name a bird.", "Name a tree.", "Name a stone.")
        workshop = one.workshop()
        stage = workshop.stages["mutated_prompts"]
        assert first_rows(workshop, stage, 3).is_empty()
        one.run()
        shown = first_rows(workshop, stage, 3)
        assert shown.columns == ["prompt_id", "text", "drop_reason"]
        stored = one.read("mutated_prompts").sort("prompt_id").head(3)
        assert shown.rows() == stored.select(shown.columns).rows()
        assert first_rows(workshop, workshop.stages["rounds"], 3).height == 1
