"""Files of labels in, what people said of pairs of completions out.

A label is one JSON object a line, as the export writes them to ``label_queue.jsonl``, with
``preferred`` filled in.
"""

from __future__ import annotations

import codecs
import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, cast, get_args

from synth_assets.errors import RecipeError

Preferred = Literal["a", "b", "tie"]
KEYS = ("completion_a", "completion_b", "preferred", "labeller", "note")
SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Label:
    """What one person said of two completions. file: which of the files, from 0; line: from 1."""

    file: int
    line: int
    completion_a: str
    completion_b: str
    preferred: Preferred
    labeller: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    line: int

    def refuse(self, problem: str) -> NoReturn:
        raise RecipeError(f"{self.path}, line {self.line}: {problem}")


def read_labels(paths: Sequence[Path]) -> tuple[list[Label], int]:
    """The labels of the files in their order, and how many lines are not labelled yet: their
    ``preferred`` is missing, null or blank. Keys beside `KEYS` are for people's eyes, and not read.

    Errors: `RecipeError` with file, line, field, value and remedy.
    """
    labels: list[Label] = []
    waiting = 0
    for number, path in enumerate(paths):
        for place, record in _records(path):
            a, b = (_completion(record, key, place) for key in ("completion_a", "completion_b"))
            preferred = _preferred(record, place)
            if preferred is None:
                waiting += 1
                continue
            labeller, note = (_text(record, key, place) for key in ("labeller", "note"))
            labels.append(Label(number, place.line, a, b, preferred, labeller, note))
    return labels, waiting


def _records(path: Path) -> Iterator[tuple[_Place, dict[str, Any]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecipeError(
            f"{path}: cannot be read ({error.strerror}); name a file of labels that is there, or "
            "take it out of pairs.human_preferences.files"
        ) from error
    # Bytes are split at \n alone: a text may hold U+2028 and its like, which str would split at.
    for line, part in enumerate(raw.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        place = _Place(path, line)
        try:
            text = part.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            place.refuse(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8")
        if text:
            yield place, _object(text, place)


def _shown(value: Any) -> str:
    # Escaped, so that a control character cannot break a terminal or a log.
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _object(text: str, place: _Place) -> dict[str, Any]:
    remedy = 'write {"completion_a": "…", "completion_b": "…", "preferred": "a"} on one line'
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        place.refuse(f"column {error.colno}: {error.msg}; {remedy}")
    except RecursionError:
        place.refuse(f"is nested too deeply; {remedy}")
    if not isinstance(record, dict):
        place.refuse(f"{_shown(record)} is not an object; {remedy}")
    return record


def _completion(record: dict[str, Any], key: str, place: _Place) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        shown = f"= {_shown(value)}" if key in record else "is missing"
        place.refuse(f"{key} {shown}: write the completion_id as label_queue.jsonl has it")
    return value.strip()


def _preferred(record: dict[str, Any], place: _Place) -> Preferred | None:
    if "preferred" not in record:
        near = difflib.get_close_matches("preferred", [k for k in record if k not in KEYS], n=1)
        if near:  # else a misspelt key would leave its label unread, and nobody would know
            place.refuse(f"{near[0]} = {_shown(record[near[0]])}: did you mean preferred?")
    value = record.get("preferred")
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if value not in get_args(Preferred):
        place.refuse(
            f"preferred = {_shown(value)}: write a, b or tie, or leave it empty where nobody has "
            "decided yet"
        )
    return cast(Preferred, value)


def _text(record: dict[str, Any], key: str, place: _Place) -> str | None:
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        place.refuse(f"{key} = {_shown(value)}: is no text; put it in quotes or leave it out")
    return (value or "").strip() or None
