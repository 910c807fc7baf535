"""Pairs as rows: the two sides of a pair in, a row of the declared columns out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from synth_assets.identity import content_id

BETWEEN_JUDGES = ", "
"""Stands between the names of a panel's judges; no name of a model holds a comma."""

UNKNOWN_COMPLETION = "unknown_completion"
"""Drop reason of a pair that a person named and whose completion is not there, or no longer."""

SIDE = ("completion_id", "text", "status", "call_id")
"""What of a completion decides whether it may be a side."""


def why_no_pair(chosen: Mapping[str, Any], rejected: Mapping[str, Any]) -> str | None:
    """Why two completions can be no pair: a side that is not whole (``chosen_is_cut``,
    ``rejected_is_refused`` and the like), or the same text on both; None where they may be one.

    A text that broke off or was refused by the endpoint would teach how long texts are, or what
    an endpoint forbids, and not which answer is better.
    """
    for side, completion in (("chosen", chosen), ("rejected", rejected)):
        if completion["status"] != "ok":
            return f"{side}_is_{completion['status']}"
    return "same_text" if chosen["text"] == rejected["text"] else None


def may_be_chosen(completions: pl.DataFrame) -> pl.DataFrame:
    """Without the completions that a method made to lose (untaught, relaxed and such). What the
    teachers answer for pairs only (``completions.are_for_pairs_only``) may be chosen."""
    is_for_pairs_only = pl.col("is_for_pairs_only").fill_null(False)
    return completions.filter(~is_for_pairs_only | (pl.col("method") == "teacher"))


def pair_row(method: str, *, chosen: Any, rejected: Any, **values: Any) -> dict[str, object]:
    """A row of a table of pairs; what is not given is null (or its neutral value). The id follows
    from the method and both completions, in the order that they are given where no other is."""
    neutral: dict[str, object] = {
        "margin": None,
        "soft_label": None,
        "judge": None,
        "rationale": None,
        "status": "ok",
        "call_ids": [],
        "template_hash": None,
        "drop_reason": None,
    }
    return {
        "pair_candidate_id": content_id("pair", method, chosen, rejected),
        "method": method,
        "chosen_completion_id": chosen,
        "rejected_completion_id": rejected,
        **neutral,
        **values,
    }


def sides_row(
    method: str, pair: Mapping[str, Any], chosen: str, rejected: str, **values: Any
) -> dict[str, object]:
    """The row of a pair that no judge has seen. ``pair`` holds its prompt, its round, and both
    completions (`SIDE`) under the names ``chosen`` and ``rejected``."""
    better, worse = pair[chosen], pair[rejected]
    return pair_row(
        method,
        chosen=better["completion_id"],
        rejected=worse["completion_id"],
        prompt_id=pair["prompt_id"],
        round=pair["round"],
        call_ids=[call for call in (better["call_id"], worse["call_id"]) if call],
        drop_reason=why_no_pair(better, worse),
        **values,
    )
