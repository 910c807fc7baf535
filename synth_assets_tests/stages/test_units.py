"""A change remakes the prompts that it touches, and comes to the same as making all anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from synth_assets import seed_files
from synth_assets.schemas import EDGES, RETRACTIONS
from synth_assets.stages import seed_lines
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import Round, Workshop
from synth_assets.store.commits import slice_hash
from synth_assets.store.staging import stage_frame
from synth_assets_tests.stages.bench import Bench, bench

SETS = ("scored_completions", "sft_set", "dpo_set", "dropped_rows")
BY_PROMPT = (
    "mutated_prompts", "completions", "verifications", "ratings", "judgments", *SETS,
)  # fmt: skip
PARTS: dict[str, Any] = {
    "prompts": {"self_instruct": None},
    "completions": {"teachers": ["teacher"], "per_prompt": 2},
    "judgments": {
        "verification": {},
        "ultrafeedback": {"judge": "judge", "criteria": ["helpfulness"]},
    },
}


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of six prompts, answered, verified and rated."""
    folder = tmp_path_factory.mktemp("first_run")
    with bench(folder, **PARTS) as one:
        one.sets = SETS
        one.seeds(*(seed(n) for n in range(6)))
        one.run()
    return folder


@pytest.fixture
def made(tmp_path: Path, first_run: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    copytree(first_run, tmp_path, dirs_exist_ok=True)
    with bench(tmp_path, **PARTS) as one:
        one.sets = SETS
        yield one


def seed(number: int, reference: int = 46) -> dict[str, str]:
    return {"prompt": f"What is the sum of forty and {number}?", "reference": str(reference)}


def test_a_changed_reference_asks_for_its_prompt_alone(made: Bench):
    made.seeds(*(seed(n, 45 if n == 3 else 46) for n in range(6)))
    reports = made.run()
    stats = {name: reports[name].stats for name in BY_PROMPT}
    assert (stats["completions"].cached, stats["completions"].made) == (2, 0)
    assert stats["ratings"].cached + stats["ratings"].made == 1
    assert [reports[name].rounds_made for name in ("verifications", "judgments")] == [[1], [1]]
    assert_as_if_all_were_made_anew(made)


def test_a_seed_that_left_its_file_takes_its_rows_along(made: Bench):
    made.seeds(*(seed(n) for n in range(5)))
    reports = made.run()
    assert reports["completions"].stats.cached == 0
    assert made.read("completions").height == 10
    assert made.read("judgments").height == 20
    assert_as_if_all_were_made_anew(made)


def test_a_changed_parameter_remakes_every_prompt(made: Bench):
    made.change(completions={"system_text": "Answer in one line."})
    reports = made.run()
    assert reports["completions"].stats.made == 12
    assert made.read("completions")["system_text"].unique().to_list() == ["Answer in one line."]
    assert_as_if_all_were_made_anew(made)


def test_rows_that_someone_else_took_out_are_made_anew(made: Bench):
    made.write("DELETE FROM lake.tiny.completions WHERE sample_index = 0")
    made.seeds(*(seed(n, 45 if n == 3 else 46) for n in range(6)))
    assert made.run()["completions"].stats.cached == 12
    assert_as_if_all_were_made_anew(made)


def test_a_round_with_failed_replies_is_asked_for_again_as_a_whole(made: Bench):
    made.write("UPDATE lake.tiny.commits SET failed_replies = 1 WHERE table_name = 'completions'")
    assert made.run()["completions"].stats.cached == 12
    assert_as_if_all_were_made_anew(made)


def test_where_the_version_it_was_made_from_is_gone_all_is_made_anew(made: Bench):
    made.write("CALL ducklake_expire_snapshots('lake', older_than => now() + INTERVAL 1 HOUR)")
    made.seeds(*(seed(n, 45 if n == 3 else 46) for n in range(6)))
    assert made.run()["completions"].stats.cached == 12
    assert_as_if_all_were_made_anew(made)


@pytest.mark.parametrize("draw", [1, pytest.param(2, marks=pytest.mark.full)])
def test_any_changes_come_to_the_same_as_making_all_anew(made: Bench, draw: int):
    random, seeds = Random(draw), [seed(n) for n in range(6)]
    for step in range(2):
        for change in random.sample(("add", "mend", "reword", "drop", "retract"), 2):
            place = random.randrange(len(seeds))
            if change == "add":
                seeds.append(seed(100 * draw + 10 * step + place))
            elif change == "mend":
                seeds[place] = {**seeds[place], "reference": str(40 + step)}
            elif change == "reword":
                seeds[place] = {"prompt": f"Please: {seeds[place]['prompt']}", "reference": "46"}
            elif change == "drop" and len(seeds) > 2:
                seeds.pop(place)
            elif change == "retract":
                retract(made, random)
        made.seeds(*seeds)
        made.run(open_round=random.choice([None, "seeds"]))
        assert_as_if_all_were_made_anew(made)


def retract(made: Bench, random: Random) -> None:
    """Withdraws one prompt, as `synth-assets retract` notes it."""
    known = made.read("retractions")
    id = random.choice(sorted(made.ids("mutated_prompts")))
    row: dict[str, object] = dict.fromkeys(RETRACTIONS.polars) | {
        "retraction_id": f"of {id}",
        "kind": "row",
        "target": id,
        "row_ids": [id],
        "reason": "a test",
        "through_context": False,
        "is_erased": False,
        "affected": "{}",
        "tagged": "{}",
    }
    rows = pl.concat([known.filter(pl.col("target") != id), RETRACTIONS.frame([row])])
    staged = stage_frame(made.lake, made.recipe.name, RETRACTIONS, rows, {})
    made.lake.transaction(staged.prepare().write)
    staged.drop()


def assert_rounds_are_told(made: Bench) -> None:
    """Each round of the prompts has the hash that their newest commit says."""
    log, schema = made.workshop().log, made.recipe.name
    for round in made.workshop().rounds():
        where, values = "round = ?", [round.number]
        read = slice_hash(made.lake, schema, "mutated_prompts", where, values)
        assert log.recorded_hash("mutated_prompts", round.number) == read


def assert_as_if_all_were_made_anew(made: Bench) -> None:
    """The tables are those that the stages make of the whole rounds, and so is the lineage."""
    assert_rounds_are_told(made)
    if made.read("retractions").is_empty():
        assert_seeds_are_as_read(made)
    workshop = made.workshop()
    for name in BY_PROMPT:
        stage = workshop.stages[name]
        whole = [made_whole(workshop, stage, round) for round in workshop.rounds_of(stage)]
        expected = pl.concat(whole).sort(stage.key)
        found = made.lake.read(made.recipe.name, stage.table)
        assert found.sort(stage.key).equals(expected), name
        edges = made.lake.read(made.recipe.name, EDGES, "table_name = ?", [name])
        pairs = stage.parents(expected).rows() if stage.parents else []
        assert sorted(edges.select("child_id", "parent_id").rows()) == sorted(pairs), name
    latest = workshop.log.latest()
    for (name, round), commit in latest.items():
        if name in BY_PROMPT:
            stage = workshop.stages[name]
            where = f"round = {round}" if stage.by_round else "true"
            rows = made.lake.read(made.recipe.name, stage.table, where)
            assert (commit.row_count, commit.items_parsed in (None, rows.height)) == (
                rows.height,
                True,
            )


def made_whole(workshop: Workshop, stage: Stage, round: Round) -> pl.DataFrame:
    with workshop.work(stage, round) as work:
        staged = stage.stage_rows(work, stage.make(work))
        try:
            return staged.frame().cast(stage.table.polars)
        finally:
            staged.drop()


def test_one_changed_line_of_seeds_is_read_alone(made: Bench, monkeypatch: pytest.MonkeyPatch):
    lines: list[object] = []
    read = seed_files.read_seed_prompts
    monkeypatch.setattr(
        seed_lines,
        "read_seed_prompts",
        lambda recipe, only: lines.append(only) or read(recipe, only),
    )
    made.seeds(*(seed(n, 45 if n == 3 else 46) for n in range(6)))
    made.run(until="seed_prompts")
    assert lines == [{"seeds.jsonl": {4}}, {"seeds.jsonl": {4}}]
    assert_seeds_are_as_read(made)


def assert_seeds_are_as_read(made: Bench) -> None:
    """The seeds that are in their file are those that reading all of it gives."""
    read = seed_files.read_seed_prompts(made.recipe).sort("prompt_id")
    found = made.read("seed_prompts", "drop_reason IS DISTINCT FROM 'no_longer_in_its_file'")
    assert found.equals(read)


@pytest.mark.parametrize(
    "after",
    [
        ["a", "b", "c", "d"],
        ["a", "a", "b", "c"],
        ["b", "c", "a"],
        ["a", "x", "c", "c"],
        ["x", "b", "a"],
        ["a"],
    ],
)
def test_copies_among_seeds_are_numbered_as_if_all_were_read(tmp_path: Path, after: list[str]):
    with bench(tmp_path) as one:
        for texts in (["a", "b", "a"], after, ["a", "b", "a"]):
            one.seeds(*texts, *(f"Another of {n}." for n in range(9)))
            one.run(until="rounds")
            assert_seeds_are_as_read(one)
