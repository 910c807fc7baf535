"""Small frames for the tests of methods: what is not given has a plain value."""

from __future__ import annotations

from typing import Any

import polars as pl

from synth_assets.identity import content_id, text_hash
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA
from synth_assets.methods.ultrafeedback import RATING_SCHEMA
from synth_assets.schemas import (
    COMPLETIONS,
    EVALUATION_PROMPTS,
    RETRACTIONS,
    ROUND_POOL,
    SEED_PROMPTS,
    VERIFICATIONS,
)

EIGHT_TASKS = (
    "Name three rivers of Europe.",
    "Explain why leaves turn red in autumn.",
    "Translate good morning into Spanish.",
    "List the prime numbers below twenty.",
    "Summarise the plot of Hamlet briefly.",
    "Suggest a healthy lunch for children.",
    "Correct the spelling of recieve.",
    "Describe how a bicycle keeps balance.",
)


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def a_prompt(text: str | None, prompt_id: str | None = None, **values: Any) -> dict[str, Any]:
    """A row of a prompt table: a seed of round 1 on the train side, unless said otherwise."""
    prompt_id = prompt_id or content_id("test", text)
    row: dict[str, Any] = dict.fromkeys(PROMPT_SCHEMA.polars.names())
    row.update(
        prompt_id=prompt_id,
        round=1,
        method="seed",
        generation=0,
        position=0,
        derived_from=[],
        family_id=prompt_id,
        split="train",
        messages=None if text is None else [turn("user", text)],
        text=text,
        instruction=text,
        text_hash=None if text is None else text_hash(text),
        call_ids=[],
        origin="human",
    )
    return row | values


def make_prompts(*rows: dict[str, Any] | str) -> pl.DataFrame:
    return PROMPT_SCHEMA.frame([a_prompt(row) if isinstance(row, str) else row for row in rows])


def make_seeds(*rows: dict[str, Any]) -> pl.DataFrame:
    neutral = dict.fromkeys(SEED_PROMPTS.polars.names())
    return SEED_PROMPTS.frame([neutral | {"round": 0} | row for row in rows])


def make_pool(**rounds: int) -> pl.DataFrame:
    return ROUND_POOL.frame(
        [{"prompt_id": id, "round": round, "kind": "seed"} for id, round in rounds.items()]
    )


def make_evaluation(*turns: list[str] | str) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for texts in turns:
        texts = [texts] if isinstance(texts, str) else texts
        neutral = dict.fromkeys(EVALUATION_PROMPTS.polars.names())
        rows.append(
            {
                **neutral,
                "prompt_id": content_id("evaluation", texts),
                "round": 0,
                "messages": [turn("user", text) for text in texts],
                "text": texts[-1],
            }
        )
    return EVALUATION_PROMPTS.frame(rows)


def make_completions(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows need a prompt_id and a text; ids are c0, c1, … in their order."""
    neutral = dict.fromkeys(COMPLETIONS.polars.names())
    return COMPLETIONS.frame(
        [
            neutral
            | {"completion_id": f"c{place}", "round": 1, "status": "ok", "teacher": "teacher"}
            | row
            for place, row in enumerate(rows)
        ]
    )


def make_ratings(*rows: dict[str, Any]) -> pl.DataFrame:
    neutral = {**dict.fromkeys(RATING_SCHEMA.polars.names()), "earlier_call_ids": []}
    return RATING_SCHEMA.frame([neutral | row for row in rows])


def make_verifications(*rows: dict[str, Any]) -> pl.DataFrame:
    neutral = dict.fromkeys(VERIFICATIONS.polars.names())
    return VERIFICATIONS.frame([neutral | row for row in rows])


def make_journal(*rows: dict[str, Any]) -> pl.DataFrame:
    """Retractions of rows by id, unless said otherwise."""
    neutral = {
        **dict.fromkeys(RETRACTIONS.polars.names()),
        "kind": "row",
        "row_ids": [],
        "through_context": False,
        "is_erased": False,
    }
    return RETRACTIONS.frame([neutral | row for row in rows])
