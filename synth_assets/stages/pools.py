"""What entered and left the pool at each round's opening in, who is in it at a round out.

A round's prompts draw on its pool: its seeds, and what earlier rounds accepted. The pool is kept as
ids, one row for each time a prompt enters or leaves, so that a later round changes no earlier one.
"""

from __future__ import annotations

import polars as pl

from synth_assets.schemas import ROUND_POOL
from synth_assets.store.lake import Lake

LEFT = "left"
DECIDING_COLUMNS = ("prompt_id", "messages", "instruction", "split", "licence")
DECIDING_OF_SOURCES = ("source_text_id", "text", "family_id", "split", "licence", "origin")
KIND_OF_SLICE = {"pool_seeds": "seed", "pool_accepted": "accepted", "pool_sources": "source"}


def key_of_slice(slice: str) -> str:
    """The column whose values the pool holds."""
    return "source_text_id" if slice == "pool_sources" else "prompt_id"


def members_sql(recipe: str, slice: str) -> str:
    """Condition on the key for those of one kind in a round's pool; ``?`` for each."""
    return (
        f"{key_of_slice(slice)} IN (SELECT prompt_id FROM {Lake.relation(recipe, ROUND_POOL.name)} "
        "WHERE round <= ? GROUP BY prompt_id HAVING arg_max(kind, round) = ?)"
    )


def deciding_part_sql(relation: str, slice: str) -> str:
    """The rows of a relation with a hash of what generation reads of them.

    Not where a seed stands in its file, nor its reference. Nor whether a later rule keeps a
    prompt: that is decided after the round's prompts are made.
    """
    key = key_of_slice(slice)
    columns = DECIDING_OF_SOURCES if slice == "pool_sources" else DECIDING_COLUMNS
    packed = ", ".join(f"{name} := {name}" for name in columns)
    return f"(SELECT {key}, sha256(to_json(struct_pack({packed}))) AS row_hash FROM {relation})"


def current_members(pool: pl.DataFrame) -> pl.DataFrame:
    """The newest row of every prompt that is in the pool."""
    newest = pool.sort("round", "prompt_id").unique("prompt_id", keep="last", maintain_order=True)
    return newest.filter(pl.col("kind") != LEFT)


def seed_rounds(pool: pl.DataFrame) -> pl.DataFrame:
    """The row with which each seed came into the pool first: the round it belongs to."""
    seeds = pool.filter(pl.col("kind") == "seed").sort("round", "prompt_id")
    return seeds.unique("prompt_id", keep="first", maintain_order=True)


def open_pool(
    pool: pl.DataFrame,
    usable_seeds: pl.DataFrame,
    accepted: pl.DataFrame,
    round: int,
    sources: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The pool with what a new round changes: seeds, accepted prompts and source texts that are not
    in it enter, and those that are in it and no longer usable (removed, dropped since) leave.

    sources: usable source texts, their ids as ``prompt_id``; None where there are none.
    """
    inside = current_members(pool)
    kinds = [(usable_seeds, "seed"), (accepted, "accepted")]
    if sources is not None:
        kinds.append((sources, "source"))
    entering = [
        _rows(rows.join(inside, on="prompt_id", how="anti"), round, kind) for rows, kind in kinds
    ]
    usable = pl.concat([rows.select("prompt_id") for rows, _ in kinds])
    leaving = _rows(inside.join(usable, on="prompt_id", how="anti"), round, LEFT)
    return pl.concat([pool, *entering, leaving])


def _rows(prompts: pl.DataFrame, round: int, kind: str) -> pl.DataFrame:
    return prompts.select(
        "prompt_id",
        pl.lit(round, pl.Int32).alias("round"),
        pl.lit(kind, pl.String).alias("kind"),
    )
