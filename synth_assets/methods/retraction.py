"""Prompts or pairs and the journal of retractions in, the same with what was withdrawn marked out;
judgments in, those that still count out.

A retraction is followed down `derived_from`: whatever was rewritten from a withdrawn prompt is
withdrawn with it, also where it was dropped before. Rows made later by a withdrawn model, or read
later from a withdrawn file, are withdrawn as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from synth_assets.identity import content_id
from synth_assets.methods.pair_rows import BETWEEN_JUDGES

RETRACTED = "retracted"


def mark_seeds(seeds: pl.DataFrame, retractions: pl.DataFrame) -> pl.DataFrame:
    """Seed prompts with ``drop_reason`` `retracted` where they were withdrawn; those that were
    erased are left out, and copies of them, so that no file brings them back."""
    erased = retractions.filter("is_erased")
    ids = _row_ids(erased)
    copies = [
        id
        for id, messages in (seeds.select("prompt_id", "messages").iter_rows() if ids else ())
        if content_id("prompt", "seed", messages) in ids
    ]
    kept = seeds.filter(~(_is_named(erased) | pl.col("prompt_id").is_in(copies)))
    return kept.with_columns(drop_reason=_marked(_is_named(retractions)))


def mark_source_texts(sources: pl.DataFrame, retractions: pl.DataFrame) -> pl.DataFrame:
    """Source texts with ``drop_reason`` `retracted` where they were withdrawn; those that were
    erased are left out, and copies of them."""
    erased = retractions.filter("is_erased")
    ids = _row_ids(erased)
    copies = [
        id
        for id, text in (sources.select("source_text_id", "text").iter_rows() if ids else ())
        if content_id("source text", text) in ids
    ]
    key = "source_text_id"
    kept = sources.filter(~(_is_named(erased, key) | pl.col(key).is_in(copies)))
    return kept.with_columns(drop_reason=_marked(_is_named(retractions, key)))


def mark_prompts(
    prompts: pl.DataFrame,
    retractions: pl.DataFrame,
    shown_with: Mapping[str, Sequence[str]],
    withdrawn_sources: Collection[str] = (),
) -> pl.DataFrame:
    """Prompts of all methods and rounds, marked with all that was made from what was withdrawn.

    shown_with: call → prompts that stood in its context; followed for retractions that say so.
    withdrawn_sources: source texts that are withdrawn, which prompts may name as parents.
    """
    if not retractions.height:
        return prompts
    withdrawn: set[str] = set()
    for follows_context in (False, True):
        these = retractions.filter(pl.col("through_context") == follows_context)
        if these.height:
            context = shown_with if follows_context else {}
            withdrawn |= _closure(prompts, these, context, withdrawn_sources)
    return prompts.with_columns(drop_reason=_marked(pl.col("prompt_id").is_in(sorted(withdrawn))))


def mark_pairs(pairs: pl.DataFrame, retractions: pl.DataFrame) -> pl.DataFrame:
    """Pairs with ``drop_reason`` `retracted` where one of their judges was withdrawn, or the row by
    its id (a call that it rests on, say).

    A panel without one of its judges is another panel: its majority may have hung on that voice, so
    its pairs go as wholes. The recipe without that judge makes them anew from known replies.
    """
    ids, models = _row_ids(retractions), _targets(retractions, "model")
    panel = pl.col("judge").str.split(BETWEEN_JUDGES)
    is_judged_so = panel.list.eval(pl.element().is_in(sorted(models))).list.any()
    is_withdrawn = is_judged_so.fill_null(False) | pl.col("pair_candidate_id").is_in(sorted(ids))
    return pairs.with_columns(drop_reason=_marked(is_withdrawn))


def standing_judgments(judgments: pl.DataFrame, retractions: pl.DataFrame) -> pl.DataFrame:
    """The judgments that count: neither withdrawn themselves, nor a withdrawn judge's."""
    withdrawn = pl.col("judge").is_in(sorted(_targets(retractions, "model")))
    is_named = pl.col("judgment_id").is_in(sorted(_row_ids(retractions)))
    return judgments.filter(~(withdrawn.fill_null(False) | is_named))


def withdrawn_completions(completions: pl.DataFrame, retractions: pl.DataFrame) -> frozenset[str]:
    """Ids of completions that were withdrawn themselves, or written by a withdrawn model."""
    withdrawn = pl.col("teacher").is_in(sorted(_targets(retractions, "model")))
    is_named = pl.col("completion_id").is_in(sorted(_row_ids(retractions)))
    return frozenset(completions.filter(withdrawn.fill_null(False) | is_named)["completion_id"])


def _closure(
    prompts: pl.DataFrame,
    retractions: pl.DataFrame,
    shown_with: Mapping[str, Sequence[str]],
    withdrawn_sources: Collection[str],
) -> set[str]:
    ids, models = _row_ids(retractions), _targets(retractions, "model")
    files = retractions.filter(pl.col("kind") == "seed_file").height > 0
    # Ids of rows that are gone, or of another table, are parents too.
    withdrawn = {*ids, *withdrawn_sources} - set(prompts["prompt_id"])
    tainted: set[str] = set()
    rows = prompts.select(
        "prompt_id",
        "derived_from",
        "call_ids",
        "model",
        "other_models",
        "method",
        "drop_reason",
    ).rows()
    is_growing = True
    while is_growing:
        is_growing = False
        for id, parents, calls, model, others, method, reason in rows:
            if id in withdrawn:
                continue
            if (
                id in ids
                or not models.isdisjoint((model, *(others or ())))
                or (files and method == "seed" and reason == RETRACTED)
                or not withdrawn.isdisjoint(parents or ())
                or not tainted.isdisjoint(calls or ())
            ):
                withdrawn.add(id)
                is_growing = True
        found = {call for call, shown in shown_with.items() if not withdrawn.isdisjoint(shown)}
        is_growing = is_growing or found != tainted
        tainted = found
    return withdrawn


def _is_named(retractions: pl.DataFrame, key: str = "prompt_id") -> pl.Expr:
    """Seeds or source texts that a retraction names by their id or by their file."""
    ids, files = _row_ids(retractions), _targets(retractions, "seed_file")
    return pl.col(key).is_in(sorted(ids)) | pl.col("source_file").is_in(sorted(files))


def _marked(is_withdrawn: pl.Expr) -> pl.Expr:
    return pl.when(is_withdrawn).then(pl.lit(RETRACTED)).otherwise(pl.col("drop_reason"))


def _row_ids(retractions: pl.DataFrame) -> set[str]:
    return {id for ids in retractions["row_ids"] for id in ids}


def _targets(retractions: pl.DataFrame, kind: str) -> set[str]:
    return set(retractions.filter(pl.col("kind") == kind)["target"])
