"""When a recipe runs by itself: its jobs, its schedule, and a sensor on its seed files."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from synth_assets.errors import SynthError
from synth_assets.graph.pending_batches import pending_batches_sensor
from synth_assets.identity import content_hash
from synth_assets.recipe import Recipe
from synth_assets.seed_files.location import locate, locate_sources
from synth_assets.stages.workshop import hash_file


def rounds_op(recipe: Recipe) -> str:
    """The op whose config says whether a run opens a round."""
    return f"{recipe.name}__rounds"


def open_round_config(recipe: Recipe, because: str) -> dict[str, object]:
    """Run config with which a run opens the next round."""
    return {"ops": {rounds_op(recipe): {"config": {"open_round": because}}}}


def recipe_automation(recipe: Recipe, keys: Sequence[dg.AssetKey]) -> dg.Definitions:
    """``<recipe>``: bring all up to date. ``<recipe>_refresh``: the same with a new round; the
    schedule and the seed sensor run it. Both are stopped until a person starts them. The sensor of
    pending batches runs: it asks for nothing that was not asked for."""
    selection = dg.AssetSelection.assets(*keys)
    everything = dg.define_asset_job(
        recipe.name,
        selection=selection,
        description=f"Bring every table of {recipe.name} up to date; open a round only if there "
        "is none.",
    )
    refresh = dg.define_asset_job(
        f"{recipe.name}_refresh",
        selection=selection,
        config=open_round_config(recipe, "schedule"),
        description=f"Open the next round of {recipe.name} (or finish the newest) and bring every "
        "table up to date.",
    )
    schedules: list[dg.ScheduleDefinition] = []
    if recipe.schedule is not None:
        schedules.append(
            dg.ScheduleDefinition(
                name=f"{recipe.name}_schedule",
                job=refresh,
                run_config=open_round_config(recipe, "schedule"),
                cron_schedule=recipe.schedule.cron,
                execution_timezone=recipe.schedule.timezone,
                default_status=dg.DefaultScheduleStatus.STOPPED,
                description="Opens a new round on schedule.",
            )
        )
    sensors = [_seed_sensor(recipe, refresh)]
    if any(model.batch for model in recipe.models.values()):
        sensors.append(pending_batches_sensor(recipe, everything))
    return dg.Definitions(jobs=[everything, refresh], schedules=schedules, sensors=sensors)


def _seed_sensor(recipe: Recipe, job: Any) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{recipe.name}_seed_sensor",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Opens a new round when a seed file has changed.",
    )
    def seed_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            seen = seed_files_state(recipe)
        except SynthError as error:
            return dg.SkipReason(str(error))
        if context.cursor is None:
            context.update_cursor(seen)
            return dg.SkipReason("first look at the seed files")
        if context.cursor == seen:
            return dg.SkipReason("no seed file has changed")
        context.update_cursor(seen)
        return dg.RunRequest(
            # The time keeps a change that was undone and made again from being skipped.
            run_key=f"{content_hash(seen)[:16]}-{datetime.now(UTC):%Y%m%dT%H%M%S}",
            run_config=open_round_config(recipe, "seeds"),
        )

    return seed_sensor


def seed_files_state(recipe: Recipe) -> str:
    """The content of every file of seed prompts and source texts as one short text. Evaluation
    prompts are none: a change of theirs asks for no new round.

    Errors: `RecipeError` where a file is not there or cannot be read.
    """
    prompts = [(file.label, file.path) for file in locate(recipe, "prompts")]
    sources = [(label, path) for path, label, _ in locate_sources(recipe)]
    return json.dumps([[label, hash_file(path)[:16]] for label, path in (*prompts, *sources)])
