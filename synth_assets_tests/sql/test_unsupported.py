"""What of dbt is not supported: using it is an error that says so, and the manual lists it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synth_assets.errors import SqlModelError
from synth_assets.sql.cases import run_case
from synth_assets.sql.project import SqlProject
from synth_assets.sql.unit_tests import unit_cases
from synth_assets.sql.unsupported import BY_WORD, UNSUPPORTED
from synth_assets_tests.sql.test_layout import load

MANUAL = Path(__file__).parents[2] / "docs" / "dbt_like_sql.md"


def in_model(sql: str) -> dict[str, str]:
    return {"transform/m.sql": sql + " select 1 as a"}


def configured(config: str) -> dict[str, str]:
    return in_model(f"{{{{ config({config}) }}}}")


def declared(part: str) -> dict[str, str]:
    return {"transform/s.yml": part}


USED: dict[str, list[dict[str, str]]] = {
    "packages": [
        {"packages.yml": "packages: []"},
        in_model("{{ dbt_utils.star('x') }}"),
        in_model("{{ dbt.type_string() }}"),
        {"dbt_project.yml": "name: m\ndispatch: [{macro_namespace: x}]"},
        declared("models: [{name: m, columns: [{name: a, tests: [dbt_utils.not_empty_string]}]}]"),
    ],
    "models of packages and other projects": [in_model("{{ ref('shop', 'orders') }}")],
    "names that a template computes": [
        in_model("{% set n = 'm' %}{{ ref(n) }}"),
        in_model("{% for n in ['a', 'b'] %}{{ source('raw', n) }}{% endfor %}"),
        in_model("{% set n = 'm' %}{{ var(n, 1) }}"),
        in_model("{{ ref('raw_' ~ 'orders') }}"),
    ],
    "snapshots": [
        {"snapshots/s.sql": "select 1"},
        in_model("{% snapshot s %}{% endsnapshot %}"),
        declared("snapshots: [{name: s}]"),
    ],
    "Python models": [{"transform/p.py": "def model(dbt, session): ..."}],
    "hooks and operations": [
        configured("pre_hook='select 1'"),
        {"dbt_project.yml": "name: m\non-run-start: ['grant x']"},
        {"dbt_project.yml": "name: m\nmodels: {+post-hook: x}", "models/m.sql": "select 1 as a"},
    ],
    "queries while compiling": [
        in_model("{% set x = run_query('select 1') %}"),
        in_model("{% if execute %}{% endif %}"),
        in_model("{{ adapter.get_relation('a', 'b', 'c') }}"),
        in_model("{% for node in graph.nodes %}{% endfor %}"),
    ],
    "targets, profiles and the environment": [
        in_model("{% if target.name == 'dev' %}{% endif %}"),
        in_model("{{ env_var('HOME') }}"),
    ],
    "values returned by macros": [
        {"macros/m.sql": "{% macro x() %}{{ return(1) }}{% endmacro %}"},
        in_model("{{ modules.datetime }}"),
    ],
    "other tags of Jinja": [
        in_model("{% call x() %}{% endcall %}"),
        in_model("{% do x.append(1) %}"),
        in_model("{% import 'x' as y %}"),
        in_model("{% from 'x' import y %}"),
        in_model("{% include 'x' %}"),
        in_model("{% block x %}{% endblock %}"),
        in_model("{% filter upper %}{% endfilter %}"),
    ],
    "logging from a model": [
        in_model("{{ log('x', info=true) }}"),
        in_model("{{ exceptions.raise_compiler_error('x') }}"),
    ],
    "custom materializations": [
        configured("materialized='materialized_view'"),
        configured("materialized='incremental', incremental_strategy='microbatch'"),
        {"macros/m.sql": "{% materialization x, default %}{% endmaterialization %}"},
    ],
    "schema changes of an incremental model": [
        configured("materialized='incremental', on_schema_change='sync_all_columns'")
    ],
    "names other than the file's": [
        configured("alias='x'"),
        configured("schema='x'"),
        declared("models: [{name: m, versions: [{v: 1}]}]"),
        in_model("{{ ref('m', v=2) }}"),
    ],
    "contracts, constraints and grants": [
        configured("contract={'enforced': true}"),
        declared("models: [{name: m, columns: [{name: a, constraints: [{type: not_null}]}]}]"),
    ],
    "stored failures": [
        declared("models: [{name: m, columns: [{name: a, tests: [{unique: {fail_calc: x}}]}]}]")
    ],
    "source freshness": [
        declared("sources: [{name: raw, freshness: {warn_after: {count: 1, period: day}}}]")
    ],
    "the semantic layer, exposures and analyses": [
        declared("exposures: [{name: x}]"),
        declared("metrics: [{name: x}]"),
    ],
    "documentation blocks": [
        declared("models: [{name: m, description: \"{{ doc('m') }}\"}]"),
        in_model("{% docs x %}{% enddocs %}"),
    ],
    "fixtures in files of their own": [
        declared("unit_tests: [{name: u, model: m, given: [], expect: {fixture: x, rows: []}}]")
    ],
}
EXAMPLES = [(name, files) for name, uses in USED.items() for files in uses]


@pytest.mark.parametrize(("name", "files"), EXAMPLES)
def test_using_it_is_an_error_that_says_so(
    tmp_path: Path, name: str, files: dict[str, str]
) -> None:
    with pytest.raises(SqlModelError) as raised:
        load(tmp_path, {**in_model(""), **files})
    (feature,) = (feature for feature in UNSUPPORTED if feature.name == name)
    said = str(raised.value)
    assert f"of dbt's is not supported ({name}): {feature.instead}" in said
    assert said.startswith(str(tmp_path))


def test_each_unsupported_feature_has_an_example() -> None:
    assert list(USED) == [feature.name for feature in UNSUPPORTED]


def test_no_word_belongs_to_two_features() -> None:
    assert len(BY_WORD) == sum(len(feature.words) for feature in UNSUPPORTED)


def test_the_manual_lists_what_is_not_supported() -> None:
    _, _, part = MANUAL.read_text().partition("## What of dbt is not supported")
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|$", part, re.MULTILINE)
    listed = [(name, words, instead) for name, words, instead in rows if not name.startswith("-")]
    assert listed[1:] == [
        (feature.name, ", ".join(f"`{word}`" for word in feature.words), feature.instead)
        for feature in UNSUPPORTED
    ]


def test_the_example_of_the_manual_is_a_project(tmp_path: Path) -> None:
    parts = re.findall(
        r"^```(?:yaml|sql)\n(?:#|--) (\S+)\n(.*?)^```", MANUAL.read_text(), re.M | re.S
    )
    files = {name: text for name, text in parts if "/" in name}
    assert len(files) > 3
    for name, text in files.items():
        path = tmp_path / name.removeprefix("dbt_like_sql/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = SqlProject.load(tmp_path)
    project.validate({})
    (case,) = unit_cases(project)
    assert run_case(project, case) == []
    (test,) = (test for test in project.tests() if test.kind == "generic")
    assert test.name == "at_least_words"
