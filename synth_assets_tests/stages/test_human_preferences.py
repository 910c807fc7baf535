"""From the queue to the set: what judges are unsure of is written for people, and what they say
goes before the judges, without a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.lineage.trace import trace_row
from synth_assets.lineage.withdrawal import plan_withdrawal
from synth_assets.recipe import load_recipe
from synth_assets.stages.checking import what_stops_a_run
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.retracting import retract
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets_tests.recipes import write_recipe
from synth_assets_tests.stages.bench import Bench, bench

PARTS: dict[str, Any] = {
    "prompts": {"self_instruct": None},
    "completions": {"teachers": ["teacher"], "per_prompt": 2},
    "judgments": {"ultrafeedback": {"judge": "judge", "criteria": ["helpfulness"]}},
    "pairs": {"human_preferences": {"margin_below": 2}},
}
"""Three prompts with two completions each, which the judge rates 5 and 4."""

LABELS = {"human_preferences": {"margin_below": 2, "files": ["labels.jsonl"]}}


SETS = ("scored_completions", "dpo_set", "label_queue")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the recipe after its first run."""
    folder = tmp_path_factory.mktemp("first_run")
    with bench(folder, **PARTS) as table:
        table.sets = SETS
        table.run()
    return folder


@pytest.fixture
def made(tmp_path: Path, first_run: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    copytree(first_run, tmp_path, dirs_exist_ok=True)
    with bench(tmp_path, **PARTS) as table:
        table.sets = SETS
        yield table


def of_set(made: Bench, table: str) -> pl.DataFrame:
    return made.lake.frame(f"SELECT * FROM lake.tiny.{table} ORDER BY 1")


def label(made: Bench, *lines: dict[str, Any]) -> None:
    (made.folder / "labels.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))


def pairs(made: Bench) -> dict[str, tuple[str, str, str]]:
    rows = of_set(made, "dpo_set")
    columns = ("prompt_id", "chosen_completion_id", "rejected_completion_id", "pairing")
    return {row[0]: row[1:] for row in rows.select(columns).iter_rows()}


def test_labels_of_the_queue_turn_pairs_around_take_them_out_and_leave_the_rest(made: Bench):
    judged, queue = pairs(made), of_set(made, "label_queue").to_dicts()
    assert len(judged) == len(queue) == 3 and {row["why"] for row in queue} == {"small_margin"}
    turned, equal, untouched = queue
    chosen, rejected, _ = judged[turned["prompt_id"]]
    said = "a" if turned["completion_a"] == rejected else "b"
    label(made, turned | {"preferred": said}, equal | {"preferred": "tie"}, untouched)
    made.change(pairs=LABELS)
    asked = len(made.teacher.asked)
    made.run()
    assert len(made.teacher.asked) == asked
    assert pairs(made) == {
        turned["prompt_id"]: (rejected, chosen, "human_preferences"),
        untouched["prompt_id"]: judged[untouched["prompt_id"]],
    }
    left = of_set(made, "label_queue")
    assert left["queue_id"].to_list() == [untouched["queue_id"]] and left["place"].to_list() == [1]
    (pair,) = of_set(made, "dpo_set").filter(pairing="human_preferences").to_dicts()
    told = trace_row(made.lake, made.recipe, pair["pair_id"])["ancestry"][0]
    row = told["rows"]["human_labels"]
    assert (row["label_file"], row["label_line"], row["preferred"]) == (0, 1, said)
    tie = made.read("preference_candidates", "drop_reason = 'tie'")
    assert tie["prompt_id"].to_list() == [equal["prompt_id"]]
    assert made.causes() == {}


def test_a_changed_label_remakes_the_labels_and_what_is_behind_them(made: Bench):
    (first, *_) = of_set(made, "label_queue").to_dicts()
    label(made, first | {"preferred": "a"})
    made.change(pairs=LABELS)
    made.run()
    assert pairs(made)[first["prompt_id"]][0] == first["completion_a"]
    label(made, first | {"preferred": "b"})
    behind = {"human_labels", "preference_candidates", "dpo_set", "label_queue"}
    assert set(made.causes()) == behind
    reports = made.run()
    assert pairs(made)[first["prompt_id"]][0] == first["completion_b"]
    written = {name for name, report in reports.items() if report.rounds_made}
    assert written == behind


def test_a_label_of_a_completion_that_is_not_there_is_a_row_and_stops_nothing(made: Bench):
    label(made, {"completion_a": "gone", "completion_b": "lost", "preferred": "a"})
    made.change(pairs=LABELS)
    before = pairs(made)
    made.run()
    (row,) = made.read("human_labels").to_dicts()
    assert (row["drop_reason"], row["prompt_id"]) == ("unknown_completion", None)
    assert pairs(made) == before


@pytest.mark.full
def test_what_was_withdrawn_leaves_the_queue_and_the_labels(made: Bench):
    first, second, third = of_set(made, "label_queue").to_dicts()
    label(made, *(row | {"preferred": "a"} for row in (first, third)))
    made.change(pairs=LABELS)
    made.run()
    for id in (first["completion_a"], second["completion_a"], third["prompt_id"]):
        options = RunOptions(makes_calls=False)
        workshop = Workshop(made.recipe, made.lake, recipe_stages(made.recipe), "r", options)
        retract(workshop, plan_withdrawal(made.lake, made.recipe, id), "why")
    assert of_set(made, "label_queue").height == 0 and pairs(made) == {}
    told = {row["prompt_id"]: row["drop_reason"] for row in made.read("human_labels").to_dicts()}
    assert told == {row["prompt_id"]: "retracted" for row in (first, third)}


def test_there_is_a_queue_only_where_people_are_asked(tmp_path: Path):
    with_people = write_recipe(tmp_path / "a", pairs={"human_preferences": {}})
    without = write_recipe(tmp_path / "b")
    assert "label_queue" in recipe_stages(with_people)
    assert "label_queue" not in recipe_stages(without)


def test_a_wrong_label_or_a_file_that_is_not_there_stops_a_run_before_its_first_call(
    tmp_path: Path,
):
    recipe = write_recipe(tmp_path, pairs=LABELS)
    with pytest.raises(RecipeError, match=r"human_preferences.files\[0\] = 'labels.jsonl': there"):
        what_stops_a_run(recipe)
    wrong = {"completion_a": "x", "completion_b": "y", "preferred": "x"}
    (tmp_path / "labels.jsonl").write_text(json.dumps(wrong))
    with pytest.raises(RecipeError, match=r"labels.jsonl, line 1: preferred = .x.: write a, b or"):
        what_stops_a_run(recipe)


def test_a_file_in_a_list_can_be_changed_by_its_place(tmp_path: Path):
    recipe = write_recipe(tmp_path, pairs=LABELS)
    other = load_recipe(recipe.path, {"pairs.human_preferences.files.0": "other.jsonl"})
    assert other.parameters_of("human_preferences").files == ("other.jsonl",)
