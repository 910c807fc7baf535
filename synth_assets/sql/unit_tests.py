"""A SQL project in, the unit tests of its models out: its own case files, and dbt's ``unit_tests``.

Both give rows to a model and expect rows of it. With pytest::

    PROJECT = SqlProject.load(Path("dbt_like_sql"))

    @pytest.mark.parametrize("case", unit_cases(PROJECT), ids=lambda case: case.name)
    def test_case(case):
        assert run_case(PROJECT, case) == []

and without it ``synth-assets sql test``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth_assets.errors import SqlModelError
from synth_assets.sql.cases import Case, Row, load_cases, run_case
from synth_assets.sql.nearest import nearest
from synth_assets.sql.project import SqlProject
from synth_assets.sql.schema_file import ExpectEntry, GivenEntry, UnitTestEntry
from synth_assets.sql.template_uses import THIS


@dataclass(frozen=True)
class UnitResult:
    """A unit test and how the rows made differ from those expected; no line where it holds."""

    case: Case
    differences: list[str]

    def as_json(self) -> dict[str, Any]:
        case = self.case
        named = {"file": str(case.path), "model": case.model, "name": case.name}
        return {**named, "differences": self.differences}


def run_unit_tests(project: SqlProject) -> Iterator[UnitResult]:
    """Runs every unit test of a project. One that does not compile is told as a difference."""
    for case in unit_cases(project):
        try:
            yield UnitResult(case, run_case(project, case))
        except SqlModelError as error:
            yield UnitResult(case, [str(error)])


def unit_cases(project: SqlProject) -> list[Case]:
    """Every unit test, those in YAML beside the models last.

    Errors: `SqlModelError` for one that is wrong itself.
    """
    layout = project.files.layout
    cases = [
        case
        for end in (".yaml", ".yml")
        for _, path in layout.files(layout.unit_tests, end)
        for case in load_cases(path)
    ]
    cases += [_case(project, path, entry) for path, entry in project.files.unit_tests]
    for case in cases:
        if case.model not in project.models:
            raise SqlModelError(
                f"{case.path}: {case.name}: no model is named {case.model!r}"
                f"{nearest(case.model, project.models)}"
            )
    return cases


def _case(project: SqlProject, path: Path, entry: UnitTestEntry) -> Case:
    is_incremental = entry.overrides.macros.get("is_incremental", False)
    given: dict[str, list[Row]] = {}
    for of in entry.given:
        if of.input == THIS and not is_incremental:
            raise SqlModelError(
                f"{path}: {entry.name}: rows of this are read where is_incremental() is true; add "
                "overrides: {macros: {is_incremental: true}}"
            )
        given[entry.model if of.input == THIS else of.input] = _rows(path, entry.name, of)
    return Case(
        path, entry.model, entry.name, entry.overrides.vars, given,
        _rows(path, entry.name, entry.expect), is_incremental, is_cast=True,
    )  # fmt: skip


def _rows(path: Path, name: str, entry: GivenEntry | ExpectEntry) -> list[Row]:
    """Rows as mappings; an empty cell of a CSV is null."""
    if (entry.format == "csv") != isinstance(entry.rows, str):
        raise SqlModelError(f"{path}: {name}: rows of format {entry.format} are written otherwise")
    if not isinstance(entry.rows, str):
        return entry.rows
    reader = csv.DictReader(io.StringIO(entry.rows.strip(), newline=""), skipinitialspace=True)
    rows = list(reader)
    for row in rows:
        if None in row or None in row.values():
            raise SqlModelError(f"{path}: {name}: a row has not as many cells as the header")
    return [{column.strip(): value or None for column, value in row.items()} for row in rows]
