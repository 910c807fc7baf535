"""Runs of the UI: after others were killed, and ended by its own button."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from synth_assets.store.home import Home
from synth_assets_tests.browser.chromium import user_interface
from synth_assets_tests.browser.graphql import ask_server, launch, terminate
from synth_assets_tests.graph.caught_runs import Server, asked_of, recipe_at, running
from synth_assets_tests.llm.loopback import loopback

STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
ENDED = ("SUCCESS", "FAILURE", "CANCELED")


def end_of(address: str, run: str) -> str:
    """The status in which a run ends, waited for."""
    for _ in range(1800):
        status = ask_server(address, STATUS, run=run)["runOrError"]["status"]
        if status in ENDED:
            return status
        time.sleep(0.1)
    raise AssertionError("the run did not end within three minutes")


@pytest.mark.full
def test_after_two_kills_the_ui_runs_and_cancels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.at(tmp_path / "home")
    monkeypatch.setenv("SYNTH_HOME", str(home.path))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    answer = Server()
    project = tmp_path / "project"
    with loopback(answer) as server:
        tiny, other = (recipe_at(server, project / "recipes", name) for name in ("tiny", "other"))
        with running(tiny, home, server) as first, running(other, home, server) as second:
            first.kill()
            second.kill()
        environment = {"SYNTH_HOME": str(home.path), "SYNTH_PROJECT": str(project)}
        with user_interface(environment, tmp_path / "ui.log") as address:
            before = len(asked_of(server, "tiny"))
            cancelled = launch(address, "tiny")
            for _ in range(1800):
                if asked_of(server, "tiny")[before:]:
                    break
                time.sleep(0.1)
            assert asked_of(server, "tiny")[before:] == [1], "the journaled reply is not asked for"
            terminate(address, cancelled)
            assert end_of(address, cancelled) == "CANCELED"
            answer.may_answer = True
            assert end_of(address, launch(address, "tiny")) == "SUCCESS"
            assert end_of(address, launch(address, "other")) == "SUCCESS"
