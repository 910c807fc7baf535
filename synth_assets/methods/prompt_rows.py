"""Prompts as rows: the values of one prompt in, a row of the declared columns out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from synth_assets.identity import content_id, text_hash
from synth_assets.llm.request import Message, user
from synth_assets.schemas import PROMPT_COLUMNS, TableSchema

PROMPT_SCHEMA = TableSchema("candidates", "prompt_id", "Prompts of any method.", PROMPT_COLUMNS)
"""All prompt tables share these columns."""


def new_prompt_id(
    method: str,
    derived_from: Sequence[str],
    round: int,
    n: int,
    position: int,
    text: str | None,
) -> str:
    """Id from method, parents, round, n, position and text: the same text from two calls is two
    rows, one of which a filter drops."""
    return content_id("prompt", method, list(derived_from), round, n, position, text)


def prompt_row(*, prompt_id: str, text: str | None, **values: Any) -> dict[str, object]:
    """A row of a prompt table; what is not given is null (or its neutral value)."""
    neutral: dict[str, object] = {
        "operator": None,
        "generation": 0,
        "position": 0,
        "derived_from": [],
        "family_id": prompt_id,
        "split": "train",
        "messages": None if text is None else [user(text)],
        "instruction": text,
        "text_hash": None if text is None else text_hash(text),
        "reference": None,
        "given_completion": None,
        "given_origin": None,
        "category": None,
        "nearest": None,
        "nearest_score": None,
        "model": None,
        "other_models": None,
        "call_ids": [],
        "template_hash": None,
        "licence": None,
        "drop_reason": None,
    }
    return {"prompt_id": prompt_id, "text": text, **neutral, **values}


def kept(prompts: pl.DataFrame) -> pl.DataFrame:
    """The prompts that no rule dropped, in the order of their ids."""
    return prompts.filter(pl.col("drop_reason").is_null()).sort("prompt_id")


def transcript(messages: Sequence[Message]) -> str:
    """A prompt as a judge reads it: one user turn as it is, several turns with their roles."""
    if len(messages) == 1 and messages[0]["role"] == "user":
        return messages[0]["content"]
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in messages)


def messages_of(row: Mapping[str, Any]) -> list[Message]:
    """The turns of a prompt row, as plain messages."""
    return [{"role": turn["role"], "content": turn["content"]} for turn in row["messages"]]
