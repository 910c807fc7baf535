"""Seed prompts and the rounds' pool in, seeds as rows of a prompt table out."""

from __future__ import annotations

import polars as pl

from synth_assets.methods.prompt_rows import PROMPT_SCHEMA, prompt_row


def seeds_as_prompts(seed_prompts: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """One row per seed that a round took up, with that round; the others wait for a new round.

    A seed is the root of its family. Its own ``drop_reason`` is passed through. A demonstration is
    the completion that it came with, by whoever wrote the seed.
    """
    rounds = dict(pool.select("prompt_id", "round").iter_rows())
    rows = [
        prompt_row(
            prompt_id=seed["prompt_id"],
            text=seed["text"],
            round=rounds[seed["prompt_id"]],
            method="seed",
            given_completion=seed["demonstration"],
            given_origin=None if seed["demonstration"] is None else seed["origin"],
            **{name: seed[name] for name in PASSED_ON},
        )
        for seed in seed_prompts.sort("prompt_id").iter_rows(named=True)
        if seed["prompt_id"] in rounds
    ]
    return PROMPT_SCHEMA.frame(rows)


PASSED_ON = (
    "split",
    "messages",
    "instruction",
    "text_hash",
    "reference",
    "category",
    "licence",
    "origin",
    "drop_reason",
)
