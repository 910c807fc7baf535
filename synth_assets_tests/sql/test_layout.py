"""dbt's own layout: folders, variables, configs and what wins over what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synth_assets.errors import SqlModelError
from synth_assets.sql.project import SqlProject

PROJECT = """
name: mine
model-paths: [transform]
vars:
  n: 1
  mine: {n: 2, day: 2024-05-01}
models:
  +materialized: table
  mine:
    tags: [nightly]
    staging: {+materialized: ephemeral, deep: {+materialized: incremental}}
"""
MODEL = "select 1 as a"


def load(folder: Path, files: dict[str, str]) -> SqlProject:
    for name, text in {"dbt_project.yml": PROJECT, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SqlProject.load(folder)


def test_the_nearest_configuration_wins(tmp_path: Path) -> None:
    project = load(
        tmp_path,
        {
            "transform/a.sql": MODEL,
            "transform/staging/b.sql": MODEL,
            "transform/staging/deep/c.sql": MODEL,
            "transform/staging/deep/d.sql": MODEL,
            "transform/staging/deep/e.sql": "{{ config(materialized='view') }} " + MODEL,
            "transform/staging/deep/any.yml": (
                "models: [{name: d, config: {materialized: table}},"
                " {name: e, config: {materialized: table}}]"
            ),
            "models/not_read.sql": "no SQL at all",
        },
    )
    assert {name: model.config.materialized for name, model in project.models.items()} == {
        "a": "table", "b": "ephemeral", "c": "incremental", "d": "table", "e": "view",
    }  # fmt: skip
    assert project.marts == tuple(name for name in project.models if name != "b")


def test_without_a_word_a_model_is_a_view(tmp_path: Path) -> None:
    project = load(tmp_path, {"dbt_project.yml": "name: mine", "models/a.sql": MODEL})
    assert project.models["a"].config.materialized == "view"


def test_variables_of_the_project_are_known_and_others_win(tmp_path: Path) -> None:
    sql = "select {{ var('n') }} as n, '{{ var('day') }}' as day, {{ var('x', 5) }} as x"
    project = load(tmp_path, {"transform/a.sql": sql})
    assert project.compile("a").sql == "SELECT 2 AS n, '2024-05-01' AS day, 5 AS x"
    assert project.compile("a", {}, {"n": 3}).sql.startswith("SELECT 3 AS n")


def test_a_disabled_model_is_no_model(tmp_path: Path) -> None:
    off = "{{ config(enabled=false) }} this is not even SQL"
    project = load(tmp_path, {"transform/a.sql": MODEL, "transform/b.sql": off})
    assert list(project.models) == ["a"]
    with pytest.raises(SqlModelError, match=r"a\.sql, line 1: ref\('b'\) names a model .* not ena"):
        load(tmp_path, {"transform/a.sql": "select * from {{ ref('b') }}"})


def test_a_source_has_the_columns_that_are_declared_or_those_of_the_database(
    tmp_path: Path,
) -> None:
    files = {
        "transform/a.sql": "select *, seen_at::date as day from {{ source('raw', 'events') }}",
        "transform/s.yml": (
            "sources: [{name: raw, schema: landing, tables: [{name: events, identifier: ev, "
            "columns: [{name: seen_at, data_type: timestamp}]}]}]"
        ),
    }
    project = load(tmp_path, files)
    assert project.files.sources["raw.events"].place == ("landing", "ev")
    assert project.types("a") == {"seen_at": "TIMESTAMP", "day": "DATE"}
    project.learn_types("raw.events", {"seen_at": "DATE", "who": "VARCHAR"})
    assert list(project.types("a")) == ["seen_at", "who", "day"]


def test_an_incremental_model_says_what_is_new(tmp_path: Path) -> None:
    sql = (
        "{{ config(materialized='incremental', unique_key=['a', 'b']) }}\n"
        "select 1 as a, 2 as b {% if is_incremental() %}\nfrom {{ this }} where a > 1{% endif %}"
    )
    project = load(tmp_path, {"transform/m.sql": sql})
    config = project.models["m"].config
    assert (config.strategy, config.unique_key) == ("delete+insert", ("a", "b"))
    assert project.compile("m").sql == "SELECT 1 AS a, 2 AS b"
    new = project.compile("m", {"m": '"lake"."m"'}, is_incremental=True)
    assert new.sql == 'SELECT 1 AS a, 2 AS b FROM "lake"."m" AS "m" WHERE a > 1'
    assert project.inputs("m") == ()


def hash_of(folder: Path, sql: str) -> str:
    return load(folder, {"transform/m.sql": sql}).code_hash("m")


def test_the_code_hash_of_an_incremental_model_covers_both_its_texts(tmp_path: Path) -> None:
    head = "{{ config(materialized='incremental', unique_key='a') }}"
    body = "select 1 as a {% if is_incremental() %}from {{ this }}{% endif %}"
    one = hash_of(tmp_path, head + body)
    same = head.replace("config( ", "config(") + "\n\n-- c\n" + body.replace("select", "SELECT\n")
    assert hash_of(tmp_path, same) == one
    assert hash_of(tmp_path, head + body.replace("from {{ this }}", "")) != one
    assert hash_of(tmp_path, head.replace("'a'", "'b'") + body) != one
    merge = head.replace("unique_key", "incremental_strategy='merge', unique_key")
    assert hash_of(tmp_path, merge + body) != one


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("materialised='table'", "unknown config 'materialised'; did you mean 'materialized'"),
        ("materialized='tabel'", "materialized: Input should be 'table', 'view'"),
        ("incremental_strategy='merge'", "'merge' needs unique_key"),
        ("materialized=var('kept')", r"m\.sql, line 1: config\(\) takes plain values"),
        ("column_types={'a': 'int'}", "column_types is for seeds"),
        ("enabled='perhaps'", "enabled"),
    ],
)
def test_a_wrong_configuration_says_where(tmp_path: Path, config: str, message: str) -> None:
    with pytest.raises(SqlModelError, match=message):
        load(tmp_path, {"transform/m.sql": f"{{{{ config({config}) }}}} {MODEL}"})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"dbt_project.yml": "nam: mine"}, "unknown key 'nam'; did you mean 'name'"),
        ({"dbt_project.yml": "name: [mine"}, "dbt_project.yml, line 1: is not YAML"),
        (
            {"dbt_project.yml": "models: {mine: 5}\nname: m", "models/n.sql": MODEL},
            r"n\.sql: unknown config 'mine'",
        ),
        ({"dbt_project.yml": "vars: [1]"}, "vars: write name: value"),
        ({"dbt_project.yml": "- 1"}, "write key: value at the top"),
        ({"transform/B.sql": MODEL}, "'B' is no name of a table"),
        ({"transform/x/m.sql": MODEL}, "has that name already"),
        ({"seeds/m.csv": "a\n1\n"}, "has that name already"),
        ({"transform/m.sql": "select * from {{ this }}"}, r"m\.sql, line 1: .*incremental models"),
        (
            {"transform/m.sql": "{{ config(materialized='incremental') }}\n"
             "select * from {{ this }}"},
            r"m\.sql, line 2: .*read before there is such a table",
        ),
        ({"transform/m.sql": "select * from {{ source('a', 'b') }}"}, "names no model or table"),
        ({"transform/m.sql": "select {{ is_incremental(1) }}"}, "takes no argument"),
        ({"tests/t.sql": "select 1"}, r"t\.sql: refers to no model"),
        (
            {"tests/t.sql": "{{ config(severity='fatal') }} select * from {{ ref('m') }}"},
            r"t\.sql: severity",
        ),
        ({"transform/s.yml": "models: [{name: m}]", "transform/t.yml": "models: [{name: m}]"},
         "'m' is described in .*s.yml already"),
        (
            {"transform/s.yml": "sources: [{name: r, tables: [{name: t, columns: "
             "[{name: a, data_type: 'int); select 1; --'}]}]}]"},
            r"s\.yml: source r\.t: a: data_type .* is no type of DuckDB's",
        ),
        ({"transform/m.sql": "select a, a from (select 1 as a)"}, "two columns named 'a'"),
    ],
)  # fmt: skip
def test_a_wrong_project_says_where(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    with pytest.raises(SqlModelError, match=message):
        load(tmp_path, {"transform/m.sql": MODEL, **files}).validate({})
