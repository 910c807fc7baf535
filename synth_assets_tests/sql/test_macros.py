"""Macros: what they give, where their errors point, and that none runs for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import SqlModelError
from synth_assets.sql.macros import read_macros
from synth_assets.sql.render import Rendered, read_source, render

CENTS = "{% macro dollars(column, places=2) %}round({{ column }} / 100, {{ places }}){% endmacro %}"


def rendered(folder: Path, macros: str, sql: str, **variables: object) -> Rendered:
    path = folder / "macros.sql"
    path.write_text(macros)
    return render("m.sql", read_source("m.sql", sql, read_macros([path])), variables)


def test_a_macro_writes_sql_of_its_arguments(tmp_path: Path) -> None:
    sql = "select {{ dollars('amount') }} as a, {{ dollars('x', places=0) }} as b"
    assert rendered(tmp_path, CENTS, sql).sql == (
        "select round(amount / 100, 2) as a, round(x / 100, 0) as b"
    )


def test_macros_call_each_other_whatever_their_order(tmp_path: Path) -> None:
    macros = (
        "{% macro a(x) %}{{ b(x) }} + {{ b(x) }}{% endmacro %}\n"
        "{# a comment #}\n{% macro b(x) %}f({{ x }}){% endmacro %}"
    )
    assert rendered(tmp_path, macros, "select {{ a('y') }}").sql == "select f(y) + f(y)"


def test_a_variable_in_a_macro_is_still_a_value(tmp_path: Path) -> None:
    macros = "{% macro least(c) %}{{ c }} > {{ var('n') }} and c <> {{ c }}{% endmacro %}"
    found = rendered(tmp_path, macros, "select {{ least(var('t')) }}", n=3, t="'; drop")
    assert found.sql == "select $value_0_ > $value_1_ and c <> $value_2_"
    assert found.values == ("'; drop", 3, "'; drop")


def test_what_a_macro_uses_its_model_uses(tmp_path: Path) -> None:
    path = tmp_path / "m.sql"
    path.write_text(
        "{% macro outer_one() %}{{ inner_one() }}{% endmacro %}"
        "{% macro inner_one() %}{{ ref('deep') }} {{ var('v', 1) }}{% endmacro %}"
        "{% macro unused() %}{{ ref('other') }}{% endmacro %}"
    )
    source = read_source("x.sql", "{{ ref('own') }} {{ outer_one() }}", read_macros([path]))
    assert [use.name for use in source.refs] == ["own", "deep"]
    assert [(use.name, use.has_default) for use in source.variables] == [("v", True)]


def test_the_line_of_a_place_is_that_of_the_source_or_of_the_call(tmp_path: Path) -> None:
    macros = "{% macro three() %}\n1,\n2,\n{% endmacro %}"
    sql = "-- {{ var('n') }}\n{%- if true %}\nselect\n{{ three() }}\n  last\n{% endif -%}\n\nfrom t"
    found = rendered(tmp_path, macros, sql, n=1)
    lines = {word: found.source_line(found.sql.index(word)) for word in ("select", "1,", "2,")}
    assert lines == {"select": 3, "1,": 4, "2,": 4}
    assert found.source_line(found.sql.index("last")) == 5
    assert found.source_line(found.sql.index("from t")) == 8


@pytest.mark.parametrize(
    ("macros", "message"),
    [
        ("{% macro m() %}{{ m() }}{% endmacro %}", "without end"),
        ("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}", "without end|loops and calls"),
        (
            "{% macro m() %}{% for a in range(900) %}{% for b in range(900) %}"
            "{% for c in range(900) %}{% endfor %}{% endfor %}{% endfor %}{% endmacro %}",
            "more than 100000 loops and calls",
        ),
        (
            "{% macro m() %}{% for a in range(1000) %}" + "x" * 5000 + "{% endfor %}{% endmacro %}",
            "more than 1000000 characters",
        ),
        (
            "{% macro m() %}{% for a in range(900) %}{{ n() }}{% endfor %}{% endmacro %}"
            "{% macro n() %}" + "x" * 5000 + "{% endmacro %}",
            "more than 1000000 characters",
        ),
        (
            "{% macro m() %}{{ n() ~ n() }}{% endmacro %}"
            + "".join(
                f"{{% macro n{'n' * i}() %}}{{{{ n{'n' * (i + 1)}() ~ n{'n' * (i + 1)}() }}}}"
                "{% endmacro %}"
                for i in range(40)
            )
            + f"{{% macro n{'n' * 40}() %}}xxxxxxxx{{% endmacro %}}",
            "more than 1000",
        ),
    ],
    ids=["itself", "itself twice", "loops", "text in a loop", "calls in a loop", "doubling"],
)
def test_a_macro_that_goes_too_far_is_stopped(tmp_path: Path, macros: str, message: str) -> None:
    with pytest.raises(SqlModelError, match=rf"m\.sql: .*({message})"):
        rendered(tmp_path, macros, "select {{ m() }}")


@pytest.mark.parametrize(
    ("macros", "sql", "message"),
    [
        (CENTS, "\n{{ dolars('a') }}", r"m\.sql, line 2: no macro is named 'dolars'.*'dollars'\?"),
        (CENTS, "{{ dollars() }}", "'column' was not provided|undefined"),
        (CENTS, "{{ dollars('a', plces=1) }}", "unexpected keyword|takes no keyword"),
        (CENTS * 2, "", r"macros\.sql, line 1: .*has a macro 'dollars' already"),
        ("select 1", "", r"macros\.sql, line 1: a file of macros holds only macros"),
        ("\n{% macro ref() %}{% endmacro %}", "", "line 2: ref is a function"),
        ("{% macro m() %}\n{{ n() }}{% endmacro %}", "", r"macros\.sql, line 2: no macro .* 'n'"),
        ("{% macro m() %}{{ config(a=1) }}{% endmacro %}", "", "config.. stands in the model"),
        ("{% macro m() %}{{ colum }}{% endmacro %}", "", "line 1: 'colum' is undefined"),
        ("{% macro m(a) %}{{ ref(a) }}{% endmacro %}", "", "write the name in quotes"),
        (CENTS, "{% macro own() %}{% endmacro %}", "macros stand in files of macros/"),
        (CENTS, "{{ dollars }}", "'dollars' is undefined|no value of SQL"),
    ],
)
def test_a_wrong_macro_or_call_says_where(
    tmp_path: Path, macros: str, sql: str, message: str
) -> None:
    with pytest.raises(SqlModelError, match=message):
        rendered(tmp_path, macros, sql)
