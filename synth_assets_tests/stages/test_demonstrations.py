"""What a person answered, from the file of seeds to the sets: a completion like any other, by a
human, that no model is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import RecipeError
from synth_assets.export import write_sft
from synth_assets.graph.retraction import Retraction
from synth_assets.lineage.trace import trace_row
from synth_assets.recipe import load_recipe
from synth_assets.schemas import SEED_PROMPTS
from synth_assets.stages.exporting import write_files
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.store.lake import Lake
from synth_assets_tests.cli.test_retract import files_with
from synth_assets_tests.recipes import teaching, write_recipe, write_seeds
from synth_assets_tests.stages.bench import Bench

PERSON = 'Zanzibar Quillfeather says:\n"the Danube", which crosses ten countries.'
SEEDS = (
    {"prompt": "Name a river that crosses three countries.", "answer": PERSON},
    {"prompt": "Give two reasons to mend old shoes.", "answer": None},
)
SHOWN = {"path": "seeds.jsonl", "demonstrations": True, "licence": "cc-by-4.0"}
PARTS: dict[str, Any] = {
    "seeds": {"prompts": [SHOWN]},
    "prompts": {"self_instruct": None},
    "completions": {"per_prompt": 1},
    "datasets": {"dpo": {"min_margin": 0}},
}
SETS = ("scored_completions", "sft_set", "dpo_set", "dropped_rows")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prompt that a person answered and one that nobody did, after a run."""
    folder = tmp_path_factory.mktemp("demonstrations")
    write_seeds(folder, SEEDS)
    with teaching() as teacher:
        made = Bench(folder, teacher, PARTS)
        made.sets = SETS
        made.run()
        sft = recipe_stages(made.recipe)["sft_set"].table
        write_files(made.lake, made.recipe, "sft_set", write_sft, made.lake.read("tiny", sft))
        made.lake.close()
    return folder


@pytest.fixture
def made(first_run: Path, tmp_path: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    copytree(first_run, tmp_path, dirs_exist_ok=True)
    with teaching() as teacher:
        ready = Bench(tmp_path, teacher, PARTS)
        ready.sets = SETS
        yield ready
        ready.lake.close()


def sft(made: Bench) -> list[dict[str, Any]]:
    rows = made.lake.frame("SELECT * FROM lake.tiny.sft_set ORDER BY origin")
    return rows.to_dicts()


def test_it_is_a_completion_by_a_human_under_the_licence_of_its_file(made: Bench):
    (human, model) = made.read("completions").sort("origin").to_dicts()
    assert (human["text"], human["origin"], human["teacher"]) == (PERSON, "human", "human")
    assert (human["licence"], human["call_id"], human["method"]) == ("cc-by-4.0", None, "given")
    assert model["origin"] == "model:teacher", "nobody answered the other prompt but the teacher"
    assert model["prompt_id"] != human["prompt_id"]


def test_it_is_rated_and_in_the_set_and_in_its_files(made: Bench):
    human = sft(made)[0]
    assert human["messages"][-1] == {"role": "assistant", "content": PERSON}
    assert (human["origin"], human["licences"], human["mean_rating"]) == ("human", ["cc-by-4.0"], 5)
    folder = made.lake.home.exports / "tiny" / "data" / "sft"
    rows = pl.concat([pl.read_parquet(file) for file in folder.glob("*.parquet")])
    (told,) = rows.filter(id=human["example_id"]).to_dicts()
    assert PERSON in str(told).replace("\\n", "\n")


def test_why_leads_to_the_line_in_which_it_stands(made: Bench):
    ancestry = trace_row(made.lake, made.recipe, sft(made)[0]["example_id"])["ancestry"]
    seeds = [step["rows"]["seed_prompts"] for step in ancestry if "seed_prompts" in step["rows"]]
    assert [(row["source_file"], row["source_line"]) for row in seeds] == [("seeds.jsonl", 1)]


def test_a_changed_answer_is_another_completion_of_the_same_prompt(made: Bench):
    before = sft(made)[0]
    made.seeds({**SEEDS[0], "answer": "The Rhine, in the end."}, SEEDS[1])
    made.run()
    after = sft(made)[0]
    assert after["messages"][-1]["content"] == "The Rhine, in the end."
    assert after["prompt_id"] == before["prompt_id"]
    assert after["completion_id"] != before["completion_id"]


def test_a_pair_of_a_person_and_a_model_is_there_only_where_teachers_answer_too(made: Bench):
    pairs = "SELECT chosen_model, rejected_model FROM lake.tiny.dpo_set"
    assert made.lake.execute(pairs) == []
    made.change(completions={"answer_given": True}, datasets={"sft": {"keep_human": True}})
    made.run()
    (pair,) = made.lake.execute(pairs)
    assert set(pair) == {"human", "scripted/teacher"}
    assert sft(made)[0]["origin"] == "human", "whichever of the two is rated higher"


def withdraw(made: Bench, source: str, *, erase: bool) -> tuple[Path, ...]:
    made.lake.close()
    recipe = load_recipe(made.recipe.path)
    with Retraction.of(recipe, made.lake.home, source) as retraction:
        plan = retraction.plan(through_context=False, erase=erase)
        left = retraction.carry_out(plan, "asked to").left_in
    made.lake = Lake(made.lake.home)
    return left


@pytest.mark.full
def test_what_a_person_withdraws_leaves_the_set(made: Bench):
    withdraw(made, sft(made)[0]["completion_id"], erase=False)
    assert [row["origin"] for row in sft(made)] == ["model:teacher"]


@pytest.mark.full
def test_what_is_erased_is_in_no_file_and_does_not_come_back(made: Bench):
    home, line = made.lake.home.path, json.dumps(PERSON)[1:-1]
    assert files_with(home, line)
    assert withdraw(made, sft(made)[0]["completion_id"], erase=True) == ()
    made.run()
    assert files_with(home, line) == files_with(home, "Quillfeather") == []
    assert [row["origin"] for row in sft(made)] == ["model:teacher"]
    assert made.lake.read("tiny", SEED_PROMPTS)["demonstration"].to_list() == [None]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"prompts": {"include_seeds": False}}, "demonstrations = true: an answer comes into the"),
        ({"completions": None, "judgments": None}, "demonstrations = true: an answer is a compl"),
    ],
)
def test_demonstrations_that_reach_no_set_stop_the_recipe(
    tmp_path: Path, change: dict[str, Any], problem: str
):
    parts = {"seeds": {"prompts": [SHOWN]}, **change}
    with pytest.raises(RecipeError, match=rf"seeds.prompts\[0\].{problem}"):
        write_recipe(tmp_path, **parts)
