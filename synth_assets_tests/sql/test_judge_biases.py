"""The shares of `judge_biases` are those of `measure_judges`, and its interval is near the
bootstrap's."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Literal

import duckdb
import polars as pl
import pytest

from synth_assets.methods.pairwise import PAIRWISE_SCHEMA
from synth_assets.quality.judge_bias import MeasuredShare, PairVerdicts, Verdict, measure_judges
from synth_assets.schemas import COMPLETIONS
from synth_assets.sql.run import fetch
from synth_assets_tests.sql.projects import VARIABLES, dbt_like_sql

PROMPTS = 200
SAID: tuple[Verdict | None, ...] = ("first", "first", "second", "second", "tie", None)
KIN: tuple[Literal["a", "b"] | None, ...] = ("a", "b", None)


def drawn(judge: str, prompt: int, pair: int) -> PairVerdicts:
    """What a judge says of one of three pairs of a prompt; of one prompt it says much the same."""
    habit = random.Random(f"{judge} {prompt}")
    own = random.Random(f"{judge} {prompt} {pair}")
    said: list[Verdict | None] = []
    for _ in range(2):
        said.append((habit if own.random() < 0.5 else own).choice(SAID))
    length_a, length_b = own.sample(range(1, 9), 2) if own.random() < 0.9 else [4, 4]
    kin = own.choice(KIN)
    return PairVerdicts(f"p{prompt:03}", judge, said[0], said[1], length_a, length_b, kin)


def rows_of(verdicts: list[list[PairVerdicts]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`pairwise_verdicts` and `completions` that hold what the judges said of each pair."""
    pairs: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for place, panel in enumerate(verdicts):
        a, b = f"{place:04}a", f"{place:04}b"
        sides = [a, b] if place % 2 else [b, a]
        said = [
            {
                "judge": each.judge,
                "ab": each.ab,
                "ba": each.ba,
                "vote": None if each.is_consistent is None else each.winner or "tie",
                "kin": each.kin,
            }
            for each in panel
        ]
        pairs.append(
            {
                "pair_candidate_id": f"x{place}",
                "prompt_id": panel[0].prompt_id,
                "round": 1,
                "chosen_completion_id": sides[0],
                "rejected_completion_id": sides[1],
                "verdicts": [{"ab_status": "parsed", "ba_status": "parsed"} | v for v in said],
            }
        )
        lengths = ((a, panel[0].length_a), (b, panel[0].length_b))
        texts += [{"completion_id": id, "text": "é" * length} for id, length in lengths]
    return (
        PAIRWISE_SCHEMA.frame([dict.fromkeys(PAIRWISE_SCHEMA.polars) | row for row in pairs]),
        COMPLETIONS.frame([dict.fromkeys(COMPLETIONS.polars) | row for row in texts]),
    )


def test_the_mart_tells_what_is_measured_of_each_judge():
    drawn_by = [(drawn("one", n, k), drawn("two", n, k)) for n in range(PROMPTS) for k in range(3)]
    panels = [
        [one, replace(two, length_a=one.length_a, length_b=one.length_b)] for one, two in drawn_by
    ]
    pairs, completions = rows_of(panels)
    with duckdb.connect() as lake:
        lake.register("pairs", pairs)
        lake.register("texts", completions)
        relations = {"pairwise_verdicts": "pairs", "completions": "texts"}
        compiled = dbt_like_sql().compile("judge_biases", relations, VARIABLES)
        rows = fetch(lake, compiled.sql, "judge_biases").to_dicts()
    assert {row["round"] for row in rows} == {0, 1}
    found = {(row["judge"], row["measure"]): row for row in rows if row["round"] == 0}
    measured = measure_judges([each for panel in panels for each in panel])
    assert [bias.judge for bias in measured] == ["one", "two"]
    for bias in measured:
        shares: dict[str, MeasuredShare] = {
            "consistent": bias.consistent,
            "first_place": bias.first_place,
            "longer_wins": bias.longer,
            "kin_wins": bias.kin,
        }
        for name, expected in shares.items():
            row = found[bias.judge, name]
            assert (row["cases"], row["share"]) == (
                expected.count,
                pytest.approx(expected.share, abs=1e-6),
            )
            assert row["low"] == pytest.approx(expected.low, abs=0.015)
            assert row["high"] == pytest.approx(expected.high, abs=0.015)
            assert row["high"] - row["low"] > 0.02
        unread = found[bias.judge, "unread"]
        assert round(unread["share"] * unread["cases"]) == bias.unread
