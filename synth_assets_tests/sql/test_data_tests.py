"""Declared data tests: which rows offend, on staged rows, with severity and threshold."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from synth_assets.errors import SqlModelError
from synth_assets.sql.project import SqlProject
from synth_assets.sql.run import DataTestResult, run_data_test
from synth_assets_tests.sql.projects import make_project

SCHEMA = """
models:
  - name: m
    description: d
    columns:
      - name: completion_id
        description: id
        tests: [not_null, unique, {relationships: {to: completions, field: completion_id}}]
      - name: status
        description: s
        tests:
          - accepted_values: {values: [ok, "it's"], severity: warn, threshold: 1}
    tests:
      - expression: {name: text_is_short, expression: "length(text) < 3 -- really"}
"""
FILES = {
    "marts/m.sql": "select completion_id, status, text from {{ ref('completions') }}",
    "marts/schema.yml": SCHEMA,
    "checks/schema.yml": "checks: [{name: not_all_gone, model: m, description: d, severity: warn}]",
    "checks/not_all_gone.sql": (
        "select count(*) as n from {{ ref('m') }} having count(*) = 0 "
        "and (select count(*) from {{ ref('completions') }}) > 0"
    ),
}
GOOD = [("c1", "ok", "a"), ("c2", "it's", "b")]


def run_tests(
    project: SqlProject, staged: list[tuple[str | None, str | None, str | None]]
) -> dict[str, DataTestResult]:
    """Results by name, on these staged rows, where the completions are c1 and c2."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE parents AS FROM (VALUES ('c1'), ('c2')) AS v(completion_id)"
        )
        connection.execute(
            "CREATE TEMP TABLE staged (completion_id VARCHAR, status VARCHAR, text VARCHAR)"
        )
        if staged:
            connection.executemany("INSERT INTO staged VALUES (?, ?, ?)", staged)
        relations = {"m": "temp.staged", "completions": "parents"}
        return {
            test.name: run_data_test(connection, test, project.compile_test(test, relations).sql)
            for test in project.models["m"].tests
        }


def offending(results: dict[str, DataTestResult]) -> dict[str, int]:
    return {name: result.offending for name, result in results.items() if result.offending}


def test_good_rows_offend_nothing(tmp_path: Path) -> None:
    results = run_tests(make_project(tmp_path, FILES), list(GOOD))
    assert offending(results) == {}
    assert all(result.passed and result.sample.height == 0 for result in results.values())
    assert list(results) == [
        "not_null_completion_id",
        "unique_completion_id",
        "relationships_completion_id_in_completions",
        "accepted_values_status",
        "text_is_short",
        "not_all_gone",
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((None, "ok", "a"), {"not_null_completion_id": 1}),
        (("c1", "ok", "a"), {"unique_completion_id": 2}),
        (("c9", "ok", "a"), {"relationships_completion_id_in_completions": 1}),
        (("c9", None, "a"), {"relationships_completion_id_in_completions": 1}),
        ((None, "bad", "a"), {"not_null_completion_id": 1, "accepted_values_status": 1}),
        ((None, "ok", "long"), {"not_null_completion_id": 1, "text_is_short": 1}),
        ((None, "ok", None), {"not_null_completion_id": 1, "text_is_short": 1}),
    ],
)
def test_each_test_finds_the_rows_that_offend(
    tmp_path: Path, row: tuple[str | None, str | None, str | None], expected: dict[str, int]
) -> None:
    assert offending(run_tests(make_project(tmp_path, FILES), [*GOOD, row])) == expected


def test_the_offending_rows_are_shown(tmp_path: Path) -> None:
    results = run_tests(make_project(tmp_path, FILES), [*GOOD, ("c9", "ok", "a")])
    sample = results["relationships_completion_id_in_completions"].sample
    assert sample.to_dicts() == [{"completion_id": "c9", "status": "ok", "text": "a"}]


def test_a_threshold_lets_that_many_pass_and_no_more(tmp_path: Path) -> None:
    project = make_project(tmp_path, FILES)
    one = run_tests(project, [("c1", "bad", "a")])["accepted_values_status"]
    two = run_tests(project, [("c1", "bad", "a"), ("c2", "bad", "a")])["accepted_values_status"]
    assert (one.offending, one.passed, one.test.severity) == (1, True, "warn")
    assert (two.offending, two.passed) == (2, False)


def test_a_singular_check_reads_the_staged_rows_and_others(tmp_path: Path) -> None:
    project = make_project(tmp_path, FILES)
    assert offending(run_tests(project, [])) == {"not_all_gone": 1}
    check = project.models["m"].tests[-1]
    assert (check.kind, check.severity, check.refs) == ("check", "warn", ("completions",))


def test_a_check_on_another_mart_orders_the_two(tmp_path: Path) -> None:
    files = {
        "marts/a.sql": "select 1 as n",
        "marts/b.sql": "select 2 as n",
        "checks/c.sql": "select * from {{ ref('a') }} join {{ ref('b') }} using (n)",
        "checks/schema.yml": "checks: [{name: c, model: a, description: d}]",
    }
    project = make_project(tmp_path, files)
    assert project.marts == ("b", "a")
    assert (project.inputs("a"), project.test_inputs("a")) == ((), ("b",))


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("length(txt) < 3", r"test e of m, line 2: unknown column 'txt'; did you mean 'text'\?"),
        ("exists (select 1 from completions)", "reads 'completions' directly"),
        ("getenv('HOME') = ''", "function 'getenv' is not allowed"),
        ("true) union (select 1", r"schema\.yml: test e of m"),
    ],
)
def test_an_expression_that_does_not_compile_says_where(
    tmp_path: Path, claim: str, message: str
) -> None:
    schema = (
        "models:\n  - name: m\n    description: d\n    tests:\n"
        f'      - expression: {{name: e, expression: "{claim}"}}\n'
    )
    project = make_project(tmp_path, {**FILES, "marts/schema.yml": schema})
    with pytest.raises(SqlModelError, match=message):
        project.compile_test(project.models["m"].tests[0])


def declared(folder: Path, tests: str, files: dict[str, str] | None = None) -> SqlProject:
    """A project whose model m has these tests of its status (YAML list)."""
    schema = (
        "models:\n  - name: m\n    description: d\n    columns:\n      - name: status\n"
        f"        description: s\n        tests: {tests}\n"
    )
    return make_project(folder, {"marts/m.sql": FILES["marts/m.sql"], "marts/schema.yml": schema}
                        | (files or {}))  # fmt: skip


ROWS = [("c1", None, "a"), ("c2", None, "b"), ("c2", "ok", "c"), ("c1", "bad", "d")]


@pytest.mark.parametrize(
    ("options", "offending", "verdict"),
    [
        ("", 2, "error"),
        ("severity: warn", 2, "warn"),
        ("severity: WARN", 2, "warn"),
        ("error_if: '>2', warn_if: '>1'", 2, "warn"),
        ("error_if: '> 1', warn_if: '> 0'", 2, "error"),
        ("error_if: '>=2'", 2, "error"),
        ("error_if: '>2', warn_if: '>2'", 2, "pass"),
        ("error_if: 'between 2 and 3'", 2, "error"),
        ("error_if: '=1', warn_if: '<> 2'", 2, "pass"),
        ("severity: warn, error_if: '>0', warn_if: '>5'", 2, "pass"),
        ("threshold: 2", 2, "pass"),
        ("threshold: 1", 2, "error"),
        ("where: \"text > 'a'\"", 1, "error"),
        ("where: \"m.text > 'b' -- note\"", 0, "pass"),
        ("where: \"text = 'a' or text = 'b'\", limit: 1, error_if: '>1'", 1, "warn"),
        ("limit: 1", 1, "error"),
        ("config: {severity: warn, where: \"text = 'a'\"}", 1, "warn"),
    ],
)
def test_what_a_failure_means_is_declared(
    tmp_path: Path, options: str, offending: int, verdict: str
) -> None:
    project = declared(tmp_path, f"[{{not_null: {{{options}}}}}]")
    result = run_tests(project, ROWS)["not_null_status"]
    assert (result.offending, result.verdict) == (offending, verdict)


def test_a_where_holds_for_the_child_and_not_for_the_parent(tmp_path: Path) -> None:
    test = "{relationships: {to: ref('completions'), field: completion_id, where: \"text = 'd'\"}}"
    result = run_tests(declared(tmp_path, f"[{test}]"), ROWS)
    assert result["relationships_status_in_completions"].sample["status"].to_list() == ["bad"]


def test_values_that_are_not_quoted_are_numbers(tmp_path: Path) -> None:
    schema = (
        "models: [{name: m, description: d, columns: [{name: n, description: n, tests: "
        "[{accepted_values: {values: ['1', '2.5'], quote: false}}]}]}]"
    )
    sql = "select sample_index / 2 as n from {{ ref('completions') }}"
    project = make_project(tmp_path, {"marts/m.sql": sql, "marts/schema.yml": schema})
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE staged AS FROM (VALUES (1.0), (2.5), (3)) AS v(n)")
        test = project.models["m"].tests[0]
        compiled = project.compile_test(test, {"m": "staged"})
        assert run_data_test(connection, test, compiled.sql).sample["n"].to_list() == [3]


def test_a_test_of_the_projects_own_takes_its_arguments_and_a_where(tmp_path: Path) -> None:
    macro = (
        "{% test one_of(model, column_name, least, words=['none']) %}select * from {{ model }} "
        "where {{ column_name }} not in ({% for w in words %}'{{ w }}'{{ ', ' if not loop.last }}"
        "{% endfor %}) and length(text) >= {{ least }}{% endtest %}"
    )
    tests = "[{one_of: {least: 1, arguments: {words: [ok, fine]}, where: \"text <> 'x'\"}}]"
    project = declared(tmp_path, tests, {"macros/one_of.sql": macro})
    rows = [*ROWS, ("c1", "bad", "x")]
    result = run_tests(project, rows)["one_of_status"]
    assert result.sample.to_dicts() == [{"completion_id": "c1", "status": "bad", "text": "d"}]
    assert project.models["m"].tests[0].kind == "generic"


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        ("[{not_null: {error_if: 'many'}}]", "'many' is no condition; write one such as"),
        ("[{not_null: {severity: fatal}}]", "severity.*'warn' or 'error'"),
        ("[{not_null: {threshold: 1, error_if: '>1'}}]", "give a threshold, or error_if"),
        ("[{not_null: {limit: 0}}]", "limit"),
        ("[{not_null: {wher: x}}]", "unknown key; did you mean 'where'"),
        ("[{not_null: {where: 'txt = 1'}}]", "not_null_status of m.*'txt'; did you mean 'text'"),
        ("[{not_null: {where: '1) union select 1 --'}}]", "not_null_status of m"),
        ("[{not_null: {where: \"getenv('HOME') = ''\"}}]", "'getenv' is not allowed"),
        ("[{one_off: {least: 1}}]", "no test is named 'one_off'"),
        ("[{dbt_utils.not_blank: {}}]", "not supported .packages."),
        ("[{not_null: {store_failures: true}}]", "not supported .stored failures."),
        ("[{relationships: {to: ref('completion'), field: a}}]", "did you mean 'completions'"),
        ("[{relationships: {to: ref('completions'), field: txt}}]", "'txt'; did you mean 'text'"),
    ],
)
def test_a_test_declared_wrongly_says_where(tmp_path: Path, tests: str, message: str) -> None:
    with pytest.raises(SqlModelError, match=rf"schema\.yml: .*{message}"):
        project = declared(tmp_path, tests)
        project.compile_test(project.models["m"].tests[0])


def test_a_disabled_test_is_not_run(tmp_path: Path) -> None:
    assert declared(tmp_path, "[{not_null: {enabled: false}}]").models["m"].tests == ()
