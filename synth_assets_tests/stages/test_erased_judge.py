"""A judge that is erased: neither its rationales nor its replies are in any file of the home, and
what others said stays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from synth_assets.graph.retraction import Done, Retraction
from synth_assets.llm.request import Request
from synth_assets.llm.transports.scripted import forget, register
from synth_assets.recipe import Recipe
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.cli.test_retract import files_with
from synth_assets_tests.recipes import evolving
from synth_assets_tests.stages.bench import Bench, bench

JUDGE, OTHER = "Zanzibar Quillfeather", "Ottoline Marchbanks"
"""Stand in all that each judge says."""

PARTS: dict[str, Any] = {
    "models": {
        "judge": {"model": "scripted/judge", "max_retries": 0},
        "other": {"model": "scripted/other", "max_retries": 0},
    },
    "prompts": {"self_instruct": None, "evol_instruct": evolving()},
    "completions": {"teachers": ["teacher"], "per_prompt": 2},
    "judgments": {
        "ultrafeedback": {"judge": "judge", "criteria": ["helpfulness", "honesty"]},
        "critique": {"judge": "other"},
    },
    "pairs": {"pairwise": {"judges": ["judge", "other"]}},
    "limits": {"failed_replies": 1.0},
}


class Judge:
    """Says something of its own, with its name in it, each time that it is asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.turns = count(1)

    def __call__(self, request: Request) -> str:
        said = f"{self.name} finds for the {next(self.turns)}th time that this will do."
        text = request.messages[-1]["content"]
        if "Rate all" in text and "instruction" in text.partition("[prompt")[0]:
            ratings = [{"rating": 5 - place, "rationale": said} for place in range(2)]
            return json.dumps({"ratings": ratings})
        if "overall rating" in text:
            return json.dumps({"critique": said, "overall": 7})
        if '"verdict"' in text:
            return json.dumps({"rationale": said, "verdict": "A"})
        return said  # which nothing can read


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Bench]:
    register("judge", Judge(JUDGE))
    register("other", Judge(OTHER))
    try:
        with bench(tmp_path, **PARTS) as table:
            table.run()
            yield table
    finally:
        forget("judge")
        forget("other")


def print_into_history(home: Home, words: str) -> None:
    """What a run of Dagster's would have kept of a message with a rationale in it."""
    (home.dagster / "history").mkdir(parents=True)
    with closing(sqlite3.connect(home.dagster / "history" / "runs.db")) as database:
        database.execute("CREATE TABLE event_logs (event TEXT)")
        database.execute("INSERT INTO event_logs VALUES (?)", [json.dumps({"message": words})])
        database.commit()


def erase(home: Home, recipe: Recipe, source: str) -> Done:
    with Retraction.of(recipe, home, source) as retraction:
        plan = retraction.plan(through_context=False, erase=True)
        return retraction.carry_out(plan, "its keeper asked")


@pytest.mark.full
def test_what_an_erased_judge_said_is_in_no_file_of_the_home(made: Bench) -> None:
    home, recipe = made.lake.home, made.recipe
    told = made.read("ratings", "rationale IS NOT NULL")["rationale"].to_list()
    assert told and all(JUDGE in each for each in told)
    kept = made.read("critiques").sort("judgment_id")
    assert kept.height > 0
    print_into_history(home, told[0])
    made.lake.close()
    assert files_with(home.path, JUDGE)
    done = erase(home, recipe, "judge")
    assert files_with(home.path, JUDGE) == [] == list(done.left_in)
    assert files_with(home.path, OTHER)
    with Lake(home) as lake:
        made.lake = lake
        assert made.read("ratings").height == made.read("pairwise_verdicts").height == 0
        assert made.read("critiques").sort("judgment_id").equals(kept)
