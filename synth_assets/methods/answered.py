"""Prompts and completions in, each kept prompt with the texts that answer it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from synth_assets.methods.prompt_rows import kept


@dataclass(frozen=True)
class Answered:
    """row: the prompt's row. completions: (completion_id, text), in the order of their ids."""

    row: Mapping[str, Any]
    completions: tuple[tuple[str, str], ...]

    @property
    def prompt_id(self) -> str:
        return self.row["prompt_id"]

    @property
    def round(self) -> int:
        return self.row["round"]


def with_text(completions: pl.DataFrame) -> pl.DataFrame:
    """The completions that say something, without those that may stand in pairs only."""
    return saying_something(completions).filter(pl.col("is_for_pairs_only").fill_null(False).not_())


def saying_something(completions: pl.DataFrame) -> pl.DataFrame:
    """The completions that have a text, cut ones too, in the order of their ids."""
    return completions.filter(
        pl.col("text").is_not_null() & pl.col("status").is_in(["ok", "cut"])
    ).sort("completion_id")


def answered_prompts(prompts: pl.DataFrame, completions: pl.DataFrame) -> Iterator[Answered]:
    """Kept prompts that have a completion with a text, in the order of their ids."""
    texts: dict[str, list[tuple[str, str]]] = {}
    columns = with_text(completions).select("prompt_id", "completion_id", "text")
    for prompt_id, completion_id, text in columns.iter_rows():
        texts.setdefault(prompt_id, []).append((completion_id, text))
    for row in kept(prompts).iter_rows(named=True):
        found = texts.get(row["prompt_id"])
        if found:
            yield Answered(row, tuple(found))
