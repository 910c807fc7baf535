"""Projects for the command line, in folders of the tests' own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

from synth_assets.llm.request import Request
from synth_assets_tests.cli.words import Said, say
from synth_assets_tests.recipes import Teacher, teaching, write_recipe, write_seeds

WORDS_OF_HARM = "\x1b[2J\x9b31m\u202e[red]"


class HarmfulTeacher(Teacher):
    """A teacher whose answers hold what a terminal would obey."""

    def answer(self, request: Request) -> str:
        return super().answer(request).replace("Answer", f"Answer {WORDS_OF_HARM}")


@dataclass(frozen=True)
class Ran:
    """A project after the first run of its recipe, what that said, and how many calls it made."""

    project: Path
    said: Said
    calls: int


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project, which is the working folder; its home is in it."""
    with at_home_in(tmp_path, monkeypatch):
        yield tmp_path


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching() as registered:
        yield registered


@pytest.fixture
def tiny(project: Path, teacher: Teacher) -> Path:
    """A project with the recipe ``tiny``, before its first run."""
    write_recipe(project / "recipes")
    return project


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run of ``tiny``, with a harmful teacher and a harmful seed."""
    folder = tmp_path_factory.mktemp("project")
    seeds = [{"prompt": f"Say {WORDS_OF_HARM} aloud."}, {"prompt": "Name a long river."}]
    with (
        pytest.MonkeyPatch.context() as patch,
        teaching(HarmfulTeacher()) as teacher,
        at_home_in(folder, patch),
    ):
        write_seeds(folder / "recipes", seeds)
        write_recipe(folder / "recipes")
        return Ran(folder, say("run", "tiny", "--json"), len(teacher.asked))


@pytest.fixture
def ran(first_run: Ran, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """That run's project as the working folder, to look at only."""
    monkeypatch.chdir(first_run.project)
    monkeypatch.setenv("SYNTH_HOME", str(first_run.project / ".synth"))
    return first_run


@pytest.fixture
def copy(first_run: Ran, project: Path) -> Path:
    """A copy of that run's project, to go on with."""
    copytree(first_run.project, project, dirs_exist_ok=True)
    return project


@contextmanager
def at_home_in(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    (folder / "recipes").mkdir(exist_ok=True)
    patch.chdir(folder)
    patch.setenv("SYNTH_HOME", str(folder / ".synth"))
    patch.setenv("DAGSTER_HOME", os.environ.get("DAGSTER_HOME", ""))  # a run sets its own
    patch.delenv("SYNTH_PROJECT", raising=False)
    handler = signal.getsignal(signal.SIGTERM)  # and so does a run here
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
