"""A stage as a Dagster asset with its checks: thin, since the stage knows how it is made."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from synth_assets.errors import CheckFailed, RepliesPending, SynthError
from synth_assets.graph.metadata import (
    SAMPLE_ROWS,
    catalogue_metadata,
    check_metadata,
    column_schema,
    report_metadata,
)
from synth_assets.graph.progress import Announcer
from synth_assets.graph.resources import LakeResource
from synth_assets.identity import content_hash
from synth_assets.recipe import Recipe, fingerprint
from synth_assets.stages.finishing import (
    IS_CURRENT,
    SETS,
    all_checks,
    committed_checks,
    counted_rows,
    first_rows,
)
from synth_assets.stages.generation import generation_parameters
from synth_assets.stages.materialize import IS_AS_COMMITTED, bring_up_to_date
from synth_assets.stages.row_checks import CheckResult
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import OpenedBecause, RunOptions, Workshop

FRESH_WITHIN_HOURS = 36.0
"""A day, and half a day for a run that is late."""

RETRY_FAILED_TAG = "synth_assets/retry_failed"
FULL_REFRESH_TAG = "synth_assets/full_refresh"


class RoundsConfig(dg.Config):
    """What a run asks of ``rounds``.

    open_round: ``schedule``, ``seeds`` or ``by_hand`` opens a new round (the newest is finished
        first); empty opens one only where there is none.
    regenerate: a round whose prompts are generated anew with today's parameters; 0 for none.
    """

    open_round: str = ""
    regenerate: int = 0


def asset_key(recipe: Recipe, table: str) -> dg.AssetKey:
    return dg.AssetKey([recipe.name, table])


def declared_checks(stage: Stage) -> list[tuple[str, str, bool]]:
    """(name, description, is_blocking) of every check of the asset."""
    checks = [*stage.check_names(), IS_AS_COMMITTED]
    return [*checks, IS_CURRENT] if stage.name in SETS else checks


def stage_asset(recipe: Recipe, stages: Mapping[str, Stage], stage: Stage) -> dg.AssetsDefinition:
    """The stage's asset, ``[recipe, table]``."""
    key = asset_key(recipe, stage.name)
    spec = dg.AssetSpec(
        key,
        deps=[asset_key(recipe, table) for table in upstream_tables(stages, stage)],
        description=stage.description,
        group_name=f"{recipe.name}_{stage.group}",
        kinds=set(stage.kinds),
        owners=[recipe.owner] if recipe.owner else None,
        code_version=code_version(recipe, stage),
        metadata=_static_metadata(recipe, stage),
        freshness_policy=freshness_policy(recipe) if stage.name in SETS else None,
        skippable=True,
    )
    check_specs = [
        dg.AssetCheckSpec(name, asset=key, description=description, blocking=is_blocking)
        for name, description, is_blocking in declared_checks(stage)
    ]
    decorate = dg.multi_asset(
        name=f"{recipe.name}__{stage.name}",
        specs=[spec],
        check_specs=check_specs,
        can_subset=True,
    )
    if stage.is_always_made:

        @decorate
        def rounds(context: dg.AssetExecutionContext, config: RoundsConfig, lake: LakeResource):
            options = RunOptions(
                open_round=_because(config.open_round), regenerate=config.regenerate or None
            )
            yield from materialize(context, lake, recipe, stages, stage, options)

        return rounds

    @decorate
    def table(context: dg.AssetExecutionContext, lake: LakeResource):
        tags = context.run.tags
        options = RunOptions(
            retry_failed=tags.get(RETRY_FAILED_TAG) == "true",
            full_refresh=tags.get(FULL_REFRESH_TAG) == "true",
        )
        yield from materialize(context, lake, recipe, stages, stage, options)

    return table


def materialize(
    context: dg.AssetExecutionContext,
    resource: LakeResource,
    recipe: Recipe,
    stages: Mapping[str, Stage],
    stage: Stage,
    options: RunOptions,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Brings the table up to date, or runs its checks where only they are selected."""
    announcer = Announcer(context, recipe.name, stage.name)
    workshop = Workshop(
        recipe, resource.lake, stages, context.run.run_id, options, announcer.progress
    )
    if not context.selected_asset_keys:
        yield from _run_checks_alone(context, workshop, stage)
        return
    try:
        resource.hold_recipe(recipe.name, context.run.run_id)
        announcer.started()
        report = bring_up_to_date(workshop, stage, on_round=announcer.round_made)
    except CheckFailed as error:
        announcer.keep_committed(workshop, stage)
        for result in error.results:
            if _is_selected(context, recipe, stage, result):
                yield _check_result(recipe, stage, result)
        raise failure(error) from error
    except RepliesPending as error:
        # Nothing is yielded, so that what rests on the table waits too; the sensor goes on from
        # here when the replies have come.
        announcer.keep_committed(workshop, stage)
        announcer.pending(str(error))
        return
    except SynthError as error:
        announcer.keep_committed(workshop, stage)
        raise failure(error) from error
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        announcer.keep_committed(workshop, stage)
        raise
    with resource.lake.reading():
        rows = counted_rows(workshop, stage)
        first = first_rows(workshop, stage, SAMPLE_ROWS)
    announcer.finished(report, rows)
    checks = all_checks(workshop, stage, report)
    yield dg.MaterializeResult(
        asset_key=asset_key(recipe, stage.name),
        metadata=report_metadata(report, rows, stage.key, first),
        data_version=dg.DataVersion(workshop.log.table_hash(stage.name) or "empty"),
        check_results=[
            _check_result(recipe, stage, result)
            for result in checks
            if _is_selected(context, recipe, stage, result)
        ],
    )


def _run_checks_alone(
    context: dg.AssetExecutionContext, workshop: Workshop, stage: Stage
) -> Iterator[dg.AssetCheckResult]:
    """The selected checks on the table as it lies in the lake; makes nothing."""
    try:
        results = committed_checks(workshop, stage)
    except SynthError as error:
        raise failure(error) from error
    for result in results:
        if _is_selected(context, workshop.recipe, stage, result):
            yield _check_result(workshop.recipe, stage, result)


def freshness_policy(recipe: Recipe) -> dg.FreshnessPolicy | None:
    """How old a set may be before the UI says so; none where the recipe has no schedule."""
    if recipe.schedule is None:
        return None
    hours = recipe.schedule.fresh_within_hours or FRESH_WITHIN_HOURS
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=hours))


def code_version(recipe: Recipe, stage: Stage) -> str:
    """Source, parameters and templates that decide the table; never typed by hand."""
    try:
        parts = stage.fingerprint_parts(recipe, generation_parameters(recipe))
    except SynthError as error:  # a missing template file is found by `check` and by the run
        parts = {"error": content_hash(str(error))}
    return fingerprint(stage.name, parts)[:16]


def _check_result(recipe: Recipe, stage: Stage, result: CheckResult) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if result.is_blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=asset_key(recipe, stage.name),
        check_name=result.name,
        passed=result.passed,
        severity=severity,
        metadata=check_metadata(result),
    )


def _is_selected(
    context: dg.AssetExecutionContext, recipe: Recipe, stage: Stage, result: CheckResult
) -> bool:
    key = dg.AssetCheckKey(asset_key(recipe, stage.name), result.name)
    return key in context.selected_asset_check_keys


def failure(error: SynthError) -> dg.Failure:
    """The message alone: a person's mistake needs no stack trace of ours."""
    return dg.Failure(str(error), metadata={"error": type(error).__name__}, allow_retries=False)


def _because(text: str) -> OpenedBecause | None:
    known: dict[str, OpenedBecause] = {
        "schedule": "schedule",
        "seeds": "seeds",
        "by_hand": "by_hand",
    }
    if text and text not in known:
        raise dg.Failure(f"open_round: {text!r} is none of {', '.join(known)}, or empty")
    return known.get(text)


def upstream_tables(stages: Mapping[str, Stage], stage: Stage) -> list[str]:
    """The assets that a stage reads, earlier in the pipeline. A round's pool is made with
    ``rounds``; what it holds of later tables comes from earlier rounds, which is no dependency."""
    order = list(stages)
    read = ["rounds" if item.table == "round_pool" else item.table for item in stage.inputs]
    read += stage.check_inputs
    earlier = order[: order.index(stage.name)]
    return [table for table in dict.fromkeys(read) if table in earlier]


def _static_metadata(recipe: Recipe, stage: Stage) -> dict[str, Any]:
    return {
        "dagster/column_schema": column_schema(stage.table),
        **catalogue_metadata(recipe.name, stage.catalogue()),
    }
