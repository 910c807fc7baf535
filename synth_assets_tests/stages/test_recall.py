"""A check that passed is not run again while it and all that it reads are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from synth_assets.errors import CheckFailed
from synth_assets.schemas import CHECK_OUTCOMES, TABLES
from synth_assets.sql.data_tests import DataTest
from synth_assets.stages import rows_to_check
from synth_assets.stages.datasets import SqlStage, load_sql_project
from synth_assets.stages.finishing import all_checks, committed_checks
from synth_assets.stages.materialize import bring_up_to_date
from synth_assets.stages.row_checks import (
    CheckResult,
    RowCheck,
    ids_are_unique,
    parents_exist,
    run_row_checks,
    values_are_known,
)
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets_tests.stages.bench import Bench, bench
from synth_assets_tests.stages.test_row_checks import Around, frame

PARTS: dict[str, Any] = {
    "completions": {"teachers": ["teacher"]},
    "judgments": {"verification": {}},
}
SQL = {
    "dbt_project.yml": "name: mine\nmodels: {+materialized: table}\n",
    "models/answers.sql": (
        "select completion_id, prompt_id, round, status from {{ source('lake', 'completions') }}"
    ),
    "models/schema.yml": """
sources: [{name: lake, tables: [{name: completions}, {name: mutated_prompts}]}]
models:
  - name: answers
    columns:
      - {name: completion_id, data_tests: [unique, not_null]}
      - name: prompt_id
        data_tests:
          - relationships: {to: "source('lake', 'mutated_prompts')", field: prompt_id}
      - {name: status, data_tests: [{accepted_values: {values: [ok, cut]}}]}
""",
}


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three prompts, answered, with a model of SQL."""
    folder = tmp_path_factory.mktemp("first_run")
    for name, text in SQL.items():
        write(folder, name, text)
    with at_work_in(folder) as one:
        one.seeds(*(seed(n) for n in range(3)))
        checks(one)
    return folder


@pytest.fixture
def made(tmp_path: Path, first_run: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    copytree(first_run, tmp_path, dirs_exist_ok=True)
    with at_work_in(tmp_path) as one:
        yield one


@contextmanager
def at_work_in(folder: Path) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SYNTH_PROJECT", str(folder))
        with bench(folder, **PARTS) as one:
            yield one


def write(folder: Path, name: str, text: str) -> None:
    path = folder / "dbt_like_sql" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    load_sql_project.cache_clear()


def seed(number: int, reference: int = 46) -> dict[str, str]:
    return {"prompt": f"What is the sum of forty and {number}?", "reference": str(reference)}


def checks(made: Bench, *, full_refresh: bool = False) -> dict[tuple[str, str], CheckResult]:
    """(table, check) → what a run says of it."""
    known = made.workshop()
    options = RunOptions(full_refresh=full_refresh)
    workshop = Workshop(made.recipe, made.lake, known.stages, "run", options)
    return {
        (name, result.name): result
        for name, stage in workshop.stages.items()
        for result in all_checks(workshop, stage, bring_up_to_date(workshop, stage))
    }


def run_now(found: dict[tuple[str, str], CheckResult]) -> set[tuple[str, str]]:
    """Checks that were run; whether rows are as committed is always looked at."""
    return {
        place
        for place, result in found.items()
        if result.as_in_version is None and place[1] != "is_as_committed"
    }


def test_where_nothing_changed_every_pass_is_told_again_with_its_version(made: Bench):
    before = made.lake.version()
    found = checks(made)
    assert run_now(found) == set()
    assert all(result.passed for result in found.values())
    versions = [result.as_in_version for result in found.values() if result.as_in_version]
    assert set(versions) <= set(range(1, before + 1))
    assert made.lake.version() == before


def test_a_changed_table_has_its_checks_run_and_so_have_those_that_read_it(made: Bench):
    made.seeds(seed(0, reference=45), seed(1), seed(2))
    ran = run_now(checks(made))
    assert ("verifications", "status_is_known") in ran
    # Completions are as they were, but what they belong to is not.
    assert ("completions", "prompt_id_exists") in ran
    assert ("completions", "ids_are_unique") not in ran
    assert ("answers", "relationships") in ran
    assert not ran & {
        ("answers", "unique"),
        ("answers", "not_null"),
        ("answers", "accepted_values"),
    }


def test_a_changed_check_is_run_anew(made: Bench):
    changed = SQL["models/schema.yml"].replace("[ok, cut]", "[ok, cut, refused]")
    write(made.folder, "models/schema.yml", changed)
    assert run_now(checks(made)) == {("answers", "accepted_values")}
    assert run_now(checks(made)) == set()


def test_a_severity_is_part_of_a_check(made: Bench):
    changed = SQL["models/schema.yml"].replace("[ok, cut]", "[ok, cut], config: {severity: warn}")
    write(made.folder, "models/schema.yml", changed)
    assert run_now(checks(made)) == {("answers", "accepted_values_warning")}


def test_a_blocking_check_that_failed_stays_failed(made: Bench):
    changed = SQL["models/schema.yml"].replace("[ok, cut]", "[cut]")
    write(made.folder, "models/schema.yml", changed)
    for _ in range(2):
        failed = checks(made)["answers", "accepted_values"]
        assert (failed.passed, failed.is_blocking, failed.as_in_version) == (False, True, None)
        assert failed.offending.height == made.read("completions").height
    write(made.folder, "models/schema.yml", SQL["models/schema.yml"])
    assert checks(made)["answers", "accepted_values"].passed


def test_rows_written_past_the_commits_are_looked_at_each_time(made: Bench):
    made.write("UPDATE lake.tiny.completions SET prompt_id = 'nobody', status = 'lost'")
    for _ in range(2):
        found = checks(made)
        assert not found["completions", "prompt_id_exists"].passed
        assert ("completions", "ids_are_unique") in run_now(found)


def test_a_related_table_written_past_the_commits_is_looked_at_each_time(made: Bench):
    made.write("UPDATE lake.tiny.mutated_prompts SET prompt_id = 'nobody'")
    for _ in range(2):
        found = checks(made)
        assert not found["answers", "relationships"].passed
        assert not found["completions", "prompt_id_exists"].passed
        assert found["completions", "ids_are_unique"].as_in_version is not None


def test_a_full_refresh_runs_every_check(made: Bench):
    found = checks(made, full_refresh=True)
    assert {place for place in found if place[1] != "is_as_committed"} == run_now(found)


def test_checks_that_a_person_runs_alone_are_run(made: Bench):
    workshop = made.workshop()
    before = made.lake.version()
    for stage in workshop.stages.values():
        assert {r.as_in_version for r in committed_checks(workshop, stage)} == {None}
    assert made.lake.version() == before


def test_where_the_versions_are_gone_checks_are_run(made: Bench):
    made.write("CALL ducklake_expire_snapshots('lake', older_than => now() + INTERVAL 1 HOUR)")
    made.lake.close()  # as another process would, it remembers nothing of them
    assert ("completions", "ids_are_unique") in run_now(checks(made))


def test_a_write_of_someone_else_that_was_vacuumed_is_not_taken_for_none(made: Bench):
    made.write("UPDATE lake.tiny.completions SET status = 'lost'")
    written = made.lake.version()
    made.write("COMMENT ON TABLE lake.tiny.commits IS 'a later version'")
    made.write(f"CALL ducklake_expire_snapshots('lake', versions => [{written}])")
    assert ("completions", "ids_are_unique") in run_now(checks(made))


def test_several_rounds_are_checked_together_once(made: Bench):
    made.seeds(*(seed(n) for n in range(5)))
    made.run(open_round="seeds")
    assert ("completions", "ids_are_unique") in run_now(checks(made))
    assert run_now(checks(made)) == set()


def test_no_row_that_offends_is_kept_with_the_outcomes(made: Bench):
    kept = made.lake.read(made.recipe.name, TABLES[CHECK_OUTCOMES.name])
    assert set(kept["table_name"]) == set(made.workshop().stages)
    assert kept.columns == [
        "outcome_id",
        "table_name",
        "check_name",
        "rests_on",
        "number",
        "read_version",
    ]


def test_what_a_check_is_made_with_is_part_of_it():
    known = values_are_known("split", "train", "test")
    definitions = [
        known.definition,
        values_are_known("split", "train").definition,
        replace(known, is_blocking=False).definition,
        parents_exist("prompt_id", ("a", "prompt_id")).definition,
        parents_exist("prompt_id", ("a", "id")).definition,
    ]
    assert len({*definitions, None}) == len(definitions) + 1
    assert values_are_known("split", "train", "test").definition == known.definition


def test_of_a_check_made_with_more_than_plain_values_nothing_can_be_told():
    something = object()

    def offending(rows: Any, _: Any) -> Any:
        assert something
        return rows.clear()

    assert RowCheck("odd", "Odd.", offending).definition is None


def test_a_check_reads_no_table_that_it_does_not_declare():
    check = replace(parents_exist("id", ("left", "id")), references=())
    with pytest.raises(AssertionError, match="does not declare that it reads left"):
        run_row_checks([check], frame(id=["a"]), Around(known={("left", "id"): ["a"]}))
    assert ids_are_unique("id").looks_at == ()


REFERENCES = {
    "models/answers.sql": (
        "{{ config(unit='prompt_id') }}\n"
        "select prompt_id, reference from {{ source('lake', 'mutated_prompts') }}\n"
        "where method = 'seed'"
    ),
    "models/schema.yml": """
sources: [{name: lake, tables: [{name: mutated_prompts}]}]
models:
  - name: answers
    columns:
      - {name: prompt_id, data_tests: [unique, not_null]}
      - {name: reference, data_tests: [
          {unique: {name: of_its_own}}, {accepted_values: {values: ["40", "41", "42", "50"]}}]}
""",
}


@pytest.fixture(scope="module")
def unit_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three seeds with a reference of their own, in a model that is made prompt by
    prompt."""
    folder = tmp_path_factory.mktemp("unit_run")
    for name, text in {**SQL, **REFERENCES}.items():
        write(folder, name, text)
    with at_work_in(folder) as one:
        one.seeds(*(seed(n, 40 + n) for n in range(3)))
        checks(one)
    return folder


@pytest.fixture
def by_unit(tmp_path: Path, unit_run: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A copy of it, to change, as if it were large."""
    monkeypatch.setattr(rows_to_check, "SMALL", 0)
    copytree(unit_run, tmp_path, dirs_exist_ok=True)
    with at_work_in(tmp_path) as one:
        yield one


def relations_checked(made: Bench, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Check of ``answers`` → rows that it is run on, in a run."""
    seen: dict[str, int] = {}
    check = SqlStage.check

    def counted(stage: SqlStage, workshop: Workshop, relation: str, *rest: Any) -> Any:
        rows = workshop.lake.execute(f"SELECT count(*) FROM {relation}")[0][0]
        seen.update(dict.fromkeys(rest[1], rows))
        return check(stage, workshop, relation, *rest)

    monkeypatch.setattr(SqlStage, "check", counted)
    checks(made)
    return seen


def test_where_the_others_passed_new_rows_are_checked_alone(
    by_unit: Bench, monkeypatch: pytest.MonkeyPatch
):
    by_unit.seeds(seed(0, 40), seed(1, 50), seed(2, 42))
    assert relations_checked(by_unit, monkeypatch) == {
        "unique": 1, "not_null": 1, "accepted_values": 1,
    }  # fmt: skip


def test_a_new_row_that_offends_by_itself_is_found(by_unit: Bench):
    by_unit.seeds(seed(0, 40), seed(1, 99), seed(2, 42))
    with pytest.raises(CheckFailed, match=r"accepted_values \(1 rows"):
        checks(by_unit)


def test_a_new_row_that_offends_beside_one_that_stands_is_found_with_it(by_unit: Bench):
    by_unit.seeds(seed(0, 40), seed(1, 42), seed(2, 42))
    with pytest.raises(CheckFailed, match=r"unique \(2 rows"):
        checks(by_unit)


def test_where_the_others_did_not_pass_all_rows_are_checked(
    by_unit: Bench, monkeypatch: pytest.MonkeyPatch
):
    by_unit.write("DELETE FROM lake.tiny.check_outcomes WHERE check_name = 'unique'")
    by_unit.seeds(seed(0, 40), seed(1, 50), seed(2, 42))
    assert relations_checked(by_unit, monkeypatch) == {
        "unique": 3, "not_null": 1, "accepted_values": 1,
    }  # fmt: skip


def test_what_may_look_at_other_rows_is_not_run_on_some(tmp_path: Path):
    test = DataTest("t", "m", "not_null", tmp_path, column="c")
    assert test.alone == ()
    assert replace(test, kind="unique").alone == ("c",)
    assert replace(test, kind="relationships", to="parents").alone == ()
    assert replace(test, kind="expression", expression="c > 1").alone == ()
    for other in (
        replace(test, kind="relationships", to="m"),
        replace(test, kind="expression", expression="c = (SELECT max(c) FROM x)"),
        replace(test, where="c IN (SELECT 1)"),
        replace(test, error_if=">10"),
        replace(test, warn_if=">10"),
        replace(test, kind="generic"),
        replace(test, kind="check"),
    ):
        assert other.alone is None
