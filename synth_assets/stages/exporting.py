"""The sets as they lie in the lake in, the export folder of their recipe out."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from synth_assets.errors import CheckFailed
from synth_assets.export import ExportSummary, write_card, write_control, write_dpo, write_sft
from synth_assets.export.rows import other_licences
from synth_assets.recipe import Recipe
from synth_assets.store.commits import CommitLog
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

NAMED = 10
"""How many rows a message names."""

CARD_TABLES = ("dropped_rows", "round_health")
WRITERS: dict[str, tuple[str, str, Callable[..., ExportSummary]]] = {
    "sft_export": (
        "sft_set",
        "SFT examples for TRL, OpenAI fine-tuning, LLaMA-Factory, Axolotl and Hugging Face.",
        write_sft,
    ),
    "dpo_export": (
        "dpo_set",
        "Preference pairs for TRL, OpenAI fine-tuning, LLaMA-Factory, Axolotl and Hugging Face.",
        write_dpo,
    ),
    "control_export": (
        "control_set",
        "The random control of rejection sampling, in the form of the SFT examples.",
        write_control,
    ),
}


def write_files(
    lake: Lake, recipe: Recipe, write: Callable[..., ExportSummary], rows: pl.DataFrame
) -> tuple[ExportSummary, dict[str, str]]:
    """The files of one set and the card of the whole folder; also the versions of the tables."""
    folder = lake.home.exports / recipe.name
    log = CommitLog(lake, recipe.name)
    versions = {
        table: version
        for table in (
            "seed_prompts",
            "mutated_prompts",
            "completions",
            "judgments",
            "sft_set",
            "dpo_set",
            "control_set",
        )
        if (version := log.table_hash(table)) is not None
    }
    summary = write(folder, rows)
    write_card(
        folder,
        recipe=recipe,
        versions=versions,
        simulated=is_simulated(recipe),
        health=_health(lake, recipe),
        dropped=_dropped(lake, recipe),
    )
    return summary, versions


def refuse_other_licences(recipe: Recipe, table: str, rows: pl.DataFrame) -> None:
    """Errors: `CheckFailed` naming the rows that ``export.licences`` does not allow."""
    offending = other_licences(rows, recipe.export.licences)
    if not offending.height:
        return
    shown = "; ".join(f"{id} ({', '.join(found)})" for id, found in offending.head(NAMED).rows())
    more = offending.height - NAMED
    raise CheckFailed(
        f"{recipe.name}.{table}: {offending.height} of {rows.height} rows rest on licences that "
        f"export.licences does not allow: {shown}{f'; and {more} more' if more > 0 else ''}. "
        "Nothing was exported; allow the licence, declare it with the seeds or the model, or "
        "retract what brought it"
    )


def is_simulated(recipe: Recipe) -> bool:
    """True where an offline teacher wrote completions or prompts."""
    return any(recipe.models[name].provider == "offline" for _, name in recipe.model_uses())


def exported_ids(home: Home, recipe: Recipe, table: str) -> pl.Series:
    """Ids of the rows in the set's own Parquet files, sorted."""
    config = {"sft_set": "sft", "dpo_set": "preference", "control_set": "sft_control"}[table]
    files = sorted((home.exports / recipe.name / "data" / config).glob("*.parquet"))
    found = [pl.read_parquet(file, columns=["id"])["id"] for file in files]
    return pl.concat([pl.Series("id", [], pl.String), *found]).sort()


def _health(lake: Lake, recipe: Recipe) -> pl.DataFrame | None:
    if not lake.has(recipe.name, "round_health"):
        return None
    return lake.frame(
        f"SELECT round, metric, value FROM {Lake.relation(recipe.name, 'round_health')} "
        "ORDER BY round, metric"
    )


def _dropped(lake: Lake, recipe: Recipe) -> pl.DataFrame | None:
    if not lake.has(recipe.name, "dropped_rows"):
        return None
    return lake.frame(
        'SELECT stage AS "table", reason, count(*) AS rows '
        f"FROM {Lake.relation(recipe.name, 'dropped_rows')} GROUP BY ALL ORDER BY ALL"
    )
