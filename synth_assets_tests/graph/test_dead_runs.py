"""A run whose process is gone is told by its lock, and reported as failed; a living one is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from synth_assets.graph.dead_runs import dead_runs_sensor, report_dead_runs
from synth_assets.graph.resources import run_lock_path
from synth_assets.store.home import Home
from synth_assets.store.locks import FileLock


@dg.op
def work() -> None:
    """Nothing."""


@dg.job
def tiny() -> None:
    work()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SYNTH_HOME", str(tmp_path))
    return Home.at(tmp_path)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "dagster")) as made:
        yield made


def started(instance: dg.DagsterInstance, home: Home) -> tuple[str, FileLock]:
    """A run under way, and the lock that its process holds."""
    run = instance.create_run_for_job(tiny, status=dg.DagsterRunStatus.STARTED)
    lock = FileLock(run_lock_path(home, run.run_id))
    lock.acquire(run.run_id)
    return run.run_id, lock


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_lock_is_free_is_reported_as_failed_once(
    instance: dg.DagsterInstance, home: Home
):
    run_id, lock = started(instance, home)
    lock.release()  # the kernel does this when the process dies
    assert report_dead_runs(instance, home) == [run_id]
    assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE
    assert not run_lock_path(home, run_id).exists()
    assert report_dead_runs(instance, home) == []


def test_a_run_whose_process_lives_is_left_alone(instance: dg.DagsterInstance, home: Home):
    run_id, lock = started(instance, home)
    assert report_dead_runs(instance, home) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED
    lock.release()


def test_a_run_that_ended_is_not_reported(instance: dg.DagsterInstance, home: Home):
    run_id, lock = started(instance, home)
    lock.release()
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_canceled(run)
    assert report_dead_runs(instance, home) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.CANCELED


def test_a_run_on_another_machine_has_no_lock_here_and_is_left_alone(
    instance: dg.DagsterInstance, home: Home
):
    run = instance.create_run_for_job(tiny, status=dg.DagsterRunStatus.STARTED)
    assert report_dead_runs(instance, home) == []
    assert status(instance, run.run_id) == dg.DagsterRunStatus.STARTED


def test_the_sensor_says_what_it_reported(instance: dg.DagsterInstance, home: Home):
    def look() -> str | None:
        context = dg.build_sensor_context(instance=instance)
        return dead_runs_sensor.evaluate_tick(context).skip_message

    assert look() == "every run that is under way has its process"
    run_id, lock = started(instance, home)
    lock.release()
    assert look() == f"reported as failed: {run_id}"
