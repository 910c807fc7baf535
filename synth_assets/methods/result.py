"""What every method gives back: rows of its table, and what the graph reports about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

WITHOUT_A_REPLY = "prompts_without_a_reply"
"""Note of a method: prompts that have no row yet, for a first call failed; the next run goes on."""


@dataclass(frozen=True)
class MethodResult:
    """rows: the method's table, in its declared schema.

    shown_with: call_id → prompts that stood in the call's context as examples (a prompt that was
        rewritten or answered is a parent, and stands in the row itself).
    items_parsed: candidates that the replies held. Every one is a row, kept or dropped, so this
        equals ``rows.height``: a check compares the two.
    notes: counts for the metadata, such as ``replies`` and ``failed_replies``;
        `WITHOUT_A_REPLY` where prompts wait for one before the method can go on.
    """

    rows: pl.DataFrame
    shown_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    items_parsed: int = 0
    notes: Mapping[str, int | float] = field(default_factory=dict)
