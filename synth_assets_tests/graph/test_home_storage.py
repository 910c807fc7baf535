"""Dagster's history of a home, whose connections are kept: what others see of it meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copyfile

import dagster as dg
import pytest

from synth_assets.graph.home_storage import HomeEventLog
from synth_assets.graph.instance import open_instance
from synth_assets.store.home import Home


@dg.asset
def boats() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"count": 3})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("DAGSTER_HOME", "")
    return Home.at(tmp_path)


@pytest.fixture
def instance(home: Home) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as opened:
        yield opened


def run(instance: dg.DagsterInstance) -> str:
    return dg.materialize([boats], instance=instance).run_id


def newest(instance: dg.DagsterInstance) -> str:
    """The run that made what the catalogue shows."""
    event = instance.get_latest_materialization_event(boats.key)
    assert event is not None
    return event.run_id


def file_of(instance: dg.DagsterInstance, run_id: str) -> Path:
    log = instance.event_log_storage
    assert isinstance(log, HomeEventLog)
    return Path(log.path_for_shard(run_id))


def test_another_process_of_the_home_sees_what_a_run_says_at_once(
    home: Home, instance: dg.DagsterInstance
) -> None:
    with open_instance(home) as other:
        for _ in range(2):
            run_id = run(instance)
            assert newest(other) == run_id
            assert len(other.all_logs(run_id)) == len(instance.all_logs(run_id))


def test_each_event_is_written_to_the_file_that_the_ui_watches(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run_id = run(instance)
    said = len(instance.all_logs(run_id))
    # Without the log beside it, which holds what was not written through.
    copyfile(file_of(instance, run_id), tmp_path / "alone.db")
    with closing(sqlite3.connect(tmp_path / "alone.db")) as alone:
        assert alone.execute("SELECT count(*) FROM event_logs").fetchone() == (said,)


def test_a_history_deleted_under_a_living_process_is_begun_anew(
    instance: dg.DagsterInstance,
) -> None:
    first = run(instance)
    file_of(instance, first).unlink()
    assert not instance.all_logs(first)
    second = run(instance)
    assert newest(instance) == second
    assert instance.all_logs(second)


def test_a_home_that_dagster_wrote_itself_goes_on(home: Home) -> None:
    home.dagster.mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(home.dagster)) as before:
        first = run(before)
    with open_instance(home) as instance:
        assert newest(instance) == first
        second = run(instance)
    with dg.DagsterInstance.local_temp(str(home.dagster)) as after:
        assert newest(after) == second
        assert len(after.all_logs(first)) == len(after.all_logs(second))
