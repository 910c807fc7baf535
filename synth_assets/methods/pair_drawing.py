"""Completions of prompts in, pairs of unlike texts drawn from them out: what is to be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import polars as pl

from synth_assets.identity import content_hash
from synth_assets.methods.asking import Counted
from synth_assets.methods.rating_rows import prompt_slots
from synth_assets.templates import quote


@dataclass(frozen=True)
class Side:
    """One completion of a pair. model: as the transport names it."""

    completion_id: str
    text: str
    model: str


@dataclass(frozen=True)
class DrawnPair:
    """Two completions of one prompt, the smaller id first. prompt: its row."""

    prompt: Mapping[str, Any]
    a: Side
    b: Side

    @property
    def prompt_id(self) -> str:
        return self.prompt["prompt_id"]

    @property
    def reference(self) -> str | None:
        return self.prompt["reference"]

    def slots(self, *, is_swapped: bool) -> dict[str, str]:
        """Values for the slots of a template that shows a pair, each inside a quotation that it
        cannot close: ``prompt``, ``reference``, ``completion_a``, ``completion_b``."""
        first, second = (self.b, self.a) if is_swapped else (self.a, self.b)
        return {
            **prompt_slots(self.prompt),
            "completion_a": quote("completion A", first.text),
            "completion_b": quote("completion B", second.text),
        }


def draw_pairs(
    prompts: pl.DataFrame, completions: pl.DataFrame, *, count: int, method: str
) -> Counted[DrawnPair]:
    """Up to ``count`` pairs of each prompt, prompts in the order of their ids.

    Only whole answers stand in pairs (status ok), each text once, under its smallest id. Pairs are
    ranked by a hash of their ids, so that one completion more or fewer moves no other pair's rank.
    """
    sides = _sides(completions)

    def pairs() -> Iterator[DrawnPair]:
        for prompt in prompts.sort("prompt_id").iter_rows(named=True):
            ranked = sorted(
                combinations(sides.get(prompt["prompt_id"], ()), 2),
                key=lambda pair: content_hash(
                    "pair", method, pair[0].completion_id, pair[1].completion_id
                ),
            )
            for a, b in ranked[:count]:
                yield DrawnPair(prompt, a, b)

    possible = (comb(len(sides.get(prompt_id, ())), 2) for prompt_id in prompts["prompt_id"])
    return Counted(sum(min(count, each) for each in possible), pairs())


def prompts_without_a_pair(prompts: pl.DataFrame, completions: pl.DataFrame) -> int:
    """How many prompts have completions, and among them no two unlike texts."""
    sides = _sides(completions)
    return sum(len(sides.get(prompt_id, ())) == 1 for prompt_id in prompts["prompt_id"])


def _sides(completions: pl.DataFrame) -> dict[str, list[Side]]:
    """prompt → its completions, each text once, in the order of ids."""
    whole = completions.filter(
        (pl.col("status") == "ok")
        & pl.col("text").is_not_null()
        & (pl.col("text").str.strip_chars() != "")
    ).sort("completion_id")
    sides: dict[str, list[Side]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    columns = whole.select("prompt_id", "completion_id", "text", "model")
    for prompt_id, completion_id, text, model in columns.iter_rows():
        if (prompt_id, text) not in seen:
            seen.add((prompt_id, text))
            sides[prompt_id].append(Side(completion_id, text, model or ""))
    return sides
