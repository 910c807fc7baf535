"""Rounds of self_instruct with a student as their model: settings in, what each round holds out.

The rounds are the graph's own: its function writes the prompts, from the pool that a round of the
graph would have. Only the replacing arm breaks the graph's rule, to show what the rule is for.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from benchmarks.collapse.student import KINDS, Student, count_kinds, write_kind
from synth_assets.identity import seeded_random
from synth_assets.llm.offline.dice import Dice
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA, kept, new_prompt_id, prompt_row
from synth_assets.methods.self_instruct import SelfInstruct, write_prompts
from synth_assets.quality.collapse_simulation import Feeding, effective_kinds, support
from synth_assets.quality.diversity import distinct_n


@dataclass(frozen=True)
class Held:
    """What one round's prompts hold. kinds: how many of the human ones there are still."""

    kinds: int
    effective_kinds: float
    distinct_2: float


def human_prompts(count: int, seed: int) -> pl.DataFrame:
    """The anchor: prompts whose kinds are drawn evenly, as seeds of the pool."""
    dice = Dice(seeded_random("human", seed))
    texts = [write_kind(dice.pick(KINDS), dice) for _ in range(count)]
    return PROMPT_SCHEMA.frame(
        [
            prompt_row(
                prompt_id=new_prompt_id("seed", (), 0, seed, place, text),
                text=text,
                round=1,
                method="seed",
                origin="human",
            )
            for place, text in enumerate(texts)
        ]
    )


def run_rounds(feeding: Feeding, *, rounds: int, per_round: int, seed: int) -> list[Held]:
    """Round 0 is the human anchor; each later one is written by a student of what came before.

    The novelty filter is off: it would hold back part of the collapse that is to be seen.
    """
    parameters = SelfInstruct.model_validate(
        {"teacher": "student", "per_round": per_round, "novelty": {"threshold": 1.0}}
    )
    pool = human_prompts(per_round, seed)
    held = [_hold(pool)]
    for round in range(1, rounds + 1):
        student = Student(pool["text"], parameters.items_per_call, seed)
        made = write_prompts(pool, round=round, parameters=parameters, ask=student)
        written = kept(made.rows)
        held.append(_hold(written))
        pool = written if feeding == "replace" else pl.concat([pool, written])
    return held


def _hold(prompts: pl.DataFrame) -> Held:
    counts = list(count_kinds(prompts["text"]).values())
    return Held(
        kinds=support(counts),
        effective_kinds=effective_kinds(counts) or 0.0,
        distinct_2=distinct_n(prompts["text"], 2) or 0.0,
    )
