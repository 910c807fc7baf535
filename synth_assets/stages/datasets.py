"""Stages of the fifth group: the SQL models of dbt_like_sql, one table of the lake each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import polars as pl

from synth_assets.errors import SqlModelError
from synth_assets.identity import canonical_json
from synth_assets.project import sql_folder
from synth_assets.recipe import Recipe
from synth_assets.schemas import CALLS
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.project import SqlProject
from synth_assets.sql.run import run_data_test
from synth_assets.sql.variables import default_variables, recipe_variables
from synth_assets.stages.row_checks import CheckResult
from synth_assets.stages.stage import Catalogue, Input, Made, Stage
from synth_assets.stages.workshop import Work, Workshop
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.lake import Lake
from synth_assets.store.staging import StagedTable, stage_query

GROUP = "5_datasets"
GROUPED = frozenset({"not_null", "unique", "accepted_values", "relationships"})
PARENTS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "sft_set": lambda rows: rows.select("example_id", "completion_id"),
    "dpo_set": lambda rows: pl.concat(
        [
            rows.select("pair_id", pl.col(side).alias("parent_id"))
            for side in ("chosen_completion_id", "rejected_completion_id")
        ]
    ),
}


@dataclass(frozen=True)
class SqlStage(Stage):
    """A stage whose rows are one SELECT, and whose checks are SELECTs of offending rows."""

    project: SqlProject | None = None
    variables: Mapping[str, Any] | None = None

    @property
    def _project(self) -> SqlProject:
        assert self.project is not None
        return self.project

    @property
    def tests(self) -> dict[str, list[DataTest]]:
        """Check → its tests. All columns' tests of one kind and severity are one check: an event
        of Dagster's costs 25 ms, and a person reads a few lines, not eighty."""
        grouped: dict[str, list[DataTest]] = {}
        for test in self._project.models[self.name].tests:
            warns = "_warning" if test.severity == "warn" else ""
            name = f"{test.kind}{warns}" if test.kind in GROUPED else test.name
            grouped.setdefault(name, []).append(test)
        return grouped

    def check_names(self) -> list[tuple[str, str, bool]]:
        return [
            (name, _description(tests), tests[0].severity == "error")
            for name, tests in self.tests.items()
        ]

    def catalogue(self) -> Catalogue:
        """The file of the model, and where each column comes from."""
        return Catalogue(
            self._project.models[self.name].path,
            self._project.lineage(self.name, self.variables or {}),
        )

    def stage_rows(self, work: Work, made: Made) -> StagedTable:
        relations = self._relations(work.workshop, self._project.inputs(self.name))
        compiled = self._project.compile(self.name, relations, self.variables or {})
        return stage_query(work.lake, work.recipe.name, self.name, self.key, compiled.sql)

    def check(
        self, workshop: Workshop, relation: str, items_parsed: int | None
    ) -> list[CheckResult]:
        names = (*self._project.inputs(self.name), *self._project.test_inputs(self.name))
        relations = {**self._relations(workshop, names), self.name: relation}
        results: list[CheckResult] = []
        for name, tests in self.tests.items():
            offending = [self._offending(workshop, test, relations) for test in tests]
            results.append(
                CheckResult(
                    name,
                    _description(tests),
                    tests[0].severity == "error",
                    pl.concat([rows for rows in offending if rows.height], how="diagonal")
                    if any(rows.height for rows in offending)
                    else offending[0],
                )
            )
        return results

    def _offending(
        self, workshop: Workshop, test: DataTest, relations: Mapping[str, str]
    ) -> pl.DataFrame:
        """The first rows that offend, with the test's name in front; none where it passes."""
        compiled = self._project.compile_test(test, relations, self.variables or {})
        found = run_data_test(workshop.lake.connection, test, compiled.sql)
        rows = found.sample.clear() if found.passed else found.sample
        return rows.select(pl.lit(test.name).alias("test"), pl.all())

    def _relations(self, workshop: Workshop, names: tuple[str, ...]) -> dict[str, str]:
        """ref → its table in the lake; a table that the recipe did not ask for is left out, and
        so is read as empty."""
        lake, recipe = workshop.lake, workshop.recipe.name
        places = {name: (CALLS_SCHEMA if name == CALLS.name else recipe, name) for name in names}
        return {name: Lake.relation(*place) for name, place in places.items() if lake.has(*place)}


def _description(tests: list[DataTest]) -> str:
    if len(tests) == 1 and tests[0].description:
        return tests[0].description
    columns = [test.column or test.name for test in tests]
    return f"{tests[0].kind.replace('_', ' ')}: {', '.join(columns)}"


@cache
def load_sql_project(folder: Path) -> SqlProject:
    """The SQL models of a folder, read once in a process."""
    return SqlProject.load(folder)


def dataset_stages(recipe: Recipe, sql: Path | None = None) -> list[Stage]:
    """The marts, each after what it reads; ``sql`` is the folder of the models, where it is not the
    project's."""
    project = load_sql_project(sql or sql_folder())
    variables = recipe_variables(recipe)
    return [_stage(project, name, variables) for name in _in_order(project)]


def _in_order(project: SqlProject) -> list[str]:
    """The marts, each after those that it or its tests read."""
    sorter = TopologicalSorter({name: _marts_read(project, name) for name in project.marts})
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise SqlModelError(
            f"{project.folder}: models and tests read each other in a circle: "
            f"{' → '.join(error.args[1])}; move a test to the later model"
        ) from error


def _marts_read(project: SqlProject, name: str) -> list[str]:
    read = (*project.inputs(name), *project.test_inputs(name))
    return [table for table in project.marts if table in read]


def _variables_of(project: SqlProject, name: str) -> list[str]:
    """The variables of a model and of the staging models that it leads to."""
    models, waiting = dict[str, None](), [name]
    while waiting:
        models[waiting.pop()] = None
        refs = [ref for model in models for ref in project.models[model].refs]
        staged = [ref for ref in refs if ref in project.models and ref not in project.marts]
        waiting = [ref for ref in staged if ref not in models]
    return sorted({use for model in models for use in project.models[model].variables})


def _stage(project: SqlProject, name: str, variables: Mapping[str, Any]) -> Stage:
    def parameters(_: Recipe, __: Mapping[str, Any]) -> dict[str, Any]:
        # The SQL at the same thresholds, so that a changed one is told from a changed SELECT; and
        # at its own, because a threshold may choose another branch of it.
        used = {use: variables.get(use) for use in _variables_of(project, name)}
        return {
            "variables": canonical_json(used),
            "sql": project.code_hash(name, default_variables()),
            "rendered": project.code_hash(name, variables),
        }

    return SqlStage(
        table=project.table_schema(name, variables),
        group=GROUP,
        # Calls are cited by id in the rows: they are read, but what they say cannot change.
        inputs=tuple(Input(ref) for ref in project.inputs(name) if ref != CALLS.name),
        parameters=parameters,
        make=lambda work: Made(work.lake.frame("SELECT 1 WHERE false")),
        checks=(),
        by_round=False,
        check_inputs=project.test_inputs(name),
        kinds=frozenset({"sql", "duckdb"}),
        parents=PARENTS.get(name),
        project=project,
        variables=variables,
    )
