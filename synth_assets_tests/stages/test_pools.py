from __future__ import annotations

import polars as pl

from synth_assets.schemas import ROUND_POOL
from synth_assets.stages.pools import current_members, open_pool, seed_rounds


def ids(*prompt_ids: str) -> pl.DataFrame:
    return pl.DataFrame({"prompt_id": list(prompt_ids)}, schema={"prompt_id": pl.String})


def members(pool: pl.DataFrame) -> dict[str, str]:
    return dict(current_members(pool).select("prompt_id", "kind").iter_rows())


FIRST = open_pool(ROUND_POOL.empty(), ids("a", "b"), ids(), 1)


def test_a_round_adds_what_is_not_in_the_pool_yet():
    pool = open_pool(FIRST, ids("a", "b", "c"), ids("x"), 2)
    assert pool.filter(pl.col("round") == 2).select("prompt_id", "kind").rows() == [
        ("c", "seed"),
        ("x", "accepted"),
    ]
    assert pool.filter(pl.col("round") == 1).equals(FIRST)


def test_what_is_no_longer_usable_leaves_with_the_next_round():
    pool = open_pool(open_pool(FIRST, ids("a", "b"), ids("x"), 2), ids("a"), ids(), 3)
    assert members(pool) == {"a": "seed"}
    assert pool.filter(pl.col("kind") == "left").select("prompt_id", "round").sort(
        "prompt_id"
    ).rows() == [("b", 3), ("x", 3)]


def test_a_seed_that_comes_back_enters_again_and_belongs_to_its_first_round():
    without = open_pool(FIRST, ids("a"), ids(), 2)
    again = open_pool(without, ids("a", "b"), ids(), 3)
    assert members(again) == {"a": "seed", "b": "seed"}
    assert dict(seed_rounds(again).select("prompt_id", "round").iter_rows()) == {"a": 1, "b": 1}


def test_an_empty_pool_stays_empty():
    assert open_pool(ROUND_POOL.empty(), ids(), ids(), 1).equals(ROUND_POOL.empty())
    assert current_members(ROUND_POOL.empty()).height == 0
