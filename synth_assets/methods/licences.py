"""Prompts and the terms of their models in, the same prompts with every licence that bears on them
out: their seeds' or source texts', and those of each model that wrote one of their ancestors or
themselves.

A judge chooses and writes nothing, so that its terms do not pass on. What was only shown as an
example is no ancestor either (see `retract --through-context` for that).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from synth_assets.schemas import MUTATED_PROMPTS

UNDECLARED = "undeclared"
"""Stands in the place of a licence that nobody named: a recipe may allow it, by this name."""


def with_licences(
    prompts: pl.DataFrame,
    terms: Mapping[str, str | None],
    sources: Mapping[str, str | None] | None = None,
) -> pl.DataFrame:
    """``prompts`` with ``licences``, sorted, each once.

    terms: the recipe's name of a model → the licence of what it writes.
    sources: source text → its licence, for prompts whose parent is one.
    """
    parents = dict(prompts.select("prompt_id", "derived_from").iter_rows())
    own = {id: {licence or UNDECLARED} for id, licence in (sources or {}).items()}
    for id, method, model, others, licence in prompts.select(
        "prompt_id", "method", "model", "other_models", "licence"
    ).iter_rows():
        named = [licence] if method == "seed" else [terms.get(n) for n in (model, *(others or ()))]
        own[id] = {each or UNDECLARED for each in named}
    licences = [sorted(_gathered(id, parents, own)) for id in prompts["prompt_id"]]
    column = pl.Series("licences", licences, dtype=MUTATED_PROMPTS.polars["licences"])
    return prompts.with_columns(column)


def _gathered(
    id: str, parents: Mapping[str, list[str] | None], own: Mapping[str, set[str]]
) -> set[str]:
    """The licences of a row and of all its ancestors; one that is gone is undeclared."""
    seen, waiting, found = {id}, [id], set[str]()
    while waiting:
        one = waiting.pop()
        found |= own.get(one, {UNDECLARED})
        new = [parent for parent in parents.get(one) or () if parent not in seen]
        seen.update(new)
        waiting += new
    return found
