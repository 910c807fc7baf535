"""Column lineage, through CTEs, joins, windows, stars, structs and lists."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from synth_assets.sql.columns import Lineage, trace_columns
from synth_assets_tests.sql.projects import VARIABLES, dbt_like_sql, make_project

TABLES = {
    "a": {"id": "VARCHAR", "x": "INTEGER", "y": "INTEGER", "ids": "VARCHAR[]"},
    "b": {"id": "VARCHAR", "z": "STRUCT(p INTEGER, q INTEGER)"},
}


def trace(sql: str) -> Lineage:
    query = sqlglot.parse_one(sql, read="duckdb")
    assert isinstance(query, exp.Query)
    return trace_columns(query, TABLES)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select x from a", {"x": [("a", "x")]}),
        ("select 1 as one, count(*) as n from a", {"one": [], "n": []}),
        ("select x + y as s from a", {"s": [("a", "x"), ("a", "y")]}),
        (
            "select * from a",
            {"id": [("a", "id")], "x": [("a", "x")], "y": [("a", "y")], "ids": [("a", "ids")]},
        ),
        ("select * exclude (id, y, ids) from a", {"x": [("a", "x")]}),
        ("with c as (select x as w from a) select w as v from c", {"v": [("a", "x")]}),
        (
            "select a.x, b.id as bid from a join b on a.id = b.id",
            {"x": [("a", "x")], "bid": [("b", "id")]},
        ),
        (
            "select row_number() over (partition by id order by x) as place from a",
            {"place": [("a", "id"), ("a", "x")]},
        ),
        ("select sum(x) filter (where y > 1) as s from a", {"s": [("a", "x"), ("a", "y")]}),
        ("select z.p as p from b", {"p": [("b", "z")]}),
        ("select {'k': x, 'l': id} as s from a", {"s": [("a", "id"), ("a", "x")]}),
        ("select unnest(ids) as one from a", {"one": [("a", "ids")]}),
        ("select u.one from a, unnest(a.ids) as u(one)", {"one": [("a", "ids")]}),
        ("select x from a union all select z.q from b", {"x": [("a", "x"), ("b", "z")]}),
        ("select (select max(x) from a) as m from b", {"m": [("a", "x")]}),
        ("select s.w from (select y as w from a) as s", {"w": [("a", "y")]}),
        (
            "with c as (select *, rank() over (order by y, id) as r from a) select x, r from c",
            {"x": [("a", "x")], "r": [("a", "id"), ("a", "y")]},
        ),
        ("select case when x > 1 then id end as c from a", {"c": [("a", "id"), ("a", "x")]}),
        (
            "select sum(y) over w as s from a window v as (partition by id), w as (v order by x)",
            {"s": [("a", "id"), ("a", "x"), ("a", "y")]},
        ),
        (
            "select l.m from a, lateral (select max(z.p) + a.y as m from b where b.id = a.id) l",
            {"m": [("a", "y"), ("b", "z")]},
        ),
        ("select list_transform(ids, lambda one: upper(one)) as u from a", {"u": [("a", "ids")]}),
    ],
)
def test_lineage(sql: str, expected: Lineage) -> None:
    assert trace(sql) == expected


def test_lineage_goes_through_staging_models_and_stops_at_marts(tmp_path: Path) -> None:
    files = {
        "staging/s.sql": "select completion_id as i, text as t from {{ ref('completions') }}",
        "marts/m.sql": "select i, t || '!' as loud from {{ ref('s') }}",
        "marts/n.sql": "select loud from {{ ref('m') }}",
    }
    project = make_project(tmp_path, files)
    assert project.lineage("m") == {
        "i": [("completions", "completion_id")],
        "loud": [("completions", "text")],
    }
    assert project.lineage("n") == {"loud": [("m", "loud")]}


def test_lineage_is_told_whatever_letters_a_name_is_written_in(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        {
            "marts/m.sql": "select Completion_ID as Id, text as Loud from {{ ref('completions') }}",
            "marts/n.sql": "select ID, loud || '!' as LOUDER from {{ ref('m') }}",
            "marts/o.sql": "select id as i, N.louder as l from {{ ref('n') }} as n",
        },
    )
    assert project.lineage("m")["Loud"] == [("completions", "text")]
    assert project.lineage("n") == {"Id": [("m", "Id")], "LOUDER": [("m", "Loud")]}
    assert project.lineage("o") == {"i": [("n", "Id")], "l": [("n", "LOUDER")]}


def test_each_column_of_a_struct_s_star_rests_on_the_struct(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        {
            "marts/m.sql": "with c as (select {'p': round, 'q': text} as s, completion_id "
            "from {{ ref('completions') }}) select completion_id, s.* from c"
        },
    )
    both = [("completions", "round"), ("completions", "text")]
    assert project.lineage("m") == {
        "completion_id": [("completions", "completion_id")],
        "p": both,
        "q": both,
    }


def test_lineage_of_the_sft_messages_is_the_prompt_and_the_answer() -> None:
    lineage = dbt_like_sql().lineage("sft_set", VARIABLES)
    assert lineage["messages"] == [
        ("scored_completions", "messages"),
        ("scored_completions", "text"),
    ]
    assert lineage["mean_rating"] == [("scored_completions", "mean_rating")]


def test_every_output_column_of_every_mart_is_in_its_lineage() -> None:
    project = dbt_like_sql()
    for name in project.marts:
        lineage = project.lineage(name, VARIABLES)
        assert list(lineage) == project.schema(name, VARIABLES).names()
        assert lineage[str(project.models[name].key)], name
