"""A teacher that answers by batch: a run ends with what is due, the sensor stores what has come and
asks for the run again, and that run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from synth_assets.graph.instance import open_instance
from synth_assets.graph.recipe_graph import recipe_definitions, shared_definitions
from synth_assets.graph.runs import RunOutcome, RunWishes, run_recipe
from synth_assets.recipe import Recipe
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.recipes import SEEDS, write_recipe, write_seeds
from synth_assets_tests.server import Serving, Settings, serving


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SYNTH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    return Home.at(tmp_path / "home")


def batching(folder: Path, server: Serving) -> Recipe:
    """Seeds that are answered twice each, by batch."""
    model = {"model": "openai_compatible/m", "base_url": server.base_url, "batch": True}
    return write_recipe(
        folder,
        models={"teacher": model, "judge": None},
        prompts={"self_instruct": None},
        judgments=None,
    )


def run(recipe: Recipe, home: Home, *, open_round: bool = False) -> RunOutcome:
    return run_recipe(recipe, home, RunWishes(open_round), lambda _: None)


def rows(home: Home, table: str) -> int | None:
    """Rows of a table of the recipe; None where there is no such table."""
    lake = Lake(home)
    try:
        if not lake.has("tiny", table):
            return None
        return lake.frame(f"SELECT count(*) AS n FROM {Lake.relation('tiny', table)}")["n"][0]
    finally:
        lake.close()


def tick(recipe: Recipe, home: Home, cursor: str | None = None) -> dg.SensorExecutionData:
    definitions = recipe_definitions(recipe)
    sensors = {sensor.name: sensor for sensor in definitions.sensors or []}
    sensor = sensors["tiny_pending_batches"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    with open_instance(home) as instance:
        return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_a_run_ends_with_what_is_due_and_a_later_one_goes_on(tmp_path: Path, home: Home):
    with serving(Settings(batch_s=3600)) as server:
        recipe = batching(tmp_path, server)
        first = run(recipe, home)
        assert (first.exit_code, first.status) == (5, "pending")
        assert "6 replies are due from 1 batches" in first.errors[0]
        assert (rows(home, "mutated_prompts"), rows(home, "completions")) == (3, None)
        assert rows(home, "sft_set") is None, "what rests on the replies waits too"
        assert not tick(recipe, home).run_requests

        server.change(batch_s=0)
        with under_way(recipe, home):
            stored = tick(recipe, home)
            assert not stored.run_requests, "a run of the recipe is under way"
        asked = tick(recipe, home, stored.cursor)
        assert len(asked.run_requests or []) == 1
        assert not tick(recipe, home, asked.cursor).run_requests, "asked for once"
        second = run(recipe, home)
        assert (second.exit_code, second.errors) == (0, [])
        assert rows(home, "completions") == 6

        write_seeds(tmp_path, [*SEEDS, {"prompt": "Name a colour of the evening sky."}])
        server.change(batch_s=3600)
        assert run(recipe, home, open_round=True).exit_code == 5
        assert rows(home, "completions") == 6, "the earlier round stays as it is"
        server.change(batch_s=0)
        assert tick(recipe, home).run_requests
        assert run(recipe, home).exit_code == 0
        assert rows(home, "completions") == 8
        assert (server.counters.batches, server.counters.repeated) == (2, 0)


@contextmanager
def under_way(recipe: Recipe, home: Home) -> Iterator[None]:
    """A run of the recipe that has not ended."""
    definitions = dg.Definitions.merge(recipe_definitions(recipe), shared_definitions())
    job = definitions.resolve_job_def(recipe.name)
    with open_instance(home) as instance:
        other = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        yield
        instance.report_run_failed(other)


def test_a_recipe_without_batches_has_no_such_sensor(tmp_path: Path):
    definitions = recipe_definitions(write_recipe(tmp_path))
    assert [sensor.name for sensor in definitions.sensors or []] == ["tiny_seed_sensor"]
