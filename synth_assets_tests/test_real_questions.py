"""Real questions, real solutions of four models, the whole graph: recipes/grade_school_math."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synth_assets_tests.command import run_as_json
from synth_assets_tests.real_data import real_data

TEACHERS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = real_data()
    home = tmp_path_factory.mktemp("school")
    return {"data": data, "home": home, "run": run_as_json("run", "grade_school_math", home=home)}


def solutions(data: Path) -> list[dict[str, Any]]:
    file = data / "grade-school-math" / "example_model_solutions.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.full
def test_verified_equals_the_released_verdict_on_all_5276_solutions(school: dict[str, Any]):
    rows = run_as_json(
        "query",
        "SELECT p.text AS question, c.teacher, v.status "
        "FROM grade_school_math.verifications AS v "
        "JOIN grade_school_math.completions AS c USING (completion_id) "
        "JOIN grade_school_math.mutated_prompts AS p ON p.prompt_id = c.prompt_id",
        home=school["home"],
    )
    found = {(row["question"], row["teacher"]): row["status"] == "verified" for row in rows}
    released = {
        (line["question"].strip(), teacher): line[teacher]["is_correct"]
        for line in solutions(school["data"])
        for teacher in TEACHERS
    }
    assert len(released) == 5276
    assert {(question.strip(), t): v for (question, t), v in found.items()} == released


def test_the_eleven_solutions_without_an_answer_line_are_unparsed(school: dict[str, Any]):
    rows = run_as_json(
        "query",
        "SELECT status, count(*) AS n FROM grade_school_math.verifications GROUP BY 1",
        home=school["home"],
    )
    counts = {row["status"]: row["n"] for row in rows}
    assert counts == {"verified": 2001, "refuted": 3264, "unparsed": 11}


def test_each_question_with_a_correct_solution_gives_one_verified_example(school: dict[str, Any]):
    lines = solutions(school["data"])
    solved = sum(any(line[teacher]["is_correct"] for teacher in TEACHERS) for line in lines)
    assert school["run"]["rows"]["sft_set"]["kept"] == solved


def test_pairs_set_a_verified_solution_against_a_refuted_one_of_other_text(
    school: dict[str, Any],
):
    rows = run_as_json(
        "query",
        "SELECT chosen.status AS chosen, rejected.status AS rejected, "
        "d.chosen[1].content = d.rejected[1].content AS is_equal "
        "FROM grade_school_math.dpo_set AS d "
        "JOIN grade_school_math.verifications AS chosen "
        "ON chosen.completion_id = d.chosen_completion_id "
        "JOIN grade_school_math.verifications AS rejected "
        "ON rejected.completion_id = d.rejected_completion_id",
        home=school["home"],
    )
    assert len(rows) == school["run"]["rows"]["dpo_set"]["kept"] > 700
    assert {(r["chosen"], r["rejected"], r["is_equal"]) for r in rows} == {
        ("verified", "refuted", False)
    }
