"""Completions and the bodies of their replies in, the probabilities of their tokens out.

Soft-label distillation learns from the teacher's distribution and not from its choice alone (Hinton
et al. 2015, section 2). Endpoints tell no more than the likeliest tokens at each place.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from synth_assets.llm.logprobs import TokenLogprob, read_logprobs
from synth_assets.schemas import TEACHER_LOGPROBS


def token_logprobs(completions: pl.DataFrame, bodies: Mapping[str, str]) -> pl.DataFrame:
    """One row per completion that has a text, in the order of ids. A reply without probabilities is
    a row with a status and no tokens.

    bodies: call_id → the reply as it came.
    """
    rows: list[dict[str, object]] = []
    told = completions.filter(pl.col("text").is_not_null()).sort("completion_id")
    for row in told.iter_rows(named=True):
        call_id = row["call_id"]
        found = read_logprobs(bodies.get(call_id)) if call_id else None
        rows.append(
            {
                "completion_id": row["completion_id"],
                "prompt_id": row["prompt_id"],
                "round": row["round"],
                "status": "no_call" if call_id is None else "ok" if found else "not_given",
                "tokens": None if found is None else [_token(item) for item in found],
                "call_id": call_id,
            }
        )
    return TEACHER_LOGPROBS.frame(rows)


def _token(item: TokenLogprob) -> dict[str, object]:
    likeliest = sorted(item.alternatives.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "token": item.token,
        "logprob": item.logprob,
        "alternatives": [{"token": token, "logprob": value} for token, value in likeliest],
    }
