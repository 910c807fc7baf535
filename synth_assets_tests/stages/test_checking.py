"""What `check` finds before anything is paid for."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from synth_assets.project import sql_folder
from synth_assets.stages.checking import Finding, check_recipe, what_stops_a_run
from synth_assets_tests.recipes import write_recipe, write_seeds

OFFLINE: dict[str, Any] = {
    "models": {"teacher": {"model": "offline/careful"}, "judge": {"model": "offline/judge"}}
}


def findings(folder: Path, level: str | None = None, **parts: Any) -> list[str]:
    """``part: message`` of each finding of a level; of warnings and errors by default."""
    recipe = write_recipe(folder, **{**OFFLINE, **parts})
    return [
        f"{finding.part}: {finding.message}"
        for finding in check_recipe(recipe.path)
        if (finding.level == level if level else finding.level != "ok")
    ]


def one(folder: Path, level: str, **parts: Any) -> str:
    (message,) = findings(folder, level, **parts)
    return message


def test_a_sound_recipe_has_something_good_said_of_every_part(tmp_path: Path) -> None:
    write_seeds(tmp_path, [{"prompt": "Sort alphabetically: walnut, ginger, maple, acorn."}])
    recipe = write_recipe(tmp_path, **OFFLINE)
    found = check_recipe(recipe.path)
    assert {finding.level for finding in found} == {"ok"}
    parts = [finding.part for finding in found]
    assert parts == ["recipe", "seeds", "models", "templates", "sets", "sql"]


def test_a_recipe_that_does_not_load_is_the_only_finding(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: Bad\n")
    (finding,) = check_recipe(path)
    assert (finding.level, finding.part) == ("error", "recipe")
    assert "bad.yaml, line 1: name = 'Bad'" in finding.message
    assert finding.as_json() == {
        "level": "error",
        "part": "recipe",
        "message": finding.message,
    }


# Seeds.


def test_a_missing_file_of_seeds_is_found_and_the_other_parts_are_looked_at(
    tmp_path: Path,
) -> None:
    found = findings(tmp_path, "error", seeds={"prompts": ["seds.jsonl"]})
    assert found[0].startswith(f"seeds: {tmp_path}/tiny.yaml: seeds.prompts[0].path = 'seds.jsonl'")
    assert found[0].endswith("did you mean seeds.jsonl?")
    assert findings(tmp_path, "ok", seeds={"prompts": ["seds.jsonl"]})[-1].startswith("sql: ")


def test_a_line_that_is_no_prompt_is_found(tmp_path: Path) -> None:
    (tmp_path / "seeds.jsonl").write_text('{"prompt": "Say hello."}\n{"promt": "x"}\n')
    assert "seeds.jsonl, line 2: " in one(tmp_path, "error")


def test_seeds_of_which_none_can_be_used_are_an_error_with_the_reasons(tmp_path: Path) -> None:
    said = one(tmp_path, "error", limits={"prompt_characters": 3})
    assert said.startswith("seeds: seeds.prompts: no seed prompt is usable; dropped: ")
    assert said.endswith(" 3")


def test_an_empty_test_side_is_warned_of(tmp_path: Path) -> None:
    said = findings(tmp_path, "warning", datasets={"test_share": 1e-9})
    assert any("no seed falls on the test side" in line for line in said)


def test_seeds_that_the_offline_teacher_does_not_know_are_counted(tmp_path: Path) -> None:
    said = one(tmp_path, "warning")
    assert said.startswith("seeds: 3 of 3 seed prompts are of no family that the offline teacher")


def test_verification_without_any_reference_is_warned_of(tmp_path: Path) -> None:
    write_seeds(tmp_path, [{"prompt": "Sort alphabetically: walnut, ginger, maple, acorn."}])
    said = one(tmp_path, "warning", judgments={"verification": {}})
    assert said.startswith("seeds: judgments.verification: no seed prompt has a reference answer")


def test_evaluation_prompts_that_nothing_is_compared_with_are_warned_of(tmp_path: Path) -> None:
    write_seeds(tmp_path, [{"prompt": "Sort alphabetically: walnut, ginger, maple, acorn."}])
    seeds = {"evaluation": ["seeds.jsonl"]}
    assert one(tmp_path, "warning", seeds=seeds).startswith("seeds: seeds.evaluation: nothing is")
    compared = {"filters": {"decontaminate": {}}}
    assert findings(tmp_path, "warning", seeds=seeds, prompts=compared) == []


# Models.


def test_a_missing_key_names_the_variable_and_not_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    judge = {
        "model": "openai_compatible/x",
        "base_url": "http://127.0.0.1:1/v1",
        "api_key": "env:NO_SUCH_KEY",
    }
    models = {**OFFLINE["models"], "judge": judge}
    said = one(tmp_path, "error", models=models)
    assert said.startswith("models: models.judge.api_key = 'env:NO_SUCH_KEY': the environment")
    monkeypatch.setenv("NO_SUCH_KEY", "hunter2")
    assert findings(tmp_path, "error", models=models) == []


def test_a_misspelt_offline_model_names_the_nearest(tmp_path: Path) -> None:
    models = {**OFFLINE["models"], "teacher": {"model": "offline/carefull"}}
    said = one(tmp_path, "error", models=models)
    assert "no offline model has this name; did you mean 'careful'? Known: careful, " in said


def test_recorded_replies_are_read(tmp_path: Path) -> None:
    replies = tmp_path / "replies.jsonl"
    models = {"judge": {"model": "recorded/them", "replies": "replies.jsonl"}}
    models = {**OFFLINE["models"], **models}
    assert "models.judge.replies = 'replies.jsonl': " in one(tmp_path, "error", models=models)
    replies.write_text(json.dumps({"question": "a", "reply": "b"}) + "\n")
    assert "replies.jsonl, line 1: there is no 'prompt'" in one(tmp_path, "error", models=models)
    replies.write_text(json.dumps({"prompt": "a", "reply": "b"}) + "\n")
    assert findings(tmp_path, "error", models=models) == []


def test_dollars_cannot_be_limited_where_a_price_is_not_known(tmp_path: Path) -> None:
    judge = {"model": "openai_compatible/x", "base_url": "http://127.0.0.1:1/v1"}
    limits = {"budget": {"usd_per_run": 1}}
    said = one(tmp_path, "error", models={**OFFLINE["models"], "judge": judge}, limits=limits)
    assert "models.judge: the price of openai_compatible/x is not known" in said
    free = {**judge, "input_usd_per_million": 0, "output_usd_per_million": 0}
    models = {**OFFLINE["models"], "judge": free}
    assert findings(tmp_path, "error", models=models, limits=limits) == []


def test_a_judge_of_its_own_answers_and_a_model_without_use_are_warned_of(tmp_path: Path) -> None:
    models = {
        "teacher": {"model": "offline/judge"},
        "judge": {"model": "offline/judge"},
        "idle": {"model": "offline/hasty"},
    }
    said = [line for line in findings(tmp_path, "warning", models=models) if "models:" in line]
    assert said[0] == "models: models.idle: nothing uses it"
    assert "is of the same family of models" in said[1] and "as teacher teacher" in said[1]


# This machine.


def test_a_library_that_is_not_installed_stops_a_run_before_it_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synth_assets.quality.scorers.causal.LIBRARIES", ("no_such_library",))
    scored: dict[str, Any] = {"keep": 0.5, "scorer": "transformers"}
    recipe = write_recipe(tmp_path, **OFFLINE, filters={"superfiltering": scored})
    (problem,) = what_stops_a_run(recipe)
    assert problem.startswith("filters.superfiltering: the scorer `transformers` needs no_such_lib")
    assert "pip install 'synth-assets[superfiltering]', or take the scorer `ngram`" in problem
    scored["scorer"] = "ngram"
    recipe = write_recipe(tmp_path, **OFFLINE, filters={"superfiltering": scored})
    assert what_stops_a_run(recipe) == []


# Templates.


@pytest.mark.parametrize(
    ("text", "level", "expected"),
    [
        ("Rate {{ prompt }}", "error", "has the slots ['prompt']; it needs completions"),
        ("Rate {{ completions }} {{ promt }}", "error", "has the slots ['completions', 'promt']"),
        ("Rate {{ completions }", "error", "mine.txt, line 1: unexpected '}'; a slot is written"),
        ("Rate {{ completions }}", "warning", "has no slot prompt, so the judge does not see it"),
        (None, "error", "ultrafeedback.templates.helpfulness = 'mine.txt': there is no file "),
    ],
)
def test_a_template_that_a_judge_could_not_use_is_found(
    tmp_path: Path, text: str | None, level: str, expected: str
) -> None:
    if text is not None:
        (tmp_path / "mine.txt").write_text(text)
    own = {"ultrafeedback": {"templates": {"helpfulness": "mine.txt"}}}
    said = [x for x in findings(tmp_path, level, judgments=own) if x.startswith("templates: ")]
    assert len(said) == 1 and expected in said[0]


# Sets.


def test_sets_that_would_stay_empty_are_warned_of(tmp_path: Path) -> None:
    def said(**parts: Any) -> list[str]:
        return [x for x in findings(tmp_path, "warning", **parts) if x.startswith("sets: ")]

    assert said() == []
    (alone,) = said(completions={"per_prompt": 1})
    assert "a pair needs two, so dpo_set will be empty" in alone
    (unrated,) = said(judgments=None)
    assert unrated.startswith("sets: datasets.dpo.pairs = 'rated': nothing rates")
    (prompts_only,) = said(completions=None, judgments=None)
    assert prompts_only.startswith("sets: completions: none are declared")


# SQL.


def test_a_sql_model_that_does_not_compile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(sql_folder(), tmp_path / "dbt_like_sql")
    monkeypatch.setenv("SYNTH_PROJECT", str(tmp_path))
    model = tmp_path / "dbt_like_sql" / "marts" / "dropped_rows.sql"
    model.write_text("select prompt_id from {{ ref('completons') }}")
    said = one(tmp_path, "error")
    assert said.startswith("sql: ") and "dropped_rows.sql" in said
    assert "'completons'" in said and "did you mean 'completions'" in said


def test_a_finding_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Finding("ok", "sql", "x").level = "error"  # type: ignore[misc]
