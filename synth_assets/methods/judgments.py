"""Ratings and verifications in, one long table of judgments out."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from synth_assets.identity import content_id
from synth_assets.schemas import JUDGMENTS

VERIFIER = "math_verify"


def combine_judgments(
    ratings: Mapping[tuple[str, str], pl.DataFrame], verifications: pl.DataFrame
) -> pl.DataFrame:
    """Every rating, and every verification as a judgment of the answer, in the order of ids. A
    verdict has a status and no rating: a number for it would be made up.

    ratings: (kind, method) → rows; the kind is ``rating``, or the method where its scale is
        another.
    """
    shared = [name for name in JUDGMENTS.polars.names() if name not in ("kind", "method")]
    rated = [
        {**{name: row[name] for name in shared}, "kind": kind, "method": method}
        for (kind, method), rows in sorted(ratings.items(), key=lambda each: each[0])
        for row in rows.iter_rows(named=True)
    ]
    verified = [
        {
            "judgment_id": content_id("verification", row["completion_id"]),
            "completion_id": row["completion_id"],
            "prompt_id": row["prompt_id"],
            "round": row["round"],
            "kind": "verification",
            "method": "verification",
            "judge": VERIFIER,
            "criterion": "answer",
            "rating": None,
            "rationale": None,
            "status": row["status"],
            "call_id": None,
            "earlier_call_ids": [],
        }
        for row in verifications.iter_rows(named=True)
    ]
    return JUDGMENTS.frame([*rated, *verified]).sort("judgment_id")
