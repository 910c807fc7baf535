"""What differs between two versions, and why: of each kind of cause, that and no other is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from synth_assets.errors import QueryError
from synth_assets.history.diff import TableDiff, diff
from synth_assets.history.tagging import tag_version
from synth_assets.history.vacuum import vacuum
from synth_assets.llm.transports.scripted import forget, register
from synth_assets_tests.recipes import SEEDS, Teacher
from synth_assets_tests.stages.bench import Bench

Change = Callable[[Bench], None]

OF_THE_SET = ("scored_completions", "sft_set")
"""What a run makes by SQL here: the set that is compared, and what it rests on."""


def a_seed(made: Bench) -> None:
    made.seeds(*SEEDS[:2])


def a_method(made: Bench) -> None:
    made.change(completions={"per_prompt": 3})


def a_template(made: Bench) -> None:
    text = (Path("synth_assets/templates/ultrafeedback/helpfulness.txt")).read_text()
    (made.folder / "own.txt").write_text(f"{text}\nBe strict.")
    made.change(judgments={"ultrafeedback": {"templates": {"helpfulness": "own.txt"}}})


def a_model(made: Bench) -> None:
    made.change(models={"teacher": {"model": "scripted/other"}})


def a_judge(made: Bench) -> None:
    made.change(judgments={"ultrafeedback": {"sampling": {"temperature": 0.5}}})


def a_filter(made: Bench) -> None:
    made.change(prompts={"filters": {"words": [1, 7]}})


def a_threshold(made: Bench) -> None:
    made.change(datasets={"sft": {"per_prompt": 2}})


class Contrary(Teacher):
    """A judge that likes best what comes last, and a model that answers otherwise."""

    def answer(self, request):
        answer = super().answer(request)
        if "Rate all" in request.messages[-1]["content"]:
            return json.dumps({"ratings": json.loads(answer)["ratings"][::-1]})
        return f"Well: {answer}"


def after(made: Bench, *changes: Change, table: str = "sft_set") -> TableDiff:
    """The difference that the changes make, after a run with a judge of another mind."""
    before, made.sets = made.lake.version(), OF_THE_SET
    for change in changes:
        change(made)
    contrary = Contrary()
    register("other", contrary)
    register("teacher", contrary)
    try:
        made.run()
    finally:
        forget("other")
    return diff(made.workshop(), table, before, made.lake.version())


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (a_seed, "seed"),
        (a_method, "method"),
        (a_template, "template"),
        (a_model, "model"),
        (a_judge, "judge"),
        (a_filter, "filter"),
        (a_threshold, "threshold"),
    ],
)
def test_what_changed_alone_is_named_alone(made: Bench, change: Change, kind: str) -> None:
    found = after(made, change)
    assert {cause.kind for cause in found.causes} == {kind}
    assert found.added + found.removed + found.changed > 0
    assert set(found.because) == {(kind,)}


def test_a_new_round_is_a_cause_of_its_own(made: Bench) -> None:
    before, made.sets = made.lake.version(), OF_THE_SET
    made.run(open_round="by_hand")
    found = diff(made.workshop(), "sft_set", before, made.lake.version())
    assert found.added > 0 and (found.removed, found.changed) == (0, 0)
    assert set(found.because) == {("round",)}


def test_two_changes_are_told_apart_row_by_row(made: Bench) -> None:
    gone = made.read("seed_prompts", "text = 'Give two reasons to mend old shoes.'")["prompt_id"]
    examples = made.lake.frame("SELECT example_id, prompt_id FROM lake.tiny.sft_set")
    of_the_seed = {row for row, prompt in examples.iter_rows() if prompt == gone.item()}
    found = after(made, a_seed, a_threshold)
    assert {cause.kind for cause in found.causes} == {"seed", "threshold"}
    removed = found.rows.filter(found.rows["change"] == "removed")
    added = found.rows.filter(found.rows["change"] == "added")
    assert set(removed["example_id"]) == of_the_seed
    assert {tuple(kinds) for kinds in removed["because"]} == {("seed",)}
    assert {tuple(kinds) for kinds in added["because"]} == {("threshold",)}


def test_columns_that_changed_are_counted(made: Bench) -> None:
    found = after(made, a_judge, table="ratings")
    assert (found.added, found.removed) == (0, 0)
    assert found.changed == found.columns["call_id"] > 0
    assert "completion_id" not in found.columns


def test_nothing_differs_between_a_version_and_itself(made: Bench) -> None:
    version = made.lake.version()
    found = diff(made.workshop(), "sft_set", version, version)
    assert (found.added, found.removed, found.changed, found.causes) == (0, 0, 0, ())


def test_before_the_first_version_all_rows_are_new(made: Bench) -> None:
    found = diff(made.workshop(), "sft_set", 1, made.lake.version())
    assert found.added == made.lake.frame("SELECT count(*) FROM lake.tiny.sft_set").item()
    assert set(found.because) == {("first",)}
    assert json.dumps(found.as_json())


def test_rows_written_past_the_commits_have_no_cause(made: Bench) -> None:
    before = made.lake.version()
    made.write("DELETE FROM lake.tiny.sft_set")
    found = diff(made.workshop(), "sft_set", before, made.lake.version())
    assert found.removed > 0 and set(found.because) == {("unknown",)}


def test_an_unknown_table_is_named_with_its_nearest(made: Bench) -> None:
    with pytest.raises(QueryError, match=r"did you mean 'sft_set'"):
        diff(made.workshop(), "sft_sets", 1, 2)


def test_the_same_is_told_backwards_and_after_versions_in_between_are_gone(made: Bench) -> None:
    tagged = tag_version(made.workshop(), "before").version
    before = made.lake.version()
    found = after(made, a_seed, a_threshold)
    now = made.lake.version()
    assert now > before + 1 and found.removed and found.added
    back = diff(made.workshop(), "sft_set", now, before)
    assert (back.added, back.removed, back.changed) == (found.removed, found.added, found.changed)
    assert set(back.rows["example_id"]) == set(found.rows["example_id"])
    found = diff(made.workshop(), "sft_set", tagged, now)
    vacuum(made.lake, older_than=timedelta(0))
    later = diff(made.workshop(), "sft_set", tagged, now)
    assert later.as_json() == found.as_json()
