"""The queue of pairs for people, as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.export import write_label_queue
from synth_assets.export.folder import read_manifest
from synth_assets.export.label_queue import FILE_NAME, queued_ids, refuse_to_lose_labels
from synth_assets.methods.human_labels import read_labels
from synth_assets_tests.export.builders import assistant, user

QUESTION = [user("Why?")]


def make_queue(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "queue_id": f"q{place}",
                "place": place,
                "why": "tie",
                "margin": 0.0,
                "messages": QUESTION,
                "completion_a": f"a{place}",
                "completion_b": f"b{place}",
                "text_a": "one",
                "text_b": "two\u2028lines",
                **row,
            }
            for place, row in enumerate(rows, start=1)
        ]
    )


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / FILE_NAME).read_text().splitlines()]


def test_a_line_shows_prompt_and_texts_and_is_empty_where_a_person_decides(tmp_path: Path):
    write_label_queue(tmp_path, make_queue({}))
    assert lines(tmp_path) == [
        {
            "preferred": "",
            "prompt": "Why?",
            "text_a": "one",
            "text_b": "two\u2028lines",
            "why": "tie",
            "completion_a": "a1",
            "completion_b": "b1",
            "queue_id": "q1",
        }
    ]


def test_the_most_uncertain_pair_stands_first(tmp_path: Path):
    write_label_queue(tmp_path, make_queue({"place": 2}, {"place": 1}))
    assert [line["queue_id"] for line in lines(tmp_path)] == ["q2", "q1"]
    assert queued_ids(tmp_path).to_list() == ["q2", "q1"]


def test_several_turns_are_shown_with_who_says_them(tmp_path: Path):
    turns = [user("Why?"), assistant("Because."), user("Really?")]
    write_label_queue(tmp_path, make_queue({"messages": turns}))
    assert lines(tmp_path)[0]["prompt"] == "user: Why?\n\nassistant: Because.\n\nuser: Really?"


def test_the_file_is_one_of_labels_once_a_person_fills_it_in(tmp_path: Path):
    write_label_queue(tmp_path, make_queue({}, {}))
    path = tmp_path / FILE_NAME
    assert read_labels([path]) == ([], 2)
    path.write_text(path.read_text().replace('"preferred": ""', '"preferred": "b"', 1))
    (label,), waiting = read_labels([path])
    assert (label.completion_a, label.preferred, waiting) == ("a1", "b", 1)


def test_labels_written_into_the_file_are_not_written_over(tmp_path: Path):
    refuse_to_lose_labels(tmp_path)
    write_label_queue(tmp_path, make_queue({}))
    refuse_to_lose_labels(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text().replace('"preferred": ""', '"preferred": "b"'))
    with pytest.raises(RecipeError, match=r"label_queue.jsonl: was changed .* move it beside the"):
        refuse_to_lose_labels(tmp_path)
    path.unlink()
    refuse_to_lose_labels(tmp_path)


def test_an_empty_queue_is_an_empty_file(tmp_path: Path):
    write_label_queue(tmp_path, make_queue({}))
    write_label_queue(tmp_path, make_queue({}).clear())
    assert (lines(tmp_path), queued_ids(tmp_path).to_list()) == ([], [])
    assert read_manifest(tmp_path, "queue")[FILE_NAME]["rows"] == 0
