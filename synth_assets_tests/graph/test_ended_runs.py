"""Runs of the real command line that are killed or interrupted in the middle of their calls, and
what the next run makes of what they left."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest

from synth_assets.graph.instance import open_instance
from synth_assets.graph.runs import RunOutcome, RunWishes, run_recipe
from synth_assets.store.home import Home
from synth_assets_tests.graph.caught_runs import Server, asked_of, recipe_at, running
from synth_assets_tests.llm.loopback import loopback

pytestmark = pytest.mark.full  # five processes of a whole run

Statuses = list[tuple[str, dg.DagsterRunStatus]]


@dataclass
class Story:
    """Two runs killed by the kernel, one interrupted, one terminated, and one left in peace.

    exit_codes: of the interrupted run and of the terminated one. said: by the interrupted one.
    statuses: recipe and status of every run in the history, oldest first.
    asked: draws of recipe tiny that the server was asked for, in their order.
    """

    exit_codes: list[int]
    said: str
    statuses: Statuses
    asked: list[int]
    last: RunOutcome


def history(home: Home) -> Statuses:
    with open_instance(home) as instance:
        runs = instance.get_run_records(ascending=True)
        return [(run.dagster_run.job_name, run.dagster_run.status) for run in runs]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    home = Home.at(folder / "home")
    answer = Server()
    with pytest.MonkeyPatch.context() as environment, loopback(answer) as server:
        environment.setenv("SYNTH_HOME", str(home.path))
        environment.setenv("DAGSTER_HOME", "")
        tiny, other = (recipe_at(server, folder, name) for name in ("tiny", "other"))
        with running(tiny, home, server) as first, running(other, home, server) as second:
            first.kill()
            second.kill()
        exit_codes, said = [], ""
        for number in (signal.SIGINT, signal.SIGTERM):
            with running(tiny, home, server) as process:
                process.send_signal(number)
                said = said or process.communicate(timeout=60)[1]
                exit_codes.append(process.wait(timeout=60))
        answer.may_answer = True
        last = run_recipe(tiny, home, RunWishes(), lambda _: None)
        yield Story(exit_codes, said, history(home), asked_of(server, "tiny"), last)


def test_runs_that_were_killed_are_reported_as_failed_by_the_next(story: Story):
    assert sorted(story.statuses[:2]) == [
        ("other", dg.DagsterRunStatus.FAILURE),
        ("tiny", dg.DagsterRunStatus.FAILURE),
    ]


def test_an_interrupted_run_ends_cancelled_and_says_so(story: Story):
    assert story.exit_codes == [130, 130]
    assert story.statuses[2:4] == [("tiny", dg.DagsterRunStatus.CANCELED)] * 2
    assert "interrupted; what was done is kept" in story.said
    assert "Traceback" not in story.said


def test_the_next_run_goes_on_and_buys_nothing_twice(story: Story):
    assert story.last.exit_code == 0
    assert story.statuses[4:] == [("tiny", dg.DagsterRunStatus.SUCCESS)]
    assert story.asked.count(0) == 1, "the reply before the kill was kept"
    assert (story.last.stats.made, story.last.stats.cached) == (1, 1)
