"""Chains of revisions in, a preference pair of each whole chain out: the last revision over the
first completion (Bai et al. 2022, section 3; nobody judges it, the constitution does)."""

from __future__ import annotations

from collections import Counter

import polars as pl

from synth_assets.method import Material, method
from synth_assets.methods.constitutional import TABLE
from synth_assets.methods.pair_rows import pair_row, why_no_pair
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
    """One row for each chain that was made whole: it begins and ends with a whole text. A chain
    that changed nothing is dropped (``same_text``): there is nothing to prefer."""
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
        rows.append(
            pair_row(
                NAME,
                chosen=last["completion_id"],
                rejected=before["completion_id"],
                prompt_id=last["prompt_id"],
                round=last["round"],
                rationale=last["critique"],
                call_ids=[*last["earlier_call_ids"], last["call_id"]],
                template_hash=last["template_hash"],
                drop_reason=why_no_pair(last, before),
            )
        )
    counts = Counter(f"pairs_{row['drop_reason'] or 'ok'}" for row in rows)
    counts["chains_without_a_first_completion"] = missing
    return MethodResult(PAIRS.frame(rows), {}, len(rows), dict(counts))
