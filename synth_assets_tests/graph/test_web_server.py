"""The UI's server is watched: a home that is deleted under it is no page of internal errors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from synth_assets.graph.web_server import serve
from synth_assets.store.home import Home

STARTED_ONCE_DELETES_ITS_HOME = """
import pathlib, shutil, sys, time
log, home = map(pathlib.Path, sys.argv[1:])
with log.open("a") as lines:
    lines.write("started\\n")
if log.read_text().count("started") == 1:
    shutil.rmtree(home)
    time.sleep(60)
sys.exit(7)
"""


@pytest.fixture(autouse=True)
def own_dagster_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # what serve sets is taken back afterwards


def test_a_server_whose_home_is_deleted_is_started_again_with_an_empty_one(tmp_path: Path):
    home, log, told = Home.at(tmp_path / "home"), tmp_path / "log", []
    command = [sys.executable, "-c", STARTED_ONCE_DELETES_ITS_HOME, str(log), str(home.path)]
    assert serve(command, home, told.append) == 7
    assert log.read_text() == "started\nstarted\n"
    assert told == [f"{home.path} was deleted; starting again with an empty one"]
    assert (home.dagster / "workspace.yaml").exists()
