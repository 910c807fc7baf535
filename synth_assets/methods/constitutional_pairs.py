"""Chains of revisions in, a preference pair of each whole chain out: the last revision over the
first completion (Bai et al. 2022, section 3; nobody judges it, the constitution does)."""

from __future__ import annotations

from collections import Counter

import polars as pl

from synth_assets.identity import content_id
from synth_assets.method import Material, method
from synth_assets.methods.constitutional import TABLE
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import Part
from synth_assets.schemas import PAIR_COLUMNS, TableSchema

NAME = "constitutional_pairs"
PAIRS = TableSchema("paired", "pair_candidate_id", "Pairs of revisions.", PAIR_COLUMNS)


class ConstitutionalPairs(Part):
    """First completion and last revision of each chain (methods.md 9)."""


@method(
    NAME,
    kind="pairs",
    table="revision_pairs",
    description="The last revision of each chain over its first completion (Constitutional AI, "
    "Bai et al. 2022).",
    parameters=ConstitutionalPairs,
    reads=("completions", TABLE),
    asks=False,
)
def pair_revisions(material: Material, parameters: ConstitutionalPairs) -> MethodResult:
    """One row for each chain that was made whole. A chain that changed nothing is dropped
    (``same_text``): there is nothing to prefer."""
    first = {
        (row["prompt_id"], row["call_id"]): row
        for row in material.frame("completions")
        .filter(pl.col("method") == "teacher")
        .sort("completion_id", descending=True)
        .iter_rows(named=True)
    }
    rows: list[dict[str, object]] = []
    chains = material.frame(TABLE).filter(pl.col("is_last")).sort("completion_id")
    missing = 0
    for last in chains.iter_rows(named=True):
        before = first.get((last["prompt_id"], last["earlier_call_ids"][0]))
        if before is None:
            missing += 1
            continue
        is_same = before["text"] == last["text"]
        chosen, rejected = last["completion_id"], before["completion_id"]
        rows.append(
            {
                "pair_candidate_id": content_id("pair", NAME, chosen, rejected),
                "prompt_id": last["prompt_id"],
                "round": last["round"],
                "method": NAME,
                "chosen_completion_id": chosen,
                "rejected_completion_id": rejected,
                "margin": None,
                "soft_label": None,
                "judge": None,
                "rationale": last["critique"],
                "status": "ok",
                "call_ids": [*last["earlier_call_ids"], last["call_id"]],
                "template_hash": last["template_hash"],
                "drop_reason": "same_text" if is_same else None,
            }
        )
    counts = Counter("pairs_same_text" if row["drop_reason"] else "pairs_ok" for row in rows)
    counts["chains_without_a_first_completion"] = missing
    return MethodResult(PAIRS.frame(rows), {}, len(rows), dict(counts))
