"""Files for LLaMA-Factory: rows in, JSON arrays and their ``dataset_info.json`` out.

``chosen`` and ``rejected`` are each one turn, not a list: TRL's lists load without an error and
corrupt in silence. ``formatting`` is sharegpt with the tags renamed, because ``openai`` adds a
system text of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from synth_assets.export.json_text import to_json_line

INFO_NAME = "exports/llamafactory/dataset_info.json"
TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def file_name(kind: str, split: str) -> str:
    """``kind`` is sft, dpo or sft_control."""
    return f"exports/llamafactory/{kind}{'' if split == 'train' else f'_{split}'}.json"


def sft_items(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for (messages,) in rows.select("messages").iter_rows():
        yield {"messages": messages}


def ranking_items(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for prompt, chosen, rejected in rows.select("prompt", "chosen", "rejected").iter_rows():
        yield {"messages": prompt, "chosen": chosen[0], "rejected": rejected[0]}


def array_lines(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One JSON array, an item a line, so that it is written without holding it whole."""
    before = "[\n"
    for item in items:
        yield before + to_json_line(item)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def dataset_info(recipe_name: str, files: Iterable[str]) -> dict[str, Any]:
    """The declaration of ``files`` (paths of `file_name`) as ``dataset_info.json`` has it."""
    info: dict[str, Any] = {}
    for name in sorted(files):
        stem = name.rpartition("/")[2].removesuffix(".json")
        is_ranking = stem.startswith("dpo")
        columns = {"messages": "messages"}
        if is_ranking:
            columns |= {"chosen": "chosen", "rejected": "rejected"}
        info[f"{recipe_name}_{stem}"] = {
            "file_name": name.rpartition("/")[2],
            "formatting": "sharegpt",
            **({"ranking": True} if is_ranking else {}),
            "columns": columns,
            "tags": TAGS,
        }
    return info


def snippet(recipe_name: str, kind: str, *, has_test: bool) -> str:
    """Lines of a training configuration, as YAML."""
    stage = {"sft": "sft", "dpo": "dpo", "sft_control": "sft"}[kind]
    test = f"eval_dataset: {recipe_name}_{kind}_test\n" if has_test else ""
    return (
        f"stage: {stage}\ndataset_dir: exports/llamafactory\ndataset: {recipe_name}_{kind}\n{test}"
    )
