from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

from synth_assets.console.summary import print_summary
from synth_assets.errors import RejectedCallError
from synth_assets.llm.request import Request
from synth_assets.project import find_recipe
from synth_assets.recipe import load_recipe
from synth_assets.store.home import Home
from synth_assets_tests.cli.conftest import Ran
from synth_assets_tests.cli.words import say
from synth_assets_tests.console.terminal import shown
from synth_assets_tests.recipes import NO_ANSWERS, Teacher, write_recipe


def test_a_run_says_one_json_value_with_all_that_programs_rely_on(ran: Ran) -> None:
    summary = ran.said.value
    assert ran.said.code == 0
    assert {"recipe", "round", "status", "calls_made", "calls_cached", "cost_usd", "seconds"} <= (
        summary.keys()
    )
    assert (summary["recipe"], summary["round"], summary["status"]) == ("tiny", 1, "done")
    assert summary["calls_made"] == ran.calls > 0
    assert summary["cost_usd"] == 0
    assert summary["errors"] == []
    assert summary["exports"] == [str(ran.project / ".synth" / "exports" / "tiny")]
    rows = summary["rows"]
    assert rows["seed_prompts"] == {"kept": 2, "dropped": {}}
    assert rows["completions"]["kept"] + sum(rows["completions"]["dropped"].values()) == 8
    assert {"mutated_prompts", "ratings", "sft_set", "dpo_set"} <= rows.keys()


def test_what_a_run_tells_people_is_on_the_other_stream(ran: Ran) -> None:
    assert "mutated_prompts" in ran.said.error
    assert "\x1b" not in ran.said.error


def test_what_a_run_shows_of_its_sets_cannot_move_the_cursor(ran: Ran) -> None:
    recipe, home = load_recipe(find_recipe("tiny")), Home.from_environment()
    text = shown(lambda console: print_summary(console, recipe, home, ran.said.value))
    assert "An SFT example, " in text and "A preference pair, " in text
    assert text.count("Answer �[2J�31m�[red] ") == 3
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)


def test_a_trial_lies_apart_and_names_the_real_run(tiny: Path) -> None:
    write_recipe(tiny / "recipes", **NO_ANSWERS)
    said = say("run", "tiny", "--limit", "2")
    assert (said.code, said.out) == (0, "")
    assert "Next: synth-assets run tiny makes the whole" in said.error
    assert len(say("query", "select * from tiny_trial.seed_prompts", "--json").value) == 2
    assert say("status", "tiny", "--json").value["seed_prompts"]["state"] == "never_made"


def test_an_interrupted_run_ends_with_130_and_one_json_value(tiny: Path, teacher: Teacher) -> None:
    def interrupt(request: Request) -> NoReturn:
        raise KeyboardInterrupt

    teacher.before = interrupt
    write_recipe(tiny / "recipes", **NO_ANSWERS)
    said = say("run", "tiny", "--json")
    assert said.code == 130
    summary = said.value
    assert summary["status"] == "interrupted"
    assert summary["rows"]["seed_prompts"]["kept"] == 3
    assert "interrupted; what was done is kept" in summary["errors"][0]
    assert "Traceback" not in said.error


def test_an_unknown_table_to_select_is_the_commands_mistake(tiny: Path, teacher: Teacher) -> None:
    said = say("run", "tiny", "--select", "sft_sett", "--json")
    assert said.code == 2
    assert said.value["status"] == "failed"
    (message,) = said.value["errors"]
    assert "has no table 'sft_sett'" in message and "sft_set" in message
    assert teacher.asked == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"models": {"judge": {"api_key": "env:NO_SUCH_KEY"}}},
            "the environment variable NO_SUCH_KEY is not set",
        ),
        (
            {"judgments": {"ultrafeedback": {"templates": {"helpfulness": "none.txt"}}}},
            "helpfulness = 'none.txt': there is no file",
        ),
        ({"models": {"judge": {"model": "offline/juge"}}}, "did you mean 'judge'?"),
    ],
)
def test_what_would_stop_a_run_late_stops_it_before_the_first_call(
    tiny: Path, teacher: Teacher, parts: dict[str, Any], expected: str
) -> None:
    write_recipe(tiny / "recipes", **parts)
    said = say("run", "tiny", "--json")
    assert said.code == 2
    assert expected in said.value["errors"][0]
    assert teacher.asked == [] and not (tiny / ".synth").exists()


def test_a_blocking_check_that_fails_ends_a_run_with_3(tiny: Path, teacher: Teacher) -> None:
    teacher.before = lambda request: RejectedCallError("no", kind="bad_request")
    said = say("run", "tiny", "--select", "+completions", "--json")
    assert said.code == 3
    summary = said.value
    assert summary["status"] == "failed"
    assert "failed_replies" in " ".join(summary["errors"])
    assert "completions" not in summary["rows"]


def test_a_spent_budget_ends_a_run_with_4_and_keeps_what_was_paid(
    tiny: Path, teacher: Teacher
) -> None:
    seeds_alone: dict[str, Any] = {"prompts": {"self_instruct": None}}
    words = ("run", "tiny", "--select", "+completions", "--json")
    write_recipe(tiny / "recipes", **seeds_alone, limits={"budget": {"calls_per_run": 4}})
    said = say(*words)
    assert said.code == 4
    assert "limits.budget.calls_per_run" in said.value["errors"][0]
    assert len(teacher.asked) == said.value["calls_made"] == 4
    write_recipe(tiny / "recipes", **seeds_alone)
    again = say(*words).value
    assert set(again["rows"]) == {"seed_prompts", "rounds", "mutated_prompts", "completions"}
    assert (again["status"], again["calls_made"], again["calls_cached"]) == ("done", 2, 4)


def test_a_wrong_recipe_ends_with_2_and_one_json_value(project: Path) -> None:
    (project / "recipes" / "bad.yaml").write_text("name: bad\nnam: x\n")
    said = say("run", "bad", "--json")
    assert said.code == 2
    assert said.value["status"] == "failed"
    assert "line 2: nam: unknown key; did you mean 'name'?" in said.value["errors"][0]
    assert "Traceback" not in said.error and said.error.startswith("error: ")


def test_the_summary_is_plain_json_for_any_reader(ran: Ran) -> None:
    assert json.loads(ran.said.out.encode("utf-8")) == ran.said.value
