"""When a recipe runs by itself: its schedule, the sensor on its seeds; both stopped at first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from synth_assets.graph.recipe_graph import recipe_definitions, shared_definitions
from synth_assets_tests.recipes import NO_ANSWERS, SEEDS, write_recipe, write_seeds

SCHEDULED: dict[str, Any] = {**NO_ANSWERS, "schedule": {"cron": "0 3 * * 1"}}


def seed_sensor(folder: Path, **parts: Any) -> dg.SensorDefinition:
    definitions = recipe_definitions(write_recipe(folder, **{**NO_ANSWERS, **parts}))
    (sensor,) = definitions.sensors or []
    assert isinstance(sensor, dg.SensorDefinition)
    return sensor


def look(sensor: dg.SensorDefinition, cursor: str | None) -> dg.SensorExecutionData:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        return sensor.evaluate_tick(context)


@pytest.fixture(autouse=True)
def quiet_temporary_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))


def test_the_schedule_is_stopped_until_someone_starts_it(tmp_path: Path):
    definitions = recipe_definitions(write_recipe(tmp_path, **SCHEDULED))
    (schedule,) = definitions.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.name == "tiny_schedule"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * 1", "UTC")


def test_a_tick_of_the_schedule_opens_a_round(tmp_path: Path):
    definitions = recipe_definitions(write_recipe(tmp_path, **SCHEDULED))
    (schedule,) = definitions.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    with dg.build_schedule_context() as context:
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.run_config == {"ops": {"tiny__rounds": {"config": {"open_round": "schedule"}}}}
    whole = dg.Definitions.merge(definitions, shared_definitions())
    job = whole.resolve_job_def("tiny_refresh")
    assert dg.validate_run_config(job, request.run_config)


def test_a_recipe_without_a_schedule_has_none(tmp_path: Path):
    assert not recipe_definitions(write_recipe(tmp_path, **NO_ANSWERS)).schedules


def test_the_first_look_at_the_seeds_asks_for_no_run(tmp_path: Path):
    sensor = seed_sensor(tmp_path)
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    first = look(sensor, None)
    assert not first.run_requests
    assert first.skip_message == "first look at the seed files"
    again = look(sensor, first.cursor)
    assert not again.run_requests
    assert again.skip_message == "no seed file has changed"


def test_a_changed_seed_file_opens_a_round(tmp_path: Path):
    sensor = seed_sensor(tmp_path)
    first = look(sensor, None)
    write_seeds(tmp_path, SEEDS[:2])
    changed = look(sensor, first.cursor)
    (request,) = changed.run_requests or []
    assert request.run_config == {"ops": {"tiny__rounds": {"config": {"open_round": "seeds"}}}}
    assert not look(sensor, changed.cursor).run_requests


def test_a_changed_evaluation_file_opens_no_round(tmp_path: Path):
    write_seeds(tmp_path, SEEDS[:1], "held_out.jsonl")
    sensor = seed_sensor(
        tmp_path, seeds={"prompts": ["seeds.jsonl"], "evaluation": ["held_out.jsonl"]}
    )
    first = look(sensor, None)
    write_seeds(tmp_path, SEEDS[:2], "held_out.jsonl")
    assert not look(sensor, first.cursor).run_requests


def test_a_seed_file_that_cannot_be_read_is_skipped_with_the_reason(tmp_path: Path):
    sensor = seed_sensor(tmp_path)
    first = look(sensor, None)
    (tmp_path / "seeds.jsonl").unlink()
    gone = look(sensor, first.cursor)
    assert not gone.run_requests
    assert "there is no file" in (gone.skip_message or "")
