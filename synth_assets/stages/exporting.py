"""The sets as they lie in the lake in, the export folder of their recipe out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import polars as pl

from synth_assets import export
from synth_assets.errors import CheckFailed
from synth_assets.export import (
    ExportSummary,
    write_card,
    write_control,
    write_dpo,
    write_label_queue,
    write_sft,
)
from synth_assets.export.label_queue import queued_ids, refuse_to_lose_labels
from synth_assets.export.rows import other_licences
from synth_assets.identity import content_hash
from synth_assets.recipe import Recipe
from synth_assets.stages.stage import Stage, source_hash
from synth_assets.store.commits import CommitLog
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake, quote_name

NAMED = 10
"""How many rows a message names."""

TOLD = ("licences", "is_tie")
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
    "label_queue_export": (
        "label_queue",
        "Pairs that people should look at, JSON lines to fill in.",
        write_label_queue,
    ),
}


def writers_hash(recipe: Recipe) -> str:
    """Hash of how rows are written: what the recipe says of exports, and the source of every
    module that writes one."""
    modules = tuple(
        import_module(f"{export.__name__}.{module.name}")
        for module in iter_modules(export.__path__)
    )
    return content_hash(recipe.export.model_dump(mode="json"), source_hash(modules))


def write_files(
    lake: Lake,
    recipe: Recipe,
    table: str,
    write: Callable[..., ExportSummary],
    rows: pl.DataFrame | Callable[[], pl.DataFrame],
    *,
    is_whole: bool = True,
) -> tuple[ExportSummary, dict[str, str]]:
    """The files of one set, where they do not lie there as they would be written, and the card of
    the whole folder; also the versions of the tables. ``rows`` are those of the table, or reads
    them; all of them where ``is_whole``."""
    folder = lake.home.exports / recipe.name
    log = CommitLog(lake, recipe.name)
    rows_are = log.recorded_hash(table)
    is_known = is_whole and rows_are is not None
    made_of = content_hash(rows_are, writers_hash(recipe)) if is_known else None
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
    summary = write(folder, rows, made_of)
    write_card(
        folder,
        recipe=recipe,
        versions=versions,
        simulated=is_simulated(recipe),
        health=_health(lake, recipe),
        dropped=_dropped(lake, recipe),
    )
    return summary, versions | {table: log.table_hash(table) or ""}


def told_rows(lake: Lake, recipe: Recipe, stage: Stage) -> pl.DataFrame:
    """The rows of a set with those columns alone that decide whether its export may be made, and
    is whole: the texts are read only where files are written."""
    names = [stage.key, *(name for name in TOLD if name in stage.table.polars)]
    types = pl.Schema({name: stage.table.polars[name] for name in names})
    if not lake.has(recipe.name, stage.name):
        return pl.DataFrame(schema=types)
    columns = ", ".join(map(quote_name, names))
    relation = Lake.relation(recipe.name, stage.name)
    return lake.frame(f"SELECT {columns} FROM {relation} ORDER BY {stage.key}").cast(types)


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
    """Ids of the rows in the set's own files, sorted."""
    if table == "label_queue":
        return queued_ids(home.exports / recipe.name).sort()
    config = {"sft_set": "sft", "dpo_set": "preference", "control_set": "sft_control"}[table]
    files = sorted((home.exports / recipe.name / "data" / config).glob("*.parquet"))
    found = [pl.read_parquet(file, columns=["id"])["id"] for file in files]
    return pl.concat([pl.Series("id", [], pl.String), *found]).sort()


def refuse_what_would_be_lost(home: Home, recipe: Recipe, table: str) -> None:
    """Errors: `RecipeError` where a person wrote labels into the file of the queue."""
    if table == "label_queue":
        refuse_to_lose_labels(home.exports / recipe.name)


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
