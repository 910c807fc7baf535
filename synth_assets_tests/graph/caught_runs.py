"""Runs of the real command line, caught in the middle of their calls."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from synth_assets.recipe import Recipe
from synth_assets.store.home import Home
from synth_assets_tests.llm.loopback import Answer, Asked, Loopback, says
from synth_assets_tests.recipes import NO_ANSWERS, TASKS, write_recipe


def recipe_at(server: Loopback, folder: Path, name: str) -> Recipe:
    """A recipe that makes two prompts a round, of a model behind ``server``."""
    return write_recipe(
        folder,
        f"{name}.yaml",
        name=name,
        **NO_ANSWERS,
        models={"teacher": {"model": f"openai_compatible/{name}", "base_url": server.base_url}},
    )


class Server:
    """Answers the first draw of a round at once, and the second one not before it may."""

    def __init__(self) -> None:
        self.may_answer = False

    def __call__(self, asked: Asked) -> Answer:
        draw = asked.body["seed"] % 1_000_003
        if draw and not self.may_answer:
            return Answer(fault="hang")
        return says(TASKS[draw])


@contextmanager
def running(recipe: Recipe, home: Home, server: Loopback) -> Iterator[subprocess.Popen[str]]:
    """``synth-assets run`` in the middle of its calls: one reply is journaled, one hangs."""
    before = len(asked_of(server, recipe.name))
    process = subprocess.Popen(
        [sys.executable, "-m", "synth_assets.cli", "run", str(recipe.path)],
        env={**os.environ, "SYNTH_HOME": str(home.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: 1 in asked_of(server, recipe.name)[before:], process)
        if 0 in asked_of(server, recipe.name)[before:]:
            wait_for(lambda: any(file.stat().st_size for file in journals(home)), process)
        yield process
    finally:
        process.kill()
        process.communicate()


def asked_of(server: Loopback, model: str) -> list[int]:
    """Draws asked of a model, in their order."""
    return [a.body["seed"] % 1_000_003 for a in server.asked if a.body["model"] == model]


def journals(home: Home) -> list[Path]:
    return [file for file in (home.path / "journal").glob("*") if file.is_file()]


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(6000):
        if is_so():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("it did not come to its calls within a minute")
