"""Files of labels as people leave them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import RecipeError
from synth_assets.methods.human_labels import read_labels

PAIR = {"completion_a": "c1", "completion_b": "c2"}


def write(folder: Path, *lines: Any, name: str = "labels.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    return path


def test_a_label_has_its_file_its_line_and_what_the_person_said(tmp_path: Path):
    one = write(tmp_path, PAIR | {"preferred": "b", "labeller": " Ada ", "note": ""}, name="1")
    two = write(tmp_path, "", PAIR | {"preferred": "tie", "why": "small_margin"}, name="2")
    labels, waiting = read_labels([one, two])
    said = [(each.file, each.line, each.preferred, each.labeller, each.note) for each in labels]
    assert said == [(0, 1, "b", "Ada", None), (1, 2, "tie", None, None)]
    assert (labels[0].completion_a, labels[0].completion_b, waiting) == ("c1", "c2", 0)


@pytest.mark.parametrize("empty", [{}, {"preferred": None}, {"preferred": " "}])
def test_what_nobody_has_filled_in_is_not_labelled_yet(tmp_path: Path, empty: dict[str, Any]):
    assert read_labels([write(tmp_path, PAIR | empty)]) == ([], 1)


def test_an_empty_file_holds_no_labels(tmp_path: Path):
    assert read_labels([write(tmp_path)]) == ([], 0)


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path):
    label = PAIR | {"preferred": "a", "text_a": "one\u2028two"}
    (only,), _ = read_labels([write(tmp_path, json.dumps(label, ensure_ascii=False))])
    assert only.preferred == "a"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (PAIR | {"preferred": "A"}, 'preferred = "A": write a, b or tie'),
        (PAIR | {"preferred": True}, "preferred = true: write a, b or tie"),
        (PAIR | {"preferred": ["a"]}, 'preferred = ["a"]: write a, b or tie'),
        (PAIR | {"prefered": "a"}, 'prefered = "a": did you mean preferred?'),
        ({"completion_a": "c1", "preferred": "a"}, "completion_b is missing: write the comp"),
        (PAIR | {"completion_a": 7, "preferred": "a"}, "completion_a = 7: write the completion_id"),
        (PAIR | {"preferred": "a", "note": 3}, "note = 3: is no text; put it in quotes"),
        ("[]", "[] is not an object; write {"),
        ("{", "column 2: Expecting property name enclosed in double quotes; write {"),
    ],
)
def test_a_label_that_is_wrong_is_told_with_file_line_field_and_remedy(
    tmp_path: Path, line: Any, told: str
):
    path = write(tmp_path, PAIR, line)
    with pytest.raises(RecipeError, match=re.escape(f"{path}, line 2: {told}")):
        read_labels([path])


def test_a_file_that_is_not_utf_8_or_not_there_is_told(tmp_path: Path):
    (tmp_path / "latin").write_bytes(b'{"note": "\xe9"}')
    with pytest.raises(RecipeError, match="latin, line 1: byte 11 is not UTF-8; save the file"):
        read_labels([tmp_path / "latin"])
    with pytest.raises(RecipeError, match=r"gone: cannot be read .* is there, or take it out of"):
        read_labels([tmp_path / "gone"])
