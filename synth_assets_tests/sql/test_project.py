"""A project: order, compiling, hashes, and errors that name file, line and the nearest name."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from synth_assets.errors import SqlModelError
from synth_assets.schemas import COMPLETIONS, TABLES
from synth_assets.sql.project import SqlProject
from synth_assets.sql.relations import duckdb_types, empty_relation
from synth_assets_tests.sql.projects import make_project

THREE = {
    "staging/texts.sql": "select completion_id, upper(text) as loud from {{ ref('completions') }}",
    "marts/a_last.sql": "select * from {{ ref('b_first') }} as b where n > {{ var('least') }}",
    "marts/b_first.sql": "select loud, count(*) as n from {{ ref('texts') }} group by loud",
}


def test_models_come_after_what_they_refer_to(tmp_path: Path) -> None:
    project = make_project(tmp_path, THREE)
    assert list(project.models) == ["texts", "b_first", "a_last"]
    assert project.marts == ("b_first", "a_last")
    assert project.models["a_last"].refs == ("b_first",)
    assert project.models["a_last"].variables == ("least",)


def test_a_staging_model_is_read_through(tmp_path: Path) -> None:
    project = make_project(tmp_path, THREE)
    assert project.inputs("b_first") == ("completions",)
    compiled = project.compile(
        "b_first", {"completions": "(select 'c' as completion_id, 'a' as text)"}
    )
    assert compiled.inputs == ("completions",)
    with duckdb.connect() as connection:
        assert connection.execute(compiled.sql).fetchall() == [("A", 1)]


def test_a_relation_given_for_a_staging_model_is_read_instead(tmp_path: Path) -> None:
    project = make_project(tmp_path, THREE)
    compiled = project.compile("b_first", {"texts": "(select 'x' as loud)"})
    assert compiled.inputs == ("texts",)
    with duckdb.connect() as connection:
        assert connection.execute(compiled.sql).fetchall() == [("x", 1)]


def test_a_ref_without_a_relation_reads_no_rows_of_the_declared_columns(tmp_path: Path) -> None:
    project = make_project(tmp_path, THREE)
    compiled = project.compile("a_last", {}, {"least": 0})
    with duckdb.connect() as connection:
        frame = connection.sql(compiled.sql).pl()
    assert frame.height == 0
    assert frame.schema == compiled.schema == {"loud": pl.String, "n": pl.Int64}


def test_two_refs_of_one_table_keep_their_aliases(tmp_path: Path) -> None:
    sql = (
        "select a.text, b.text as other from {{ ref('completions') }} a "
        "join {{ ref('completions') }} as b on a.completion_id < b.completion_id"
    )
    project = make_project(tmp_path, {"marts/m.sql": sql})
    rows = "(select * from (values ('c1', 'x'), ('c2', 'y')) as v(completion_id, text))"
    with duckdb.connect() as connection:
        found = connection.execute(project.compile("m", {"completions": rows}).sql).fetchall()
    assert found == [("x", "y")]


def test_a_ref_without_an_alias_is_called_by_its_name(tmp_path: Path) -> None:
    project = make_project(
        tmp_path, {"marts/m.sql": "select completions.text from {{ ref('completions') }}"}
    )
    assert project.schema("m").names() == ["text"]


def test_a_model_with_ctes_may_read_a_staging_model(tmp_path: Path) -> None:
    files = THREE | {
        "marts/m.sql": "with recursive x as (select loud from {{ ref('texts') }} "
        "union all select loud from x where loud is null) select * from x union all "
        "select loud from {{ ref('texts') }}"
    }
    project = make_project(tmp_path, files)
    with duckdb.connect() as connection:
        relations = {"completions": "(select 'c' as completion_id, 'a' as text)"}
        assert connection.execute(project.compile("m", relations).sql).fetchall() == [
            ("A",),
            ("A",),
        ]


def test_every_declared_table_can_be_read_as_empty() -> None:
    with duckdb.connect() as connection:
        for table in TABLES.values():
            relation = empty_relation(duckdb_types(table.polars))
            frame = connection.sql(f"SELECT * FROM {relation} AS t").pl()
            assert frame.schema == table.polars, table.name
            assert frame.height == 0


def test_formatting_and_comments_do_not_change_the_hash(tmp_path: Path) -> None:
    plain = make_project(tmp_path / "a", THREE)
    spaced = {
        name: "-- a comment\n"
        + text.replace(" from ", "\n\n  FROM /* x */ ").replace("select", "SELECT")
        for name, text in THREE.items()
    }
    other = make_project(tmp_path / "b", spaced)
    for name in plain.models:
        assert plain.code_hash(name, {"least": 1}) == other.code_hash(name, {"least": 1})


@pytest.mark.parametrize(
    ("changed", "variables"),
    [
        ({"marts/a_last.sql": THREE["marts/a_last.sql"].replace(">", ">=")}, {"least": 1}),
        ({}, {"least": 2}),
        ({}, {"least": "1"}),
    ],
)
def test_what_a_model_says_changes_its_hash(
    tmp_path: Path, changed: dict[str, str], variables: dict[str, object]
) -> None:
    before = make_project(tmp_path / "a", THREE).code_hash("a_last", {"least": 1})
    assert make_project(tmp_path / "b", THREE | changed).code_hash("a_last", variables) != before


def test_a_staging_model_changes_the_hash_of_who_reads_it_and_a_mart_does_not(
    tmp_path: Path,
) -> None:
    texts = {"staging/texts.sql": THREE["staging/texts.sql"].replace("upper", "lower")}
    before, after = make_project(tmp_path / "a", THREE), make_project(tmp_path / "b", THREE | texts)
    least = {"least": 1}
    assert before.code_hash("b_first") != after.code_hash("b_first")
    assert before.code_hash("a_last", least) == after.code_hash("a_last", least)


def test_a_variable_that_a_model_does_not_use_leaves_its_hash(tmp_path: Path) -> None:
    project = make_project(tmp_path, THREE)
    assert project.code_hash("b_first", {"least": 1}) == project.code_hash("b_first", {"least": 2})


def test_a_circle_is_named(tmp_path: Path) -> None:
    files = {
        "marts/a.sql": "select * from {{ ref('b') }}",
        "marts/b.sql": "select * from {{ ref('c') }}",
        "marts/c.sql": "select * from {{ ref('a') }}",
    }
    with pytest.raises(SqlModelError, match=r"circle: ([abc]) → [abc] → [abc] → \1"):
        make_project(tmp_path, files)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select 1\nfrom {{ ref('completion') }}",
            r"m\.sql, line 2: .*did you mean 'completions'\?",
        ),
        ("select 1,\n{{ var('leest') }} as a", r"m\.sql, line 2: .*did you mean 'least'\?"),
        (
            "select\n  completion_id,\n  txt\nfrom {{ ref('completions') }}",
            r"m\.sql, line 3: unknown column 'txt'; did you mean 'text'\?",
        ),
        (
            "select c.text\nfrom {{ ref('completions') }} as c\nwhere c.stats = 'ok'",
            r"m\.sql, line 3: unknown column 'stats'; did you mean 'status'\?",
        ),
        (
            "{% if var('least') == 0 %}\nselect 1 as a\n{% else %}\nselect\n  txt\n"
            "from {{ ref('completions') }}\n{% endif %}",
            r"m\.sql, line 5: unknown column 'txt'",
        ),
        ("select 1\n,, 2", r"m\.sql, line 2: syntax error"),
        (
            "select 1\nform {{ ref('completions') }}",
            r"m\.sql, line 2: .* near ref\('completions'\)",
        ),
        ("select 1; drop table t", r"m\.sql: holds a statement that is no SELECT; write one"),
        ("select\nlowr('A') as a", r"m\.sql, line 2: .*did you mean 'lower'\?"),
        ("select *\nfrom completions", r"m\.sql, line 2: reads 'completions' directly"),
        ("select *\nfrom lake.chat.completions", r"m\.sql, line 2: reads 'lake.chat.completions'"),
        ("select random() as a", r"m\.sql, line 1: function 'random' differs from run to run"),
        ("select text + 1 as a from {{ ref('completions') }}", r"m\.sql: .*No function matches"),
        ("select 1; select 2", r"m\.sql: holds 2 statements"),
        ("", r"m\.sql: .*exactly one SELECT"),
    ],
)
def test_an_error_names_file_line_and_nearest_name(tmp_path: Path, sql: str, message: str) -> None:
    with pytest.raises(SqlModelError, match=message):
        make_project(tmp_path, {"marts/m.sql": sql}).compile("m", {}, {"least": 1})


def test_an_unknown_column_of_a_mart_is_found_before_it_exists(tmp_path: Path) -> None:
    files = THREE | {"marts/m.sql": "select lowd from {{ ref('b_first') }}"}
    with pytest.raises(SqlModelError, match=r"m\.sql, line 1: .*did you mean 'loud'\?"):
        make_project(tmp_path, files).compile("m")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"sources.yml": "sources: [completion]"}, r"sources\.yml: .*did you mean 'completions'\?"),
        ({"sources.yml": "source: []"}, r"source: unknown key; did you mean 'sources'\?"),
        ({"marts/schema.yml": "models:\n  - name: x\n :"}, r"schema\.yml, line 3: is not YAML"),
        (
            {"marts/schema.yml": "models: [{name: mm, description: d}]"},
            r"describes 'mm', but there is no mm\.sql; did you mean 'm'\?",
        ),
        (
            {"marts/schema.yml": "models: [{name: m, descripton: d}]"},
            r"models\.0\.descripton: unknown key; did you mean 'description'\?",
        ),
        (
            {"marts/schema.yml": "models: [{name: m, description: d, columns: "
             "[{name: a, description: a, tests: [not_nul]}]}]"},
            r"test not_nul_a of m: no test is named 'not_nul'; did you mean 'not_null'\?",
        ),
        (
            {"marts/schema.yml": "models: [{name: m, description: d, columns: [{name: a, "
             "description: a, tests: [{relationships: {to: completion, field: a}}]}]}]"},
            r"no model or table is named 'completion'; did you mean 'completions'\?",
        ),
        (
            {"marts/schema.yml": "models: [{name: m, description: d, columns: [{name: a, "
             "description: a, tests: [unique, unique]}]}]"},
            "two tests named 'unique_a'",
        ),
        ({"checks/c.sql": "select 1"}, r"c\.sql: no schema\.yml says which model"),
        (
            {"checks/schema.yml": "checks: [{name: c, model: m, description: d}]"},
            r"check 'c' has no file c\.sql",
        ),
        (
            {"checks/schema.yml": "checks: [{name: c, model: mm, description: d}]",
             "checks/c.sql": "select 1"},
            r"no model is named 'mm'; did you mean 'm'\?",
        ),
        ({"marts/completions.sql": "select 1"}, "a table is named 'completions' already"),
        ({"staging/m.sql": "select 1"}, "has that name already"),
    ],
)  # fmt: skip
def test_a_wrong_project_says_what_is_wrong(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(SqlModelError, match=message):
        make_project(tmp_path, {"marts/m.sql": "select 1 as a"} | files)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SqlModelError, match="no such folder"):
        SqlProject.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("[{name: txt, description: x}]", r"describes a column 'txt'.*did you mean 'text'\?"),
        ("[]", r"does not describe \['text'\]"),
    ],
)
def test_validate_finds_columns_described_wrongly(
    tmp_path: Path, columns: str, message: str
) -> None:
    schema = f"models: [{{name: m, description: d, columns: {columns}}}]"
    files = {"marts/m.sql": "select text from {{ ref('completions') }}", "marts/schema.yml": schema}
    with pytest.raises(SqlModelError, match=message):
        make_project(tmp_path, files).validate({})


def test_a_column_that_does_not_exist_is_laid_to_the_line_of_schema_yml(tmp_path: Path) -> None:
    schema = """
models:
  - {name: other, columns: [{name: txt}]}
  - name: m
    columns:
      - name: text
        description: What it says
      - name: txt
        description: The same
"""
    files = {
        "marts/m.sql": "select text from {{ ref('completions') }}",
        "marts/other.sql": "select text as txt from {{ ref('completions') }}",
        "marts/schema.yml": schema,
    }
    for text, line in ((schema, ", line 8"), (schema + "    meta: 1\n    meta: 2\n", "")):
        with pytest.raises(SqlModelError) as raised:
            make_project(tmp_path, files | {"marts/schema.yml": text}).validate({})
        assert str(raised.value) == (
            f"{tmp_path / 'marts/schema.yml'}{line}: describes a column 'txt' that m does not have"
            "; did you mean 'text'? Known: text"
        )


def test_a_mart_is_a_table_with_key_and_descriptions(tmp_path: Path) -> None:
    schema = """
models:
  - name: m
    description: All texts.
    key: completion_id
    columns: [{name: completion_id, description: The id}, {name: text, description: What it says}]
"""
    files = {
        "marts/m.sql": "select completion_id, text from {{ ref('completions') }}",
        "marts/schema.yml": schema,
    }
    table = make_project(tmp_path, files).table_schema("m")
    assert (table.name, table.key, table.description) == ("m", "completion_id", "All texts.")
    assert [column.description for column in table.columns] == ["The id", "What it says"]
    assert table.polars == {name: COMPLETIONS.polars[name] for name in ("completion_id", "text")}


def test_a_mart_without_a_key_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(SqlModelError, match="names no column of it as its key"):
        make_project(tmp_path, {"marts/m.sql": "select 1 as a"}).table_schema("m")
