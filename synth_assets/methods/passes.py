"""Rows of a method that asks again what failed in, how often a pass leaves a prompt unsolved out.

For `plan`, which knows no reply before it is paid for.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Share:
    """``part`` of ``seen``: a guess to begin with, which counts as so many cases."""

    seen: float
    part: float

    @property
    def value(self) -> float:
        return self.part / self.seen

    def with_seen(self, seen: int, part: int) -> Share:
        """The same after more cases."""
        return Share(self.seen + seen, self.part + part)


def unsolved_of_a_pass(rows: pl.DataFrame, guess: Share) -> Share:
    """Of a pass over one prompt (columns ``prompt_id``, ``pass_number``, ``answer``), how often
    none of its samples solved it, after what was guessed before. A pass with a call that failed
    says nothing."""
    passes = rows.group_by("prompt_id", "pass_number").agg(
        is_solved=pl.col("answer").is_in(["verified", "no_reference"]).any(),
        has_failed=(pl.col("status") == "failed").any(),
    )
    whole = passes.filter(pl.col("is_solved") | ~pl.col("has_failed"))
    return guess.with_seen(whole.height, int((~whole["is_solved"]).sum()))
