"""`plan`, `status`, `check` and `query`: what looks and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets_tests.cli.conftest import WORDS_OF_HARM, Ran
from synth_assets_tests.cli.words import say
from synth_assets_tests.recipes import Teacher, write_recipe

# Before the first run.


def test_status_before_the_first_run_says_that_nothing_was_made(tiny: Path) -> None:
    said = say("status", "tiny")
    assert said.code == 0
    assert f"Nothing was made yet in {tiny / '.synth'}" in said.error
    states = {status["state"] for status in say("status", "tiny", "--json").value.values()}
    assert states == {"never_made"}
    assert not (tiny / ".synth").exists()


def test_plan_before_the_first_run_asks_no_model(tiny: Path, teacher: Teacher) -> None:
    rows = {row["table"]: row for row in say("plan", "tiny", "--json").value}
    assert {table: row["calls"] for table, row in rows.items()} == {
        "self_instruct_prompts": 2,
        "completions": 10,
        "ratings": 10,  # five, and a correction of each
    }
    assert teacher.asked == [] and not (tiny / ".synth").exists()
    said = say("plan", "tiny").error
    assert "At most 22 calls (at least 8, likely 17), about 0.00 USD, " in said


def test_query_before_the_first_run_tells_what_makes_a_lake(tiny: Path) -> None:
    said = say("query", "select 1")
    assert said.code == 1
    assert "there is no lake in" in said.error and "`synth-assets run` makes one" in said.error


def test_a_lake_of_other_recipes_is_not_mistaken_for_ones_own(copy: Path, teacher: Teacher) -> None:
    write_recipe(copy / "recipes", "other.yaml", name="other")
    assert say("plan", "other", "--json").value[0]["state"] == "never_made"
    statuses = say("status", "other", "--json").value
    assert {status["rows"] for status in statuses.values()} == {0}


# After it.


def test_status_after_a_run_is_current_with_rounds_and_rows(ran: Ran) -> None:
    statuses = say("status", "tiny", "--json").value
    assert {status["state"] for status in statuses.values()} == {"current"}
    assert statuses["completions"] == {"state": "current", "causes": [], "rounds": 1, "rows": 8}


def test_status_names_what_changed_all_the_way_down(copy: Path, teacher: Teacher) -> None:
    write_recipe(copy / "recipes", completions={"sampling": {"temperature": 0.1}})
    statuses = say("status", "tiny", "--json").value
    assert statuses["completions"]["causes"] == ["its completions changed"]
    assert "completions is out of date" in statuses["ratings"]["causes"]
    assert statuses["mutated_prompts"]["state"] == "current"


def test_plan_after_a_run_is_nothing(ran: Ran) -> None:
    assert [row["calls"] for row in say("plan", "tiny", "--json").value] == [0, 0, 0]


# Recipes that are not found.


def test_a_recipe_outside_recipes_is_named_by_its_path_and_the_message_says_so(copy: Path) -> None:
    elsewhere = copy / "tiny.yaml"
    (copy / "recipes" / "tiny.yaml").rename(elsewhere)
    remedy = (
        "Known: none. The lake holds tables of 'tiny', so that its file lies elsewhere: give its "
        "path, such as path/to/tiny.yaml"
    )
    for words in (("versions", "tiny", "ratings"), ("status", "tiny"), ("diff", "tiny", "x", "1")):
        said = say(*words)
        assert said.code == 2
        assert " ".join(said.error.split()).endswith(remedy)
    assert say("versions", str(elsewhere), "ratings").code == 0


def test_a_name_that_is_nowhere_is_told_what_the_lake_holds(ran: Ran) -> None:
    said = say("status", "tinny").error
    assert "did you mean 'tiny'? Known: tiny. The lake holds tables of: tiny; give the path" in said


def test_a_query_of_a_misspelt_recipe_names_the_nearest(ran: Ran) -> None:
    said = say("query", "select * from tinny.ratings r join llm.calls c on true")
    assert said.code == 2
    assert "The lake has no recipe 'tinny'; did you mean 'tiny'? It holds: tiny, llm" in said.error
    assert "The lake" not in say("query", "select * from tiny.ratngs").error
    assert "The lake" not in say("query", "select from from").error


# Queries.


def test_a_query_is_a_list_of_objects(ran: Ran) -> None:
    sql = "select split, count(*) as n from tiny.mutated_prompts group by all order by all"
    assert say("query", sql, "--json").value == [{"split": "train", "n": 4}]


def test_a_query_gives_every_kind_of_value_as_json(ran: Ran) -> None:
    sql = """
        select sum(n) as whole, 1.25::decimal(5, 2) as part, 'nan'::double as nothing,
            timestamp '2024-02-29 01:02:03' as then_, date '2024-02-29' as day_,
            time '01:02:03' as clock, 'ab'::blob as bytes, [{'role': 'user', 'n': 1}] as nested,
            map {'k': [null, 2]} as pairs, uuid '00000000-0000-0000-0000-000000000001' as id,
            true as yes, null as none_, 1267650600228229401496703205376 as huge
        from (values (1), (2)) as t (n)
    """
    said = say("query", sql, "--json")
    assert said.error == ""
    (row,) = said.value
    assert row == {
        "whole": 3,
        "part": 1.25,
        "nothing": None,
        "then_": "2024-02-29T01:02:03",
        "day_": "2024-02-29",
        "clock": "01:02:03",
        "bytes": "6162",
        "nested": [{"role": "user", "n": 1}],
        "pairs": {"k": [None, 2]},
        "id": "00000000-0000-0000-0000-000000000001",
        "yes": True,
        "none_": None,
        "huge": 2**100,
    }


def test_a_query_without_rows_is_an_empty_list(ran: Ran) -> None:
    assert say("query", "select 1 where false", "--json").value == []


def test_a_models_text_in_a_query_cannot_move_the_cursor(ran: Ran) -> None:
    sql = "select text from tiny.mutated_prompts where text like 'Say %'"
    for said in (say("query", sql), say("query", sql, "--json")):
        assert not {"\x1b", "\x9b", "\u202e"} & set(said.out)
    assert say("query", sql, "--json").value == [{"text": f"Say {WORDS_OF_HARM} aloud."}]
    assert "Say \ufffd[2J\ufffd31m\ufffd[red] aloud." in say("query", sql).out


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("selec 1", "syntax error"),
        ("select * from tiny.sft_sett", "does not exist"),
        ("select nope from tiny.sft_set", "nope"),
        ("drop table tiny.sft_set", "query: "),
        ("select 1; select 2", "query: "),
        ("copy tiny.sft_set to '/tmp/x'", "query: "),
        ("select * from read_text('/etc/passwd')", "query: "),
        ("select 'x'::int", "query: "),
    ],
)
def test_a_query_that_is_wrong_or_writes_is_the_commands_mistake(
    ran: Ran, sql: str, expected: str
) -> None:
    said = say("query", sql, "--json")
    assert said.code == 2
    assert expected in said.value["errors"][0]
    assert said.error.startswith("error: query: ")


def test_a_query_sees_an_earlier_version_of_the_lake(ran: Ran) -> None:
    newest = say("query", "select max(snapshot_id) as v from lake.snapshots()", "--json")
    sql = "select count(*) as n from tiny.sft_set"
    if newest.code == 0:
        version = str(newest.value[0]["v"])
        assert say("query", sql, "--at", version, "--json").value == [{"n": 4}]
    assert say("query", sql, "--at", "0").code == 2
    assert "there is no tag 'yesterday'" in say("query", sql, "--at", "yesterday").error


# Checks.


def test_check_of_a_project_looks_at_every_recipe(tiny: Path) -> None:
    (tiny / "recipes" / "bad.yml").write_text("name: [\n")
    said = say("check", "--json")
    assert said.code == 2
    found = {Path(path).name: findings for path, findings in said.value.items()}
    assert [finding["level"] for finding in found["bad.yml"]] == ["error"]
    assert "error" not in {finding["level"] for finding in found["tiny.yaml"]}


def test_check_of_a_sound_recipe_ends_with_0_though_it_warns(tiny: Path) -> None:
    write_recipe(tiny / "recipes", completions={"per_prompt": 1})
    said = say("check", "tiny")
    assert (said.code, said.out) == (0, "")
    assert "warning sets: " in said.error and "ok      recipe: tiny: valid" in said.error


def test_check_of_a_project_without_recipes_says_where_they_belong(project: Path) -> None:
    said = say("check")
    assert said.code == 2
    assert f"{project / 'recipes'}: holds no recipe" in said.error
