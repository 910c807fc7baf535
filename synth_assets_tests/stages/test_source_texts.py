"""Source texts in the graph: rounds draw on their pool, and lineage reaches the text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from synth_assets.lineage.trace import trace_row
from synth_assets.lineage.withdrawal import plan_withdrawal
from synth_assets.llm.request import Request
from synth_assets.method import all_methods
from synth_assets.stages.checking import check_recipe
from synth_assets.stages.planning import plan_recipe
from synth_assets.stages.retracting import retract
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets_tests.stages.bench import Bench, bench

BREAD = "Sourdough needs time more than skill, so feed the starter well before you go to bed."
TRAIN = "Night trains are slower than they could be, and for a sleeper that is the point of them."
TIDES = "Tide tables look like a wall of figures and are in truth four short stories a day."
METHOD = all_methods()["instruction_backtranslation"]


def answer(request: Request) -> str | None:
    """The teacher's instruction names the text's second word; the judge is content."""
    text = request.messages[-1]["content"]
    if "Score the pair" in text:
        return json.dumps({"rationale": "Yes.", "score": 5})
    if "Write the instruction that a person gave" in text:
        words = text.partition("[text ")[2].partition("\n")[2].split()
        return f"Write a sentence that has {words[1]} and {words[2]} in it."
    return None


@contextmanager
def with_texts(folder: Path, seeds: Mapping[str, Any] | None = None) -> Iterator[Bench]:
    """A recipe with two documents, before its first run."""
    (folder / "a.md").write_text(f"{BREAD}\n")
    (folder / "b.md").write_text(f"{TRAIN}\n")
    prompts: dict[str, Any] = {
        "self_instruct": None,
        "instruction_backtranslation": {"teacher": "teacher", "judge": "judge", "per_round": 5},
    }
    sources = [{"path": "*.md", "licence": "cc-by-4.0", "characters": [20, 200]}]
    with bench(folder, seeds={"source_texts": sources, **(seeds or {})}, prompts=prompts) as made:
        made.teacher.before = answer
        yield made


@pytest.fixture(scope="module")
def first_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the recipe after its first run."""
    folder = tmp_path_factory.mktemp("source_texts")
    with with_texts(folder) as made:
        made.run()
    return folder


@pytest.fixture(scope="module")
def looked_at(first_round: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A copy of it, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("looked_at")
    with with_texts(copytree(first_round, folder, dirs_exist_ok=True)) as made:
        yield made


@pytest.fixture
def made(first_round: Path, tmp_path: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    with with_texts(copytree(first_round, tmp_path, dirs_exist_ok=True)) as made:
        yield made


def instructions(made: Bench, where: str = "true") -> pl.DataFrame:
    return made.lake.read("tiny", METHOD.table, where).sort("given_completion")


def test_the_text_becomes_the_completion_with_its_licence(looked_at: Bench) -> None:
    rows = looked_at.read("mutated_prompts", "method = 'instruction_backtranslation'")
    assert set(rows["given_completion"]) == {BREAD, TRAIN}
    assert set(rows["given_origin"]) == {"human"}
    assert rows["drop_reason"].null_count() == 2
    assert rows["licences"].to_list() == [["cc-by-4.0", "undeclared"]] * 2
    sources = looked_at.read("source_texts")
    assert set(rows["derived_from"].explode()) == set(sources["source_text_id"])


def test_nothing_is_made_again_where_nothing_changed(looked_at: Bench) -> None:
    before, asked = looked_at.commits(), len(looked_at.teacher.asked)
    looked_at.run()
    assert (looked_at.commits(), len(looked_at.teacher.asked)) == (before, asked)


def test_a_new_document_waits_for_the_next_round_and_changes_no_earlier_one(made: Bench) -> None:
    first = instructions(made)
    (made.folder / "c.md").write_text(f"{TIDES}\n")
    reports = made.run()
    assert instructions(made).equals(first)
    assert "1 seeds wait for a new round" in str(reports["rounds"].notes["seeds_that_wait"])
    made.run(open_round="by_hand")
    assert instructions(made, "round = 1").equals(first)
    second = instructions(made, "round = 2")
    # The texts whose instructions round 1 kept are not drawn again.
    assert second["given_completion"].to_list() == [TIDES]


def test_a_document_that_is_gone_stays_in_the_rounds_that_rest_on_it(made: Bench) -> None:
    first = instructions(made)
    (made.folder / "a.md").unlink()
    made.run()
    reasons = dict(made.read("source_texts").select("text", "drop_reason").iter_rows())
    assert reasons == {BREAD: "no_longer_in_its_file", TRAIN: None}
    assert instructions(made).equals(first)


def test_source_texts_alone_are_enough_for_a_plan_and_a_run(tmp_path: Path) -> None:
    with with_texts(tmp_path, seeds={"prompts": None}) as made:
        (row,) = plan_recipe(made.recipe, made.lake.home)
        # An instruction for each text is sure; three scores of each, asked twice, may follow.
        assert (row.table, row.calls_at_least, row.calls) == (METHOD.table.name, 2, 2 + 2 * 2 * 3)
        made.run()
        assert len(made.teacher.asked) == 2 + 2 * 3
        assert made.read("seed_prompts").is_empty()
        prompts = made.read("mutated_prompts")
        assert dict(prompts.select("given_completion", "drop_reason").iter_rows()) == {
            BREAD: None,
            TRAIN: None,
        }
        before = made.commits()
        assert all(row.calls == 0 for row in plan_recipe(made.recipe, made.lake.home))
        made.run()
        assert made.commits() == before


def test_check_tells_how_many_source_texts_there_are(tmp_path: Path) -> None:
    with with_texts(tmp_path, seeds={"prompts": None}) as made:
        found = [each for each in check_recipe(made.recipe.path) if each.part == "seeds"]
        assert [(each.level, each.message) for each in found] == [("ok", "2 source texts")]
        (made.folder / "a.md").write_text("Bread.\n")
        (made.folder / "b.md").write_text("Tides.\n")
        (found,) = (each for each in check_recipe(made.recipe.path) if each.part == "seeds")
        assert (found.level, found.message) == (
            "error",
            "seeds.source_texts: no source text is usable; dropped: too_short 2",
        )


def test_why_reaches_file_and_line_of_the_text(looked_at: Bench) -> None:
    row = instructions(looked_at).row(0, named=True)
    trace = trace_row(looked_at.lake, looked_at.recipe, row["prompt_id"])
    told = {node["kind"]: node for node in trace["ancestry"]}
    assert told["source text"]["seed"] == {
        "source_file": "b.md",
        "source_line": 1,
        "licence": "cc-by-4.0",
        "origin": "human",
    }
    assert told["source text"]["text"] == TRAIN
    assert told["prompt"]["parents"] == [told["source text"]["id"]]


def test_why_of_a_text_tells_what_became_of_it(looked_at: Bench) -> None:
    row = instructions(looked_at).row(0, named=True)
    trace = trace_row(looked_at.lake, looked_at.recipe, row["derived_from"][0])
    assert trace["kind"] == "source text"
    assert row["prompt_id"] in {each["id"] for each in trace["descent"]}


def test_a_text_is_withdrawn_by_its_id_with_what_was_written_for_it(looked_at: Bench) -> None:
    row = instructions(looked_at).row(0, named=True)
    (text,) = row["derived_from"]
    withdrawal = plan_withdrawal(looked_at.lake, looked_at.recipe, text)
    assert withdrawal.ids("source_texts") == {text}
    assert row["prompt_id"] in withdrawal.prompts


def test_retracting_a_file_takes_what_was_written_for_its_texts(made: Bench) -> None:
    workshop = Workshop(
        made.recipe, made.lake, made.workshop().stages, "retract", RunOptions(makes_calls=False)
    )
    withdrawal = plan_withdrawal(made.lake, made.recipe, "b.md")
    retract(workshop, withdrawal, "the author asked for it")
    expected = {TRAIN: "retracted", BREAD: None}
    prompts = made.read("mutated_prompts", "method <> 'seed'")
    assert dict(prompts.select("given_completion", "drop_reason").iter_rows()) == expected
    made.run()
    sources = made.read("source_texts")
    assert dict(sources.select("text", "drop_reason").iter_rows()) == expected
