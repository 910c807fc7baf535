"""Pairs as rows: the two sides of a pair in, a row of the declared columns out."""

from __future__ import annotations

from typing import Any

from synth_assets.identity import content_id


def pair_row(method: str, *, chosen: Any, rejected: Any, **values: Any) -> dict[str, object]:
    """A row of a table of pairs; what is not given is null (or its neutral value). The id follows
    from the method and both completions."""
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
