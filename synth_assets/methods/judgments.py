"""Ratings and verifications in, one long table of judgments out."""

from __future__ import annotations

import polars as pl

from synth_assets.identity import content_id
from synth_assets.schemas import JUDGMENTS

VERIFIER = "math_verify"


def combine_judgments(ratings: pl.DataFrame, verifications: pl.DataFrame) -> pl.DataFrame:
    """Every rating, and every verification as a judgment of the answer, in the order of ids. A
    verdict has a status and no rating: a number for it would be made up."""
    columns = JUDGMENTS.polars.names()
    rated = [
        {**{name: row[name] for name in columns if name != "kind"}, "kind": "rating"}
        for row in ratings.iter_rows(named=True)
    ]
    verified = [
        {
            "judgment_id": content_id("verification", row["completion_id"]),
            "completion_id": row["completion_id"],
            "prompt_id": row["prompt_id"],
            "round": row["round"],
            "kind": "verification",
            "judge": VERIFIER,
            "criterion": "answer",
            "rating": None,
            "rationale": None,
            "status": row["status"],
            "call_id": None,
        }
        for row in verifications.iter_rows(named=True)
    ]
    return JUDGMENTS.frame([*rated, *verified]).sort("judgment_id")
