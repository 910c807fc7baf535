"""The queue of pairs for people: rows of ``label_queue`` in, JSON lines to fill in out.

No line names a model, a rating or which side a judge preferred.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from synth_assets.errors import RecipeError
from synth_assets.export.folder import read_manifest
from synth_assets.export.json_text import to_json_line

FILE_NAME = "exports/label_queue.jsonl"


def queue_lines(queue: pl.DataFrame) -> Iterator[str]:
    """A line for each pair, the most uncertain first; ``preferred`` is for a person to fill in."""
    for row in queue.sort("place").iter_rows(named=True):
        line = {
            "preferred": "",
            "prompt": _as_text(row["messages"]),
            "text_a": row["text_a"],
            "text_b": row["text_b"],
            "why": row["why"],
            "completion_a": row["completion_a"],
            "completion_b": row["completion_b"],
            "queue_id": row["queue_id"],
        }
        yield f"{to_json_line(line)}\n"


def queued_ids(folder: Path) -> pl.Series:
    """Ids of the pairs in the file; none where there is no file."""
    path = folder / FILE_NAME
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    return pl.Series("id", [json.loads(line)["queue_id"] for line in lines if line], pl.String)


def refuse_to_lose_labels(folder: Path) -> None:
    """Errors: `RecipeError` where somebody wrote in the file of the queue, which each run writes
    anew."""
    path, facts = folder / FILE_NAME, read_manifest(folder, "queue").get(FILE_NAME)
    if facts is None or not path.is_file():
        return
    if hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
        raise RecipeError(
            f"{path}: was changed since it was written, and the labels in it would be lost; move "
            "it beside the recipe and name it under pairs.human_preferences.files"
        )


def _as_text(messages: Sequence[Mapping[str, str]]) -> str:
    """One user turn as it is; several with who says them."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in messages)
