"""Exports as assets: the finished sets in, files that the trainers load out."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import polars as pl

from synth_assets.errors import CheckFailed, SynthError
from synth_assets.export.rows import other_licences
from synth_assets.graph.assets import asset_key, failure
from synth_assets.graph.metadata import check_metadata
from synth_assets.graph.progress import Announcer
from synth_assets.graph.resources import LakeResource
from synth_assets.identity import content_hash
from synth_assets.recipe import Recipe
from synth_assets.stages.exporting import (
    CARD_TABLES,
    WRITERS,
    exported_ids,
    refuse_other_licences,
    refuse_what_would_be_lost,
    told_rows,
    write_files,
    writers_hash,
)
from synth_assets.stages.finishing import COPIES
from synth_assets.stages.row_checks import CheckResult
from synth_assets.stages.stage import Stage
from synth_assets.store.lake import Lake

GROUP = "6_exports"
LICENCES_ARE_ALLOWED = "licences_are_allowed"


def export_assets(recipe: Recipe, stages: Mapping[str, Stage]) -> list[dg.AssetsDefinition]:
    """An export for each set that the recipe makes."""
    return [
        _export_asset(recipe, stages, name)
        for name, (table, *_) in WRITERS.items()
        if table in stages
    ]


def _export_asset(recipe: Recipe, stages: Mapping[str, Stage], name: str) -> dg.AssetsDefinition:
    table, description, write = WRITERS[name]
    stage = stages[table]
    checks = [
        dg.AssetCheckSpec(
            check, asset=asset_key(recipe, name), description=description, blocking=True
        )
        for check, description in (
            ("files_hold_the_set", "The files hold every row of the set, each once."),
            (LICENCES_ARE_ALLOWED, "export.licences of the recipe allows every row's licences."),
        )
    ]

    @dg.multi_asset(
        name=f"{recipe.name}__{name}",
        specs=[
            dg.AssetSpec(
                asset_key(recipe, name),
                deps=[asset_key(recipe, t) for t in (table, *CARD_TABLES)],
                description=description,
                group_name=f"{recipe.name}_{GROUP}",
                kinds={"parquet", "json"},
                owners=[recipe.owner] if recipe.owner else None,
                code_version=code_version(recipe, name),
                skippable=True,
            )
        ],
        check_specs=checks,
        can_subset=True,
    )
    def write_export(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[Any]:
        announcer = Announcer(context, recipe.name, name)
        rows = told_rows(lake.lake, recipe, stage)
        if not context.selected_asset_keys:
            key = asset_key(recipe, name)
            for result in (
                _licence_check(recipe, name, rows),
                _files_check(lake.lake, recipe, name, stage, rows),
            ):
                check = dg.AssetCheckKey(key, result.check_name or "")
                if check in context.selected_asset_check_keys:
                    yield result
            return
        announcer.started()
        try:
            lake.hold_recipe(recipe.name, context.run.run_id)
            refuse_other_licences(recipe, table, rows)
            refuse_what_would_be_lost(lake.lake.home, recipe, table)
            summary, versions = write_files(
                lake.lake, recipe, table, write, lambda: lake.lake.read(recipe.name, stage.table)
            )
        except CheckFailed as error:
            yield _licence_check(recipe, name, rows)
            raise failure(error) from error
        except SynthError as error:
            raise failure(error) from error
        announcer.finished(None, pl.DataFrame({COPIES: [rows.height]}))
        yield dg.MaterializeResult(
            asset_key=asset_key(recipe, name),
            metadata={
                "dagster/row_count": rows.height,
                "folder": dg.MetadataValue.path(str(summary.folder)),
                "files": len(summary.files),
                "ties_left_out": summary.ties_left_out,
            },
            data_version=dg.DataVersion(
                content_hash(versions.get(table), recipe.export.model_dump(mode="json"))
            ),
            check_results=[
                _licence_check(recipe, name, rows),
                _files_check(lake.lake, recipe, name, stage, rows),
            ],
        )

    return write_export


def code_version(recipe: Recipe, name: str) -> str:
    """What the recipe says of exports, and the source of every module that writes one."""
    return content_hash(name, writers_hash(recipe))[:16]


def _licence_check(recipe: Recipe, name: str, rows: pl.DataFrame) -> dg.AssetCheckResult:
    offending = other_licences(rows, recipe.export.licences)
    description = "Rows that a licence bears on which export.licences does not name."
    result = CheckResult(LICENCES_ARE_ALLOWED, description, True, offending)
    return dg.AssetCheckResult(
        asset_key=asset_key(recipe, name),
        check_name=LICENCES_ARE_ALLOWED,
        passed=result.passed,
        metadata=check_metadata(result),
    )


def _files_check(
    lake: Lake, recipe: Recipe, name: str, stage: Stage, rows: pl.DataFrame
) -> dg.AssetCheckResult:
    # A pair of equal sides teaches no preference, and is left out of the files.
    told = rows.filter(~pl.col("is_tie")) if "is_tie" in rows.columns else rows
    expected = told[stage.key].cast(pl.String).sort()
    found = exported_ids(lake.home, recipe, stage.name)
    return dg.AssetCheckResult(
        asset_key=asset_key(recipe, name),
        check_name="files_hold_the_set",
        passed=found.to_list() == expected.to_list(),
        metadata={"rows_of_the_set": expected.len(), "rows_in_the_files": found.len()},
    )
