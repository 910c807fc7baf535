"""One finished run of a whole recipe, which many tests look at and some copy."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from synth_assets.store.locks import held
from synth_assets_tests.graph.pipeline import Pipeline, Ran, pipeline
from synth_assets_tests.recipes import evolving, write_seeds

WHOLE: dict[str, Any] = {
    "seeds": {"prompts": ["seeds.jsonl"], "evaluation": ["held_out.jsonl"]},
    "prompts": {"evol_instruct": evolving()},
    "judgments": {"verification": {}},
    "schedule": {"cron": "0 3 * * *"},
    "owner": "team:data",
    "export": {"licences": ["undeclared"]},
}
"""A recipe that asks for every table there is."""


@dataclass(frozen=True)
class Finished:
    """A whole recipe after its first run, and after a second one that had nothing to do.

    asked: requests of the first run, and of the second. versions: newest version of the lake
    after each that a commit of rows made; what passed may be noted later.
    """

    folder: Path
    first: Ran
    second: Ran
    asked: tuple[int, int]
    versions: tuple[int, int]


def finish(folder: Path) -> Finished:
    """Runs the whole recipe twice."""
    write_seeds(folder, [{"prompt": "Count the boats in the old port."}], "held_out.jsonl")
    newest = "SELECT max(snapshot_id) FROM lake.snapshots() WHERE author = 'synth_assets'"
    with pipeline(folder, **WHOLE) as whole:
        first = whole.run()
        asked, version = len(whole.teacher.asked), whole.count(newest)
        second = whole.run()
        return Finished(
            folder,
            first,
            second,
            (asked, len(whole.teacher.asked) - asked),
            (version, whole.count(newest)),
        )


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Finished:
    """Made once, whichever worker needs it first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    said = folder / "said.pickle"
    with held(folder.with_suffix(".lock")):
        if not said.exists():
            said.write_bytes(pickle.dumps(finish(folder)))
    return pickle.loads(said.read_bytes())


@pytest.fixture
def whole(finished: Finished, tmp_path: Path) -> Iterator[Pipeline]:
    """The finished recipe in a folder of the test's own."""
    copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    with pipeline(tmp_path, **WHOLE) as copy:
        yield copy
