"""`synth-assets sql test`: unit tests of SQL models, without a lake and without Dagster."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.sql.cases import load_cases
from synth_assets_tests.cli.words import say
from synth_assets_tests.sql.projects import copy_project

SHOP = Path(__file__).parents[1] / "sql" / "shop"


def test_models_that_hold_to_their_unit_tests_are_counted(project: Path) -> None:
    """That those that ship do is told case by case in sql/test_cases.py."""
    copy_project(project, "kept_prompt_words.yaml", "sft_set.yaml")
    said = say("sql", "test")
    assert (said.code, said.out) == (0, "")
    count = sum(len(load_cases(file)) for file in project.rglob("unit_tests/*.yaml"))
    assert said.error.endswith(f"{count} unit tests, 0 failed\n")
    assert not (project / ".synth").exists()


def test_a_project_of_dbts_is_tested_by_its_folder(project: Path) -> None:
    assert say("sql", "test", str(SHOP), "--json").value == {"passed": 3, "failed": []}


def test_what_differs_is_shown_and_ends_with_1(project: Path) -> None:
    copy = copy_project(project, "kept_prompt_words.yaml", "rounds_beside_anchor.yaml")
    file = copy / "unit_tests" / "kept_prompt_words.yaml"
    file.write_text(file.read_text().replace("words: [", "words: [no_such_word, ", 1))
    said = say("sql", "test")
    assert said.code == 1
    assert "failed  kept_prompt_words: " in said.error and "kept_prompt_words.yaml" in said.error
    assert "missing: " in said.error and "no_such_word" in said.error
    assert said.error.endswith(" unit tests, 1 failed\n")
    (failed,) = say("sql", "test", "--json").value["failed"]
    assert failed["model"] == "kept_prompt_words" and failed["file"] == str(file)
    assert [line.partition(":")[0] for line in failed["differences"]] == ["missing", "surplus"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: nobody\ncases: [{name: n, expect: []}]\n", "no model is named 'nobody'"),
        ("model: sft_set\ncase: []\n", "case"),
    ],
)
def test_a_file_of_unit_tests_that_is_wrong_ends_with_2(
    project: Path, text: str, message: str
) -> None:
    (copy_project(project) / "unit_tests" / "own.yaml").write_text(text)
    said = say("sql", "test")
    assert said.code == 2
    assert message in said.error


def test_a_folder_that_is_not_there_ends_with_2(project: Path) -> None:
    said = say("sql", "test", "nowhere", "--json")
    assert said.code == 2
    assert said.value["errors"] == ["nowhere: there is no such folder of SQL models"]
