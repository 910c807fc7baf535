"""Rendering: what Jinja may do, its caps, and that a value never becomes SQL."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from synth_assets.errors import SqlModelError
from synth_assets.sql.render import read_source, render
from synth_assets_tests.sql.projects import make_project

HOSTILE = [
    "it's",
    "'; DROP TABLE t; --",
    "' OR 1=1 --",
    "'' UNION SELECT 1",
    "\\'; SELECT 1",
    "$value_0",
    "{{ var('a') }}",
    "{% raw %}",
    "\"; COPY t TO 'x'",
    "/* */ -- \n;",
    "E'\\x27'",
    "$$; DROP TABLE t; $$",
    "tab\tnew\r\nline",
    "naïve 😀 ʼ ＇ ‘",
    "",
]


def evaluate(folder: Path, sql: str, variables: dict[str, Any]) -> Any:
    """The one value that a model of this text gives."""
    project = make_project(folder, {"marts/m.sql": sql})
    with duckdb.connect() as connection:
        row = connection.execute(project.compile("m", {}, variables).sql).fetchone()
    assert row is not None and len(row) == 1
    return row[0]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_text_comes_back_as_the_same_text(tmp_path: Path, value: str) -> None:
    assert evaluate(tmp_path, "select {{ var('a') }} as a", {"a": value}) == value


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_text_stays_one_value_wherever_it_stands(tmp_path: Path, value: str) -> None:
    sql = "select count(*) as n from range(3) as r(i) where {{ var('a') }} = '' or i < 1"
    assert evaluate(tmp_path, sql, {"a": value}) == (3 if value == "" else 1)


@pytest.mark.parametrize(
    "value", [0, 7, -7, 10**15, 0.5, -0.25, 1e-9, 1e300, True, False, None, [1, -2], ["a", "b'"]]
)
def test_a_value_keeps_its_type(tmp_path: Path, value: object) -> None:
    found = evaluate(tmp_path, "select {{ var('a') }} as a", {"a": value})
    assert found == value and type(found) is type(value)


def test_a_negative_number_after_a_minus_is_no_comment(tmp_path: Path) -> None:
    assert evaluate(tmp_path, "select 2 -{{ var('a') }} as a", {"a": -1}) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "a\0b", {"a": 1}, object()])
def test_a_value_without_a_literal_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(SqlModelError, match=r"m\.sql: a variable is"):
        evaluate(tmp_path, "select {{ var('a') }} as a", {"a": value})


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as \"{{ var('a') }}\"",
        "select x{{ var('a') }} as a",
        "select abc_{{ var('a') }} from {{ ref('completions') }}",
        "select $$ {{ var('a') }} $$ as a",
    ],
)
def test_a_value_inside_a_name_or_a_dollar_quote_is_refused(tmp_path: Path, sql: str) -> None:
    with pytest.raises(SqlModelError, match=r"m\.sql"):
        evaluate(tmp_path, sql, {"a": "x"})


@pytest.mark.parametrize("value", HOSTILE)
def test_a_text_inside_single_quotes_stays_inside_them(tmp_path: Path, value: str) -> None:
    sql = "select 'a{{ var('a') }}1{{ var('a') ~ 'b' }}' as a"
    assert evaluate(tmp_path, sql, {"a": value}) == f"a{value}1{value}b"


@pytest.mark.parametrize("value", [True, None, [1]])
def test_what_is_no_text_is_refused_inside_quotes(tmp_path: Path, value: object) -> None:
    with pytest.raises(SqlModelError, match="take the quotes away"):
        evaluate(tmp_path, "select '{{ var('a') }}' as a", {"a": value})


def test_a_value_of_dbts_day_is_a_date_in_quotes_or_bare(tmp_path: Path) -> None:
    sql = "select cast('{{ var('day') }}' as date) - {{ var('day') }} as a"
    assert evaluate(tmp_path, sql, {"day": datetime.date(2024, 5, 1)}) == 0


@pytest.mark.parametrize("value", HOSTILE)
def test_filters_and_joins_keep_a_value_a_value(tmp_path: Path, value: str) -> None:
    sql = (
        "{% set b = var('a') | upper | string %}"
        "select ['{{ [var('a'), 'x'] | join('+') }}', '{{ b }}', {{ b | replace('X', 'y') }}] as a"
    )
    expected = [f"{value}+x", value.upper(), value.upper().replace("X", "y")]
    assert evaluate(tmp_path, sql, {"a": value}) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "select {{ var('a')['raw'] }}",
        "{% set loop = var('a') %}select {{ loop.raw }}",
        "{% for loop in [var('a')] %}select {{ loop.raw }}{% endfor %}",
        "select {{ var('a').raw }}",
        "select {{ var('a').items() }}",
        "select {{ var('a')[0] }}{{ var('a') | first }}",
    ],
)
def test_there_is_no_way_to_the_text_of_a_value(tmp_path: Path, sql: str) -> None:
    with pytest.raises(SqlModelError, match=r"m\.sql"):
        evaluate(tmp_path, sql, {"a": "1 as a"})


def test_numbers_are_counted_with_and_stay_typed(tmp_path: Path) -> None:
    sql = (
        "select [{% for i in range(var('n')) %}{{ var('n') - i * 2 }}"
        "{{ ', ' if not loop.last }}{% endfor %}] as a"
    )
    assert evaluate(tmp_path, sql, {"n": 4}) == [4, 2, 0, -2]
    assert evaluate(tmp_path, "select 2 -{{ 1 - var('n') }} as a", {"n": 4}) == 5


def test_the_authors_own_constants_are_sql_text(tmp_path: Path) -> None:
    sql = (
        "{% set kinds = ['x', 'y'] %}{% set of = {'x': 1, 'y': -2} %}select "
        "{% for kind in kinds %}{{ of[kind] }} as {{ kind }}_{{ loop.index }}, {% endfor %}3 as z"
    )
    project = make_project(tmp_path, {"marts/m.sql": sql})
    assert project.schema("m").names() == ["x_1", "y_2", "z"]


def test_a_value_in_a_comment_does_nothing(tmp_path: Path) -> None:
    assert evaluate(tmp_path, "select 1 as a -- {{ var('a') }}", {"a": "\n, 2"}) == 1


@pytest.mark.parametrize("sql", ["select $1 as a", "select ? as a", "select $value_0 as a"])
def test_a_parameter_of_the_authors_own_is_refused(tmp_path: Path, sql: str) -> None:
    with pytest.raises(SqlModelError, match="use var"):
        evaluate(tmp_path, sql, {})


def test_a_default_is_used_where_there_is_no_value(tmp_path: Path) -> None:
    sql = "select {{ var('a', 'none') }} as a"
    assert evaluate(tmp_path, sql, {}) == "none"
    assert evaluate(tmp_path, sql, {"a": "some"}) == "some"


def test_if_and_for_see_the_values_themselves(tmp_path: Path) -> None:
    sql = (
        "select {% if var('a') == 'x' %}[{% for i in var('l') %}{{ i }}"
        "{% if not loop.last %}, {% endif %}{% endfor %}]{% else %}null{% endif %} as a"
    )
    assert evaluate(tmp_path, sql, {"a": "x", "l": ["p", "q'"]}) == ["p", "q'"]


@pytest.mark.parametrize(
    "text",
    [
        "{% macro m() %}{% endmacro %}",
        "{% import 'x' as y %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ ''.__class__ }}",
        "{{ var.__globals__ }}",
        "{{ ref('completions').name }}",
        "{{ cycler('a') }}",
        "{{ lipsum() }}",
        "{{ ref('completions')() }}",
        "{{ ref(var('a')) }}",
        "{{ ref('completions', 'x') }}",
        "{{ ref(name='completions') }}",
        "{{ var(*['a']) }}",
        "{% set ref = 1 %}",
        "{% for a in [1] %}" * 4 + "{% endfor %}" * 4,
        "{% for a in [1] recursive %}{% endfor %}",
        "{% if %}",
        "{{ 'a' ",
    ],
)
def test_jinja_beyond_ref_var_if_and_for_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(SqlModelError, match=r"m\.sql, line 2: "):
        read_source("m.sql", f"select 1\n{text}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% for i in range(1001) %}{{ i }}{% endfor %}", "range of 1001 numbers"),
        (
            "{% for i in range(1000) %}{% for j in range(1000) %}xx{% endfor %}{% endfor %}",
            "more than 100000 loops and calls",
        ),
        ("{% for i in range(1000) %}" + "x" * 2000 + "{% endfor %}", "more than 1000000 char"),
        ("{{ 'a' * 1000000000 }}", "cannot be rendered .* is for numbers"),
        ("{{ [1] * 1000000000 }}", "is for numbers"),
        ("{{ 'a' % 1 }}", "is for numbers"),
        ("{{ range(100000000000000000000) }}", "cannot be rendered"),
        (
            "{% set a = 'x' * 1 %}",
            "is for numbers",
        ),
        (
            "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a ~ a ~ a ~ a ~ a ~ a %}" * 30,
            "more than 1000000 characters",
        ),
        ("{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}", "more than 10000 parts"),
        ("{% set a %}" + "x" * 600 + "{% endset %}" + "{{ a | replace('x', a) }}" * 9, "more than"),
        ("{{ {'a': 1} }}", "dict is no value of SQL"),
        (
            "".join(f"{{% set {n} = [1] %}}" + f"{{% set {n} = [{n}, {n}] %}}" * 60 for n in "ab")
            + "{% if a == b %}{% endif %}",
            "list of more than 10000 parts",
        ),
        ("{% set a = 9 %}" + "{% set a = a * a %}" * 60, "larger than any of SQL's"),
        ("{{ [1]['append'] }}", "cannot be rendered"),
        ("{{ 5['real'] }}", "cannot be rendered"),
        ("{{ 'a'['upper'] }}", "cannot be rendered"),
        ("{{ 1e300 * 1e300 }}", "cannot be rendered"),
        ("{{ 1 // 0 }}", "cannot be rendered"),
        ("{{ '\\0' }}", "NUL"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{% for i in 5 %}{% endfor %}", "cannot be rendered"),
    ],
)
def test_a_render_that_goes_too_far_is_stopped(text: str, message: str) -> None:
    with pytest.raises(SqlModelError, match=message):
        render("m.sql", read_source("m.sql", text), {})


def test_a_slow_render_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synth_assets.sql.sandbox.MAX_SECONDS", -1.0)
    with pytest.raises(SqlModelError, match="took more than"):
        render("m.sql", read_source("m.sql", "select 1"), {})
