"""`why`: where a row came from and what became of it, in a project that ran once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets_tests.cli.conftest import WORDS_OF_HARM, Ran
from synth_assets_tests.cli.words import say


def look_up(sql: str) -> Any:
    """The one value that ``sql`` gives."""
    (row,) = say("query", sql, "--json").value
    return next(iter(row.values()))


def why(id: str) -> dict[str, Any]:
    said = say("why", "tiny", id, "--json")
    assert said.code == 0, said.error
    return said.value


def node(trace: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(each for each in trace["ancestry"] if each["kind"] == kind)


def test_an_example_is_told_up_to_its_seed_with_all_that_made_it(ran: Ran) -> None:
    example = look_up("select min(example_id) from tiny.sft_set where method = 'seed'")
    trace = why(example)
    assert (trace["table"], trace["kind"]) == ("sft_set", "example")
    assert [each["kind"] for each in trace["ancestry"]] == ["example", "completion", "prompt"]
    seed = node(trace, "prompt")["seed"]
    assert seed["source_file"] == "seeds.jsonl" and seed["source_line"] in (1, 2)
    completion = node(trace, "completion")
    (call,) = completion["calls"]
    assert call["model"] == "scripted/teacher" and call["text"] == completion["text"]
    assert json.loads(call["request"])["messages"][-1]["content"] == node(trace, "prompt")["text"]
    assert completion["text"] in json.loads(call["raw_reply"])["choices"][0]["message"]["content"]
    assert call["parameters"]["temperature"] == 0.8
    (judgment,) = completion["judgments"]
    assert (judgment["rating"], judgment["rationale"]) == (5.0, "Seen.")
    assert judgment["template"]["name"] == "ultrafeedback/helpfulness"
    assert "{{ completions }}" in judgment["template"]["text"]
    assert {rule["result"] for rule in completion["filters"]} == {"passed"}


def test_versions_name_the_commit_and_the_run_that_wrote_the_row(ran: Ran) -> None:
    completion = look_up("select min(completion_id) from tiny.completions")
    told = {each["table"]: each for each in why(completion)["ancestry"][0]["versions"]}
    number = look_up("select max(number) from tiny.commits where table_name = 'completions'")
    run_id = look_up("select max(run_id) from tiny.commits")
    assert (told["completions"]["commit"], told["completions"]["run_id"]) == (number, run_id)


def test_a_seed_is_told_down_to_the_sets_kept_or_dropped_and_why(ran: Ran) -> None:
    seed = look_up("select prompt_id from tiny.seed_prompts where source_line = 1")
    descent = why(seed)["descent"]
    kinds = [row["kind"] for row in descent]
    assert kinds == sorted(kinds, key=["prompt", "completion", "judgment", "example", "pair"].index)
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "completion": 2,
        "judgment": 2,
        "example": 1,
        "pair": 1,
    }
    completions = [(r["state"], r["reason"]) for r in descent if r["kind"] == "completion"]
    assert sorted(completions, key=str) == [("dropped", "not_best_of_prompt"), ("kept", None)]
    (pair,) = [row for row in descent if row["kind"] == "pair"]
    assert sorted(pair["made_from"]) == sorted(
        row["id"] for row in descent if row["kind"] == "completion"
    )


def test_a_written_prompt_names_the_prompts_that_it_was_shown_with(ran: Ran) -> None:
    prompt = look_up("select min(prompt_id) from tiny.self_instruct_prompts")
    (told,) = why(prompt)["ancestry"]
    assert told["template"]["name"] == "self_instruct/instructions"
    assert len(told["calls"][0]["shown"]) == 2
    assert [rule["rule"] for rule in told["filters"]][:2] == ["cut_off", "too_short"]


def test_a_call_names_everything_that_rests_on_it(ran: Ran) -> None:
    call = look_up("select min(call_id) from tiny.ratings")
    trace = why(call)
    assert (trace["table"], trace["ancestry"][0]["calls"][0]["call_id"]) == ("calls", call)
    assert {row["kind"] for row in trace["descent"]} == {"judgment"}
    assert len(trace["descent"]) == 2


def test_rows_as_they_stand_in_the_export_are_found(ran: Ran) -> None:
    folder = ran.project / ".synth" / "exports" / "tiny" / "data"
    found: dict[str, set[str]] = {}
    for config in ("sft", "preference", "unpaired_preference"):
        for file in sorted((folder / config).glob("*.parquet")):
            for id in pl.read_parquet(file, columns=["id"])["id"]:
                found.setdefault(config, set()).add(why(id)["kind"])
    assert found == {
        "sft": {"example"},
        "preference": {"pair"},
        "unpaired_preference": {"completion"},
    }


def test_every_table_with_ids_is_searched(ran: Ran) -> None:
    for table, key in {
        "judgments": "judgment_id",
        "dropped_rows": "dropped_id",
        "cost_by_stage": "cost_id",
        "round_health": "health_id",
    }.items():
        assert why(look_up(f"select min({key}) from tiny.{table}"))["table"] == table


def test_eight_characters_of_an_id_will_do_and_seven_will_not(ran: Ran) -> None:
    id = look_up("select min(pair_id) from tiny.dpo_set")
    assert why(id[:8])["id"] == id
    said = say("why", "tiny", id[:7])
    assert said.code == 2 and "at least its first 8 characters" in said.error


def test_an_unknown_id_is_an_error_that_names_the_tables_searched(ran: Ran) -> None:
    said = say("why", "tiny", "0" * 24, "--json")
    assert said.code == 2
    (error,) = said.value["errors"]
    for table in ("sft_set", "mutated_prompts", "completions", "judgments", "calls"):
        assert table in error


def test_text_of_a_model_reaches_the_terminal_without_what_it_obeys(ran: Ran) -> None:
    seed = look_up("select prompt_id from tiny.seed_prompts where source_line = 1")
    completion = look_up(
        f"select min(completion_id) from tiny.completions where prompt_id='{seed}'"
    )
    for said in (say("why", "tiny", completion), say("why", "tiny", completion, "--json")):
        assert said.code == 0
        assert not {"\x1b", "\x9b", "\u202e"} & set(said.out)
    assert WORDS_OF_HARM in node(why(completion), "prompt")["text"]
    assert "[red]" in say("why", "tiny", completion).out


LOADED = """
import sys
from synth_assets.cli import main
main(sys.argv[1:], standalone_mode=False)
heavy = ("dagster", "litellm", "torch", "datasets", "math_verify", "sqlglot.optimizer")
print([name for name in heavy if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_why_does_not_wait_for_dagster_or_litellm(ran: Ran, option: tuple[str, ...]) -> None:
    id = look_up("select min(pair_id) from tiny.dpo_set")
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "why", "tiny", id, *option],
        cwd=ran.project,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"
