"""People's labels as preference pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synth_assets.methods.human_preferences import HumanPreferences, pair_by_labels
from synth_assets.methods.result import MethodResult
from synth_assets_tests.methods.builders import (
    a_prompt,
    make_completions,
    make_journal,
    make_prompts,
)
from synth_assets_tests.methods.material import make_material

PROMPTS = make_prompts(
    a_prompt("Why?", "p0"),
    a_prompt("Who?", "p1", round=2),
    a_prompt("When?", "p2", drop_reason="too_short"),
    a_prompt("Where?", "p3", drop_reason="retracted"),
)
COMPLETIONS = make_completions(
    {"prompt_id": "p0", "text": "first"},  # c0
    {"prompt_id": "p0", "text": "second"},
    {"prompt_id": "p0", "text": "second"},
    {"prompt_id": "p1", "text": "third", "round": 2},
    {"prompt_id": "p1", "text": "fourth", "round": 2, "status": "cut"},  # c4
    {"prompt_id": "p2", "text": "fifth"},
    {"prompt_id": "p2", "text": "sixth"},
    {"prompt_id": "p3", "text": "seventh"},  # c7
    {"prompt_id": "p3", "text": "eighth"},
    {"prompt_id": "p1", "text": "ninth", "round": 2, "teacher": "small"},  # c9
)


def label(a: str, b: str, preferred: str | None = "a", **more: Any) -> dict[str, Any]:
    return {"completion_a": a, "completion_b": b, "preferred": preferred, **more}


def pair(folder: Path, *labels: dict[str, Any], journal: Any = None) -> MethodResult:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in labels))
    frames = {"retractions": make_journal() if journal is None else journal}
    material = make_material(PROMPTS, COMPLETIONS, frames=frames)
    return pair_by_labels(material, HumanPreferences(files=(str(path),)))


def told(result: MethodResult) -> list[tuple[str, str, str, str | None]]:
    """(chosen, rejected, status, drop_reason), in the order of the lines."""
    rows = result.rows.sort("label_line")
    return rows.select(
        "chosen_completion_id", "rejected_completion_id", "status", "drop_reason"
    ).rows()


def test_the_side_that_a_person_prefers_is_chosen(tmp_path: Path):
    result = pair(tmp_path, label("c0", "c1", "b", note="Clearer."), label("c3", "c9", None))
    (row,) = result.rows.to_dicts()
    assert told(result) == [("c1", "c0", "ok", None)]
    assert (row["prompt_id"], row["round"], row["method"]) == ("p0", 1, "human_preferences")
    assert (row["judge"], row["margin"], row["call_ids"]) == (None, None, [])
    assert (row["label_file"], row["label_line"], row["preferred"]) == (0, 1, "b")
    assert row["rationale"] == "Clearer."
    assert result.notes == {"pairs_kept": 1, "not_yet_labelled": 1}


def test_who_labelled_stands_in_no_row(tmp_path: Path):
    rows = pair(tmp_path, label("c0", "c1", labeller="Ada Lovelace")).rows
    assert "Lovelace" not in json.dumps(rows.to_dicts())


def test_what_was_noted_of_a_completion_that_is_gone_is_not_kept(tmp_path: Path):
    said = [label("c0", "gone", note="It tells of Ada."), label("c0", "c1", note="Clear.")]
    assert sorted(pair(tmp_path, *said).rows["rationale"], key=str) == ["Clear.", None]


def test_a_tie_is_a_row_and_no_pair(tmp_path: Path):
    assert told(pair(tmp_path, label("c1", "c0", "tie"))) == [("c1", "c0", "tie", "tie")]


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ("c0", "gone", "unknown_completion"),
        ("gone", "lost", "unknown_completion"),
        ("c0", "c3", "other_prompt"),
        ("c1", "c2", "same_text"),
        ("c0", "c0", "same_text"),
        ("c3", "c4", "rejected_is_cut"),
        ("c5", "c6", "prompt_is_dropped"),
        ("c7", "c8", "retracted"),
    ],
)
def test_a_label_that_can_be_no_pair_is_dropped_by_name(
    tmp_path: Path, a: str, b: str, reason: str
):
    assert told(pair(tmp_path, label(a, b))) == [(a, b, "ok", reason)]


def test_a_withdrawn_completion_or_model_takes_its_labels_along(tmp_path: Path):
    labels = (label("c0", "c1"), label("c3", "c9"))
    journal = make_journal({"row_ids": ["c1"]}, {"kind": "model", "target": "small"})
    assert {row[3] for row in told(pair(tmp_path, *labels, journal=journal))} == {"retracted"}


def test_more_than_half_of_the_labels_decide_in_whichever_order_they_name_the_texts(tmp_path: Path):
    # The texts of c1 and c2 are one.
    labels = (label("c0", "c1", "b"), label("c2", "c0", "a"), label("c0", "c1", "a"))
    assert told(pair(tmp_path, *labels)) == [
        ("c1", "c0", "ok", None),
        ("c2", "c0", "ok", "same_label"),
        ("c0", "c1", "ok", "outvoted"),
    ]


def test_a_draw_is_a_tie(tmp_path: Path):
    labels = (label("c0", "c1", "a"), label("c0", "c1", "b"))
    assert told(pair(tmp_path, *labels)) == [
        ("c0", "c1", "tie", "no_majority"),
        ("c1", "c0", "tie", "no_majority"),
    ]
    two_of_four = (label("c0", "c1"), label("c0", "c1"), label("c0", "c1", "tie"))
    result = pair(tmp_path, *two_of_four, label("c0", "c1", "b"))
    assert {row[3] for row in told(result)} == {"no_majority"}


def test_most_ties_outvote_a_side(tmp_path: Path):
    labels = (label("c0", "c1", "tie"), label("c1", "c0", "tie"), label("c0", "c1", "a"))
    assert [row[3] for row in told(pair(tmp_path, *labels))] == ["tie", "tie", "outvoted"]


def test_the_last_word_of_one_person_counts(tmp_path: Path):
    labels = (
        label("c0", "c1", "a", labeller="Ada"),
        label("c0", "c1", "b", labeller="Ada"),
        label("c0", "c1", "b", labeller="Bo"),
    )
    assert [row[3] for row in told(pair(tmp_path, *labels))] == [
        "labelled_again",
        None,
        "same_label",
    ]


def test_each_label_has_an_id_of_its_own_that_hangs_on_no_line(tmp_path: Path):
    one, two = label("c0", "c1"), label("c3", "c9", "tie")
    first, second = pair(tmp_path, one, one, two).rows, pair(tmp_path, two, one, one).rows
    assert first["pair_candidate_id"].n_unique() == 3
    assert first["pair_candidate_id"].to_list() == second["pair_candidate_id"].to_list()


def test_without_files_there_are_no_rows(tmp_path: Path):
    frames = {"retractions": make_journal()}
    material = make_material(PROMPTS, COMPLETIONS, frames=frames)
    result = pair_by_labels(material, HumanPreferences())
    assert (result.rows.height, result.notes) == (0, {"not_yet_labelled": 0})
