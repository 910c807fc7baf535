"""Batches that providers work on: asked after once a minute, stored, and run again."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from synth_assets.errors import SynthError
from synth_assets.llm.batches.collecting import collect, pending_batches
from synth_assets.recipe import Recipe
from synth_assets.store.calls import LakeCalls
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

DUE = "a run is due"
"""The cursor while replies are stored and no run could be asked for yet."""

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def pending_batches_sensor(recipe: Recipe, job: Any) -> dg.SensorDefinition:
    """The sensor of one recipe. It polls and requests; it makes nothing."""

    @dg.sensor(
        name=f"{recipe.name}_pending_batches",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Stores the replies of batches that have ended, and runs the recipe again.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        home = Home.from_environment()
        waiting = pending_batches(home.path, recipe)
        said = "no batch is under way"
        if waiting:
            try:
                said = _collect(context, home, recipe)
            except SynthError as error:  # the next tick asks again
                return dg.SkipReason(str(error))
        if context.cursor != DUE:
            return dg.SkipReason(said)
        if _is_running(context.instance, recipe):
            return dg.SkipReason("replies have come; a run of the recipe is under way")
        context.update_cursor("")
        return dg.RunRequest(run_key=f"{recipe.name}-batches-{datetime.now(UTC):%Y%m%dT%H%M%S}")

    return sensor


def _collect(context: dg.SensorEvaluationContext, home: Home, recipe: Recipe) -> str:
    """Stores what has come, and says what there is."""
    lake = Lake(home)
    try:
        found = collect(home.path, recipe, LakeCalls(lake))
    finally:
        lake.close()
    if found.ended:
        context.update_cursor(DUE)
    return f"{len(found.ended)} batches ended, {len(found.pending)} are under way"


def _is_running(instance: dg.DagsterInstance, recipe: Recipe) -> bool:
    """A run of the recipe, by its job or from the asset graph."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY), limit=100)
    return any(_is_of(run, recipe) for run in runs)


def _is_of(run: dg.DagsterRun, recipe: Recipe) -> bool:
    keys = run.asset_selection or frozenset()
    of_job = run.job_name in (recipe.name, f"{recipe.name}_refresh")
    return of_job or any(key.path[0] == recipe.name for key in keys)
