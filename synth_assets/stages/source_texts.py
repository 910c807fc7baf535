"""Stage of the first group: a person's documents → source texts."""

from __future__ import annotations

import polars as pl

from synth_assets.methods import retraction
from synth_assets.quality import source_rules
from synth_assets.schemas import RETRACTIONS, ROUND_POOL, SOURCE_TEXTS
from synth_assets.seed_files import location, records, segments, source_texts, tabular, utf8
from synth_assets.stages.row_checks import ids_are_unique, values_are_known
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.workshop import Work


def source_texts_stage() -> Stage:
    return Stage(
        table=SOURCE_TEXTS,
        group="1_seeds",
        inputs=(Input(RETRACTIONS.name),),
        files=lambda recipe: [path for path, _, _ in location.locate_sources(recipe)],
        parameters=lambda recipe, _: {
            "files": [part.model_dump(mode="json") for part in recipe.seeds.source_texts],
            "test_share": recipe.datasets.test_share,
        },
        code=(source_texts, segments, location, records, tabular, utf8, source_rules, retraction),
        make=_make_source_texts,
        checks=(ids_are_unique("source_text_id"), values_are_known("split", "train", "test")),
        by_round=False,
        kinds=frozenset({"python", "file"}),
    )


def usable_sources(work: Work) -> pl.DataFrame:
    """The source texts that a new round may draw on, with their ids as ``prompt_id``."""
    rows = work.read(SOURCE_TEXTS).filter(pl.col("drop_reason").is_null())
    return rows.select(pl.col("source_text_id").alias("prompt_id"))


def pooled_sources(rows: pl.DataFrame) -> pl.DataFrame:
    """Source texts as the rounds see them in whose pool they are: one that has left its file since
    stays, a withdrawn one does not."""
    is_withdrawn = (pl.col("drop_reason") == retraction.RETRACTED).fill_null(False)
    return rows.with_columns(
        drop_reason=pl.when(is_withdrawn).then(pl.col("drop_reason")).otherwise(None)
    )


def _make_source_texts(work: Work) -> Made:
    """Texts of the files; one that left its file stays, marked, where a round rests on it."""
    rows = source_texts.read_source_texts(work.recipe)
    known = work.lake.read(work.recipe.name, SOURCE_TEXTS)
    gone = known.filter(~pl.col("source_text_id").is_in(rows["source_text_id"].implode()))
    around = work.workshop.surroundings(None)
    pooled = around.present(ROUND_POOL.name, "prompt_id", gone["source_text_id"])
    gone = gone.filter(pl.col("source_text_id").is_in(pooled.implode())).with_columns(
        drop_reason=pl.lit("no_longer_in_its_file")
    )
    marked = retraction.mark_source_texts(pl.concat([rows, gone]), work.read(RETRACTIONS))
    return Made(
        marked.sort("source_text_id"),
        notes={
            "files": len(location.locate_sources(work.recipe)),
            "no_longer_in_files": gone.height,
        },
    )
