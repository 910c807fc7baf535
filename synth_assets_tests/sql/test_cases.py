"""The unit cases of the SQL models, each in plain DuckDB, and the runner that compares them."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import SqlModelError
from synth_assets.sql.cases import Case, load_cases, run_case
from synth_assets.sql.project import SqlProject
from synth_assets.sql.unit_tests import unit_cases
from synth_assets_tests.sql.projects import PROJECT, dbt_like_sql, make_project

CASES = unit_cases(dbt_like_sql())
SHOP = SqlProject.load(Path(__file__).parent / "shop")


@pytest.mark.parametrize("case", unit_cases(SHOP), ids=lambda case: case.name)
def test_case_as_dbt_writes_it(case: Case) -> None:
    assert run_case(SHOP, case) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path.stem}: {case.name}")
def test_case(case: Case) -> None:
    assert run_case(dbt_like_sql(), case) == []


def test_every_mart_has_cases_and_each_has_one_on_nothing() -> None:
    for name in SqlProject.load(PROJECT).marts:
        cases = [case for case in CASES if case.model == name]
        assert any(not case.given and not case.expect for case in cases), name
        assert len(cases) > 2, name


def make_case(**changes: object) -> Case:
    fields: dict[str, object] = {
        "path": Path("some.yaml"), "model": "kept_prompt_words", "name": "n", "variables": {},
        "given": {"mutated_prompts": [{"prompt_id": "p1", "round": 1, "text": "a b"}]},
        "expect": [{"prompt_id": "p1", "words": ["a", "b"]}],
    }  # fmt: skip
    return Case(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_case_that_holds_has_no_differences() -> None:
    assert run_case(dbt_like_sql(), make_case()) == []


def test_a_missing_row_and_a_surplus_row_are_both_told() -> None:
    found = run_case(dbt_like_sql(), make_case(expect=[{"prompt_id": "p2"}]))
    assert found == ['missing: {"prompt_id":"p2"}', 'surplus: {"prompt_id":"p1"}']


def test_the_number_of_equal_rows_counts() -> None:
    expect = [{"round": 1}, {"round": 1}]
    assert run_case(dbt_like_sql(), make_case(expect=expect)) == ['missing: {"round":1.0}']


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expect": [{"promt_id": "p1"}]}, "no column 'promt_id'; did you mean 'prompt_id'?"),
        ({"given": {"mutated_promts": []}}, "did you mean 'mutated_prompts'?"),
        ({"given": {"mutated_prompts": [{"txt": "a"}]}}, "did you mean 'text'?"),
        ({"given": {"mutated_prompts": [{"round": "one"}]}}, "of the wrong type"),
        ({"model": "kept_prompt_word"}, "did you mean 'kept_prompt_words'?"),
    ],
)
def test_a_case_that_is_wrong_itself_says_where(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SqlModelError) as raised:
        run_case(dbt_like_sql(), make_case(**changes))
    assert message in str(raised.value)


def test_an_unknown_key_of_a_case_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("model: sft_set\ncases:\n  - {name: n, expects: []}\n")
    with pytest.raises(SqlModelError, match=r"x.yaml: cases.0.expects"):
        load_cases(path)


UNIT_TEST = """
models:
  - {name: m, description: d}
unit_tests:
  - name: u
    model: m
    given:
      - input: ref('completions')
        rows: [{completion_id: c1, is_self_training: false, sample_index: 1}]
    expect:
      rows: [{completion_id: c1, half: 0.5}]
"""
HALF = (
    "select completion_id, cast(sample_index / 2 as decimal(9, 1)) as half "
    "from {{ ref('completions') }}"
)


@pytest.mark.parametrize(
    ("old", "new", "differences"),
    [
        ("half: 0.5", "half: '0.50'", []),
        ("half: 0.5", "half: 0.6", ["missing", "surplus"]),
        ("half: 0.5", "half: null", ["missing", "surplus"]),
        ("[{completion_id: c1, half: 0.5}]", "[]", ["surplus"]),
        ("rows: [{completion_id: c1, half: 0.5}]", 'format: csv\n      rows: "half\\n0.5"', []),
    ],
)
def test_a_unit_test_of_dbts_casts_what_it_compares(
    tmp_path: Path, old: str, new: str, differences: list[str]
) -> None:
    files = {"marts/m.sql": HALF, "marts/schema.yml": UNIT_TEST.replace(old, new)}
    project = make_project(tmp_path, files)
    found = run_case(project, unit_cases(project)[0])
    assert [line.partition(":")[0] for line in found] == differences


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("model: m", "model: n", r"schema\.yml: u: no model is named 'n'"),
        ("ref('completions')", "ref('completion')", "does not read .*mean 'completions'"),
        ("ref('completions')", "this", "rows of this are read where is_incremental"),
        ("sample_index: 1", "sample_index: one", "of the wrong type"),
        ("sample_index: 1", "sample_idx: 1", "no column 'sample_idx'; did you mean 'sample_index'"),
        ("half: 0.5", "haf: 0.5", "no column 'haf'; did you mean 'half'"),
        ("rows: [{completion_id: c1, h", "format: csv\n      rows: [{h", "are written otherwise"),
        ("rows: [{completion_id: c1, h", "fixture: f\n      rows: [{h", "not supported .fixtures"),
        ("rows: [{completion_id: c1, h", "format: sql\n      rows: [{h", "Input should be 'dict'"),
        ("model: m", "overrides: {macros: {now: 1}}\n    model: m", "is_incremental"),
    ],
)
def test_a_unit_test_that_is_wrong_itself_says_where(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in UNIT_TEST
    files = {"marts/m.sql": HALF, "marts/schema.yml": UNIT_TEST.replace(old, new, 1)}
    with pytest.raises(SqlModelError, match=message):
        project = make_project(tmp_path, files)
        run_case(project, unit_cases(project)[0])
