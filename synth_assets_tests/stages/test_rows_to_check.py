"""Of a check that names rows of another table: which rows it has to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import polars as pl
import pytest

from synth_assets.errors import CheckFailed
from synth_assets.stages import rows_to_check
from synth_assets.stages.datasets import SqlStage
from synth_assets.stages.workshop import Workshop
from synth_assets.store.staging import near_rows_sql
from synth_assets_tests.stages.bench import Bench
from synth_assets_tests.stages.test_recall import SQL, at_work_in, checks, seed, write

FAMILY = {
    "models/parents.sql": """
select prompt_id from {{ source('lake', 'mutated_prompts') }}
where
    method = 'seed'
    and (
        reference = '99'
        or not exists (select 1 from {{ source('lake', 'mutated_prompts') }} where reference = '99')
    )
""",
    "models/children.sql": (
        "{{ config(unit='prompt_id') }}\n"
        "select prompt_id, reference from {{ source('lake', 'mutated_prompts') }}\n"
        "where method = 'seed'"
    ),
    "models/schema.yml": """
sources: [{name: lake, tables: [{name: mutated_prompts}]}]
models:
  - {name: parents, columns: [{name: prompt_id, data_tests: [unique, not_null]}]}
  - name: children
    columns:
      - name: prompt_id
        data_tests: [unique, not_null, relationships: {to: ref('parents'), field: prompt_id}]
""",
}


@pytest.fixture(scope="module")
def family_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three seeds, each a parent and a child."""
    folder = tmp_path_factory.mktemp("family_run")
    write(folder, "dbt_project.yml", SQL["dbt_project.yml"])
    for name, text in FAMILY.items():
        write(folder, name, text)
    with at_work_in(folder) as one:
        one.seeds(*(seed(n, 40 + n) for n in range(3)))
        checks(one)
    return folder


@pytest.fixture(autouse=True)
def no_table_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_to_check, "SMALL", 0)


@pytest.fixture
def family(tmp_path: Path, family_run: Path) -> Iterator[Bench]:
    """A copy of it, to change."""
    copytree(family_run, tmp_path, dirs_exist_ok=True)
    with at_work_in(tmp_path) as one:
        yield one


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], int]:
    """(table, check) → rows that it was last run on."""
    seen: dict[tuple[str, str], int] = {}
    check = SqlStage.check

    def counted(stage: SqlStage, workshop: Workshop, relation: str, *rest: Any) -> Any:
        rows = workshop.lake.execute(f"SELECT count(*) FROM {relation}")[0][0]
        seen.update({(stage.name, str(name)): int(rows) for name in rest[1]})
        return check(stage, workshop, relation, *rest)

    monkeypatch.setattr(SqlStage, "check", counted)
    return seen


def test_rows_that_stand_are_not_looked_at_while_all_that_they_name_is_there(
    family: Bench, looked_at: dict[tuple[str, str], int]
):
    family.seeds(seed(0, 40), seed(1, 50), seed(2, 42))
    checks(family)
    assert looked_at["children", "relationships"] == 1


def test_of_a_small_table_all_rows_are_looked_at(
    family: Bench, looked_at: dict[tuple[str, str], int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rows_to_check, "SMALL", 3)
    family.seeds(seed(0, 40), seed(1, 50), seed(2, 42))
    checks(family)
    assert looked_at["children", "relationships"] == 3


def test_a_row_that_stands_is_found_where_what_it_names_is_gone(family: Bench):
    family.seeds(seed(0, 40), seed(1, 99), seed(2, 42))
    with pytest.raises(CheckFailed, match=r"relationships \(2 rows"):
        checks(family)


def test_where_too_many_are_gone_to_look_for_each_all_rows_are_looked_at(
    family: Bench, looked_at: dict[tuple[str, str], int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rows_to_check, "MANY", 1)
    family.seeds(seed(0, 40), seed(1, 99), seed(2, 42))
    with pytest.raises(CheckFailed, match=r"relationships \(2 rows"):
        checks(family)
    assert looked_at["children", "relationships"] == 3


def test_a_pass_that_rests_on_what_nobody_can_tell_any_more_is_found_anew(
    family: Bench, looked_at: dict[tuple[str, str], int]
):
    read_at = family.lake.execute(
        "SELECT max(read_version) FROM lake.tiny.check_outcomes WHERE check_name = 'relationships'"
    )[0][0]
    family.write(f"CALL ducklake_expire_snapshots('lake', versions => [{read_at}])")
    family.lake.close()
    family.seeds(seed(0, 40), seed(1, 50), seed(2, 42))
    checks(family)
    assert looked_at["children", "relationships"] == 3


def test_after_a_new_round_the_whole_is_checked_by_what_came(
    family: Bench, looked_at: dict[tuple[str, str], int]
):
    family.seeds(*(seed(n, 40 + n) for n in range(5)))
    family.run(open_round="seeds")
    checks(family)
    assert looked_at["children", "relationships"] == 2
    assert looked_at["children", "unique"] == 2
    checks(family, full_refresh=True)
    assert looked_at["children", "relationships"] == 5


@pytest.mark.full
def test_a_change_of_one_round_among_several_is_checked_alone(
    family: Bench, looked_at: dict[tuple[str, str], int], monkeypatch: pytest.MonkeyPatch
):
    family.seeds(*(seed(n, 40 + n) for n in range(5)))
    family.run(open_round="seeds")
    checks(family)
    rows: list[int] = []
    run = rows_to_check.RowsToCheck.of

    def counted(*arguments: Any) -> str | None:
        relation = run(*arguments)
        known = getattr(arguments[0].change, "known", None)
        if known is not None and known.table_name == "completions" and relation is not None:
            rows.append(family.lake.execute(f"SELECT count(*) FROM {relation}")[0][0])
        return relation

    monkeypatch.setattr(rows_to_check.RowsToCheck, "of", counted)
    family.seeds(seed(0, 50), *(seed(n, 40 + n) for n in range(1, 5)))
    assert all(result.passed for result in checks(family).values())
    assert 0 < max(rows) < family.read("completions", "round = 1").height


def test_a_value_that_is_gone_is_looked_for_in_lists_too(family: Bench):
    rows = pl.DataFrame({"id": [1, 2, 3], "parents": [["a", "b"], ["b"], []]})
    gone = pl.DataFrame({"value": ["a"]})
    with family.lake.temporary("rows", rows) as there, family.lake.temporary("gone", gone) as lost:
        where = near_rows_sql({"parents": "VARCHAR[]"}, [], there, [("parents", lost)])
        found = family.lake.execute(f"SELECT id FROM {there} WHERE {where}")
    assert found == [(1,)]
