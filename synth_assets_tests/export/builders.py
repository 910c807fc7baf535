"""Small sets and recipes for the tests of exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from synth_assets.recipe import Recipe, load_recipe
from synth_assets.schemas import IDS, MESSAGES

Turns = list[dict[str, str]]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def system(text: str) -> dict[str, str]:
    return {"role": "system", "content": text}


def make_example(number: int, messages: Turns | None = None, **changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "example_id": f"e{number}",
        "prompt_id": f"p{number}",
        "completion_id": f"c{number}",
        "round": 1,
        "messages": messages or [user(f"Question {number}"), assistant(f"Answer {number}")],
        "split": "train",
        "family_id": f"f{number}",
        "teacher": "strong",
        "model": "offline/careful",
        "mean_rating": 4.5,
        "verification": "verified",
        "licence": "MIT",
        "licences": ["MIT"],
        "origin": "model:offline/careful",
        "method": "seed",
        "call_id": f"k{number}",
    }
    return {**row, **changed}


def make_pair(number: int, prompt: Turns | None = None, **changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "pair_id": f"d{number}",
        "prompt_id": f"p{number}",
        "round": 1,
        "prompt": prompt or [user(f"Question {number}")],
        "chosen": [assistant(f"Good {number}")],
        "rejected": [assistant(f"Bad {number}")],
        "chosen_completion_id": f"c{number}",
        "rejected_completion_id": f"r{number}",
        "chosen_rating": 4.5,
        "rejected_rating": 2.0,
        "margin": 2.5,
        "is_tie": False,
        "pairing": "best_vs_worst",
        "split": "train",
        "family_id": f"f{number}",
        "chosen_model": "offline/careful",
        "rejected_model": "offline/hasty",
        "licence": "MIT",
        "licences": ["MIT"],
        "method": "seed",
    }
    return {**row, **changed}


NUMBERS = {"round": pl.Int32, "mean_rating": pl.Float64, "margin": pl.Float64}
NUMBERS |= {"chosen_rating": pl.Float64, "rejected_rating": pl.Float64, "is_tie": pl.Boolean}
TURNS = ("messages", "prompt", "chosen", "rejected")


def _schema(row: dict[str, Any]) -> dict[str, Any]:
    types = {**dict.fromkeys(TURNS, MESSAGES), **NUMBERS, "licences": IDS}
    return {name: types.get(name, pl.String) for name in row}


def make_sft(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_schema(make_example(0)), orient="row")


def make_control(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of `make_example` as ``control_set`` has them."""
    scored = make_sft(*rows).drop("mean_rating", "verification")
    return scored.with_columns(score=pl.lit(4.0), is_selected=pl.lit(False))


def make_dpo(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=_schema(make_pair(0)), orient="row")


def make_recipe(folder: Path, **more: Any) -> Recipe:
    path = folder / "chat.yaml"
    raw = {"name": "chat", "seeds": {"prompts": ["a.jsonl"]}, **more}
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return load_recipe(path)


CONVERSATION = [
    system("Be brief."),
    user("Grüße auf 日本語?"),
    assistant("Line one\nline\u2028two \u0085 😀"),
    user("Again, with a NUL: \x00"),
]
"""Turns with everything that breaks careless writers: system text, other scripts, line separators,
control characters."""


def read_tree(folder: Path) -> dict[str, bytes]:
    """Path inside the folder → bytes, of every file, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
