"""A plan makes no call, asks at most what a run asks, and nothing where nothing is due."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from synth_assets.errors import RecipeError, TransientCallError
from synth_assets.stages.forecast import Range
from synth_assets.stages.planning import PlanRow, plan_recipe
from synth_assets.store.home import Home
from synth_assets_tests.needs_bubblewrap import needs_sandbox
from synth_assets_tests.recipes import SEEDS, Teacher, evolving, teaching, tiny_parts, write_seeds
from synth_assets_tests.stages.bench import Bench, bench

ANSWERED: dict[str, Any] = {name: tiny_parts()[name] for name in ("completions", "judgments")}
"""What a bench leaves out by itself."""


WRITTEN_AND_REWRITTEN: dict[str, Any] = {"evol_instruct": evolving(generations=2)}
ONLY_SEEDS: dict[str, Any] = {"self_instruct": None}


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Bench]:
    """A recipe that writes, rewrites, answers and rates, before its first run."""
    with bench(tmp_path, prompts=WRITTEN_AND_REWRITTEN, **ANSWERED) as ready:
        yield ready


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int], int]:
    """The folder of the same recipe after its first run, what that made by table, and in all."""
    folder = tmp_path_factory.mktemp("first_run")
    with bench(folder, prompts=WRITTEN_AND_REWRITTEN, **ANSWERED) as ready:
        return folder, asked(ready), len(ready.teacher.asked)


@pytest.fixture
def made(tmp_path: Path, first_run: tuple[Path, dict[str, int], int]) -> Iterator[Bench]:
    """A copy of that folder."""
    copytree(first_run[0], tmp_path, dirs_exist_ok=True)
    with bench(tmp_path, prompts=WRITTEN_AND_REWRITTEN, **ANSWERED) as ready:
        yield ready


def plan(ready: Bench) -> dict[str, PlanRow]:
    return {row.table: row for row in plan_recipe(ready.recipe, ready.lake.home)}


def planned(ready: Bench) -> dict[str, int]:
    """Table → likely calls."""
    return {table: row.calls_likely for table, row in plan(ready).items()}


def at_most(ready: Bench) -> dict[str, int]:
    return {table: row.calls for table, row in plan(ready).items()}


def asked(ready: Bench, **options: Any) -> dict[str, int]:
    """Table → calls that a run makes."""
    return {
        table: report.stats.made
        for table, report in ready.run(**options).items()
        if ready.workshop().stages[table].asks
    }


def test_a_plan_before_the_first_run_makes_no_lake_and_no_call(new: Bench) -> None:
    assert planned(new) == {
        "self_instruct_prompts": 2,  # two prompts, one a call
        "evolved_prompts": 6,  # one prompt, two generations, three steps each
        "completions": 14,  # three seeds, two written, two rewritten, twice each
        "ratings": 7,
    }
    assert new.teacher.asked == []
    assert not new.lake.home.path.exists()


def test_a_run_asks_no_more_than_was_planned(
    new: Bench, first_run: tuple[Path, dict[str, int], int]
) -> None:
    most, (_, found, in_all) = at_most(new), first_run
    assert sum(found.values()) == in_all
    for table, calls in found.items():
        assert 0 < calls <= most[table]


def test_a_plan_asks_nothing_where_all_is_current(made: Bench) -> None:
    rows = plan(made).values()
    nothing = Range(0, 0, 0)
    assert [(row.calls, row.output_tokens, row.cost_usd, row.seconds) for row in rows] == [
        (0, nothing, nothing, nothing)
    ] * 4
    assert {row.state for row in rows} == {"current"}


def test_a_changed_judge_pays_for_judging_again_and_for_nothing_else(made: Bench) -> None:
    made.change(judgments={"ultrafeedback": {"sampling": {"temperature": 0.5}}})
    most = planned(made)
    assert sum(most.values()) == most["ratings"] > 0
    assert asked(made) == most


def test_one_more_answer_for_each_prompt_is_planned_exactly(made: Bench) -> None:
    made.change(completions={"per_prompt": 3})
    most, found = planned(made), asked(made)
    # Each kept prompt gains an answer, and is judged with it anew.
    kept = made.read("mutated_prompts", "drop_reason IS NULL").height
    assert most == found
    assert (found["completions"], found["ratings"]) == (kept, kept)


def test_seeds_that_wait_for_a_round_ask_nothing_yet(made: Bench) -> None:
    made.seeds(*SEEDS, "Describe the sound of a violin to a child.")
    most = planned(made)
    assert most == asked(made) == dict.fromkeys(most, 0)


def test_other_seeds_in_the_place_of_all_are_not_taken_for_known(tmp_path: Path) -> None:
    with bench(tmp_path, prompts=ONLY_SEEDS, **ANSWERED) as ready:
        asked(ready)
        ready.seeds("Say what a lighthouse is for.", "Sort three animals by weight.")
        ready.run(open_round="by_hand")  # makes the new round's prompts, answers and ratings
        ready.change(completions={"sampling": {"temperature": 0.1}})
        most, found = planned(ready), asked(ready)
        assert most["completions"] == found["completions"] > 0


def test_what_a_rule_drops_and_what_a_limit_leaves_out_is_not_planned(tmp_path: Path) -> None:
    with bench(tmp_path, prompts=ONLY_SEEDS, **ANSWERED) as ready:
        assert planned(ready) == {"completions": 6, "ratings": 3}
        ready.change(limits={"prompt_characters": 36})  # one seed has 42
        assert planned(ready) == {"completions": 4, "ratings": 2}
        ready.change(seeds={"limit": 1})
        assert planned(ready) == {"completions": 2, "ratings": 1}


def test_calls_that_failed_are_planned_again(tmp_path: Path) -> None:
    with bench(tmp_path, prompts=ONLY_SEEDS, **ANSWERED) as ready:
        ready.change(limits={"failed_replies": 1})
        ready.teacher.before = lambda request: (
            TransientCallError("down", kind="server")
            if "river" in request.messages[-1]["content"] and request.sample_index == 1
            else None
        )
        asked(ready)
        ready.teacher.before = None
        most, found = planned(ready), asked(ready)
        assert most["completions"] == found["completions"] == 1
        assert found["ratings"] <= most["ratings"] == 1


def test_tokens_follow_what_the_lake_knows_of_earlier_calls(made: Bench) -> None:
    made.change(completions={"sampling": {"temperature": 0.1}})
    row = plan(made)["completions"]
    asked(made)
    truth = made.lake.frame(
        "SELECT sum(input_tokens), sum(output_tokens) FROM lake.llm.calls"
        " WHERE asked_for = 'tiny.completions' AND contains(request, '0.1')"
    ).row(0)
    for forecast, found in zip((row.input_tokens, row.output_tokens), truth, strict=True):
        assert forecast.low <= found <= forecast.high
        assert forecast.high - forecast.low < found, "learnt, and no longer a guess"


def test_what_may_follow_is_at_most_and_not_at_least(new: Bench) -> None:
    rows = plan(new)
    assert {table: row.calls_at_least for table, row in rows.items()} == {
        "self_instruct_prompts": 2,
        "evolved_prompts": 2,  # one rewrite in each generation
        "completions": 6,  # of the three seeds
        "ratings": 0,  # no completion is known
    }


def test_every_model_costs_its_own_price(tmp_path: Path) -> None:
    dear = {"input_usd_per_million": 1_000_000, "output_usd_per_million": 0}
    models = {
        "dear": {"model": "openai_compatible/x", "base_url": "http://127.0.0.1:1/v1", **dear},
    }
    answers = {"completions": {"teachers": ["teacher", "dear"], "per_prompt": 1}, "judgments": None}
    with bench(tmp_path, prompts=ONLY_SEEDS, models=models, **answers) as ready:
        row = plan(ready)["completions"]
        assert row.calls == 6 and row.cost_usd is not None
        # Half of the calls, and so of the tokens, are the dear model's, at a dollar a token.
        assert row.cost_usd.likely == pytest.approx(row.input_tokens.likely / 2, abs=1)


def test_a_price_that_is_not_known_is_none_and_not_zero(tmp_path: Path) -> None:
    models = {"teacher": {"model": "openai_compatible/x", "base_url": "http://127.0.0.1:1/v1"}}
    with bench(tmp_path, models=models, **ANSWERED) as ready:
        rows = plan(ready)
        assert rows["completions"].cost_usd is None
        assert rows["ratings"].cost_usd == Range(
            0, 0, 0
        )  # the judge is another model, and scripted


def test_a_plan_as_json_has_every_field(new: Bench) -> None:
    assert plan(new)["ratings"].as_json() == {
        "table": "ratings",
        "state": "never_made",
        "calls_at_least": 0,
        "calls": 14,  # each is asked once more where its reply is out of form
        "calls_likely": 7,
        "input_tokens": 6300,
        "output_tokens": 1400,
        "cost_usd": 0.0,
        "seconds": 0.002,
        "because": "it was never materialized",
        "interval": {
            "input_tokens": [0, 15750],
            "output_tokens": [0, 11200],
            "cost_usd": [0.0, 0.0],
            "seconds": [0.0, 0.008],
        },
    }


RECKONING = Path(__file__).parents[2] / "recipes/quickstart/seeds/reckoning.jsonl"
"""Tasks with a reference, some of which the offline model hasty gets wrong."""

AGAIN: dict[str, Any] = {
    "teachers": ["hasty"],
    "step_by_step": True,
    "per_prompt": 1,
    "resampling": {"passes": 3},
}
WITH_TOOLS: dict[str, Any] = {
    "teachers": None,
    "per_prompt": None,
    "tool_integrated": {"teacher": "hasty", "passes": 3},
}


@pytest.mark.parametrize(
    ("table", "completions"),
    [
        ("resampled_completions", AGAIN),
        pytest.param("tool_integrated_completions", WITH_TOOLS, marks=pytest.mark.full),
    ],
)
def test_what_is_asked_again_is_inside_the_interval_and_the_next_plan_has_learnt(
    tmp_path: Path, table: str, completions: dict[str, Any]
) -> None:
    if "tool_integrated" in completions:
        needs_sandbox()
    tasks = [json.loads(line) for line in RECKONING.read_text().splitlines()]
    parts = {"completions": completions, "models": {"hasty": {"model": "offline/hasty"}}}
    with bench(tmp_path, prompts=ONLY_SEEDS, **parts) as ready:
        ready.seeds(*tasks[:14])
        first = plan(ready)[table]
        ready.run()
        count = calls_of(ready)
        assert first.calls_at_least < count[table] < first.calls
        assert first.calls_at_least < first.calls_likely < first.calls
        ready.seeds(*tasks)
        # As many more, whose plan rests on what became of the first.
        ready.change(prompts={"self_instruct": None})
        ready.run(until="rounds", open_round="by_hand")
        second = plan(ready)[table]
        ready.run()
        made = calls_of(ready)[table] - count[table]
        assert second.calls_at_least < made < second.calls
        assert abs(second.calls_likely - made) <= abs(second.calls - made) / 2


def calls_of(ready: Bench) -> dict[str, int]:
    """Table → the calls that it paid for."""
    rows = ready.lake.execute("SELECT asked_for, count(*) FROM lake.llm.calls GROUP BY ALL")
    return {asked_for.removeprefix("tiny."): count for asked_for, count in rows}


ASKED_AGAIN: dict[str, Any] = {
    "completions": {
        "teachers": ["teacher"],
        "per_prompt": 1,
        "system_text": "Be brief.",
        "resampling": {"passes": 2},
    },
    "judgments": {"ultrafeedback": None, "critique": {"judge": "judge"}},
    "datasets": {"test_share": 1.0},
}


class NeverInForm(Teacher):
    """What it says as a judge cannot be read."""

    def answer(self, request: Any) -> str:
        if request.response_schema:
            return "Hm."
        return f"{super().answer(request)} To {len(request.messages)} messages."


@pytest.mark.parametrize(("untaught", "completions"), [(None, 3), ({"models": ["judge"]}, 4)])
def test_a_judge_is_asked_no_more_than_was_planned_where_methods_add_completions(
    tmp_path: Path, untaught: dict[str, Any] | None, completions: int
) -> None:
    parts = ASKED_AGAIN | {"completions": {**ASKED_AGAIN["completions"], "untaught": untaught}}
    write_seeds(tmp_path, [{"prompt": "How many ships are in the harbour?", "reference": "9000"}])
    with bench(tmp_path, prompts=ONLY_SEEDS, **parts) as ready, teaching(NeverInForm()):
        row = plan(ready)["critiques"]
        # Nothing verifies and nothing can be read: every pass is asked, and every correction.
        assert asked(ready)["critiques"] == row.calls == 2 * completions
        assert row.calls_likely < row.calls


def test_a_judge_is_planned_for_what_is_asked_again_of_prompts_that_are_answered(
    tmp_path: Path,
) -> None:
    write_seeds(tmp_path, [{"prompt": "How many ships are in the harbour?", "reference": "9000"}])
    first = {**ASKED_AGAIN["completions"], "resampling": None}
    with bench(tmp_path, prompts=ONLY_SEEDS, **ASKED_AGAIN | {"completions": first}) as ready:
        asked(ready)
        ready.change(**ASKED_AGAIN)
        most = at_most(ready)
        found = asked(ready)
        assert 0 < found["critiques"] <= most["critiques"]


def test_seeds_that_cannot_be_read_are_told_of(new: Bench, tmp_path: Path) -> None:
    (tmp_path / "seeds.jsonl").unlink()
    with pytest.raises(RecipeError, match="there is no file"):
        plan_recipe(new.recipe, Home.at(tmp_path / "home"))
