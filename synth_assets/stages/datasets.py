"""Stages of the fifth group: the seeds and SQL models of dbt_like_sql, one table of the lake each.

A view is kept as a table too, so that it has versions and checks; an incremental model adds to its
table while its SQL stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import polars as pl

from synth_assets.errors import SqlModelError
from synth_assets.identity import canonical_json, content_hash
from synth_assets.method import all_methods, all_tables
from synth_assets.project import sql_folder
from synth_assets.recipe import Recipe, fingerprint
from synth_assets.schemas import CALLS
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.incremental import columns_to_write, require_one_row_a_key, rows_after
from synth_assets.sql.project import SqlProject
from synth_assets.sql.run import DataTestResult, run_data_test
from synth_assets.sql.variables import default_variables, recipe_variables
from synth_assets.stages.row_checks import CheckResult, Reference
from synth_assets.stages.stage import Catalogue, CheckDefinition, Input, Made, Stage
from synth_assets.stages.workshop import RunOptions, Work, Workshop
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.lake import Lake
from synth_assets.store.staging import StagedTable, Units, stage_query

GROUP = "5_datasets"
GROUPED = frozenset({"not_null", "unique", "accepted_values", "relationships"})
PARENTS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "sft_set": lambda rows: rows.select("example_id", "completion_id"),
    "control_set": lambda rows: rows.select("example_id", "completion_id"),
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
        for test in self._project.described(self.name).tests:
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
        """The file of the model or seed, and where each column comes from."""
        project = self._project
        lineage = project.lineage(self.name, self.variables or {})
        return Catalogue(
            project.described(self.name).path,
            {
                column: [(table_of(project, ref), of) for ref, of in parts]
                for column, parts in lineage.items()
            },
        )

    def stage_rows(self, work: Work, made: Made) -> StagedTable:
        lake, schema = work.lake, work.recipe.name
        seed = self._project.seeds.get(self.name)
        if seed is not None:
            with lake.temporary("seed", seed.seed.texts) as cells:
                return stage_query(lake, schema, self.name, self.key, seed.seed.select(cells))
        relations = self._relations(work.workshop, self._project.inputs(self.name))
        if self._adds_to_its_table(work):
            return self._stage_with_new_rows(work, relations)
        if work.units is not None:
            relations = self._of_units(relations, work.units)
        compiled = self._project.compile(self.name, relations, self.variables or {})
        staged = stage_query(lake, schema, self.name, self.key, compiled.sql)
        staged.units = work.units
        return staged

    def _of_units(self, relations: Mapping[str, str], units: Units) -> dict[str, str]:
        """The relations with those rows alone from which rows about the units are made."""
        whole = {CALLS.name, *(item.table for item in self.inputs if item.of_all)}
        return {
            ref: relation
            if table_of(self._project, ref) in whole
            else f"(SELECT * FROM {relation} WHERE {units.where})"
            for ref, relation in relations.items()
        }

    def is_to_be_refreshed(self, options: RunOptions) -> bool:
        """What an incremental model says of itself goes before what the run asks for."""
        model = self._project.models.get(self.name)
        if model is None or model.config.materialized != "incremental":
            return False
        return options.full_refresh and model.config.full_refresh is None

    def _adds_to_its_table(self, work: Work) -> bool:
        """True for an incremental model whose table was made by the same SQL: rows of an earlier
        SQL would stand under the new one's name, so a changed model is made as a whole."""
        config = self._project.models[self.name].config
        commit = work.workshop.log.latest().get((self.name, 0))
        if config.materialized != "incremental" or config.full_refresh or commit is None:
            return False
        if self.is_to_be_refreshed(work.workshop.options):
            return False
        parts = self.fingerprint_parts(work.recipe, {})
        return commit.fingerprint == fingerprint(self.name, parts)

    def _stage_with_new_rows(self, work: Work, relations: Mapping[str, str]) -> StagedTable:
        """Stages what the table holds once the new rows are in; the commit then writes only what
        differs."""
        lake, schema, model = work.lake, work.recipe.name, self._project.models[self.name]
        table = Lake.relation(schema, self.name)
        compiled = self._project.compile(
            self.name, {**relations, self.name: table}, self.variables or {}, is_incremental=True
        )
        new = f"new_rows_of_{self.name}"
        lake.execute(f"CREATE OR REPLACE TEMP TABLE {new} AS {compiled.sql}")
        try:
            there = lake.column_types(schema, self.name)
            old = {column: kind for column, kind in there.items() if column != "row_hash"}
            columns = columns_to_write(model, old, compiled.types)
            require_one_row_a_key(lake.connection, model, new)
            sql = rows_after(model, table, new, columns)
            return stage_query(lake, schema, self.name, self.key, sql)
        finally:
            lake.execute(f"DROP TABLE IF EXISTS {new}")

    def check_definitions(self, workshop: Workshop) -> dict[str, CheckDefinition]:
        project, variables = self._project, self.variables or {}
        found: dict[str, CheckDefinition] = {}
        for name, tests in self.tests.items():
            refs = tuple(ref for test in tests for ref in project.read_by_test(test))
            found[name] = CheckDefinition(
                content_hash([project.test_hash(test, variables) for test in tests]),
                tuple(table for table in _tables(project, refs) if table != self.name),
                _alone(tests),
                tuple(
                    Reference(test.column, table_of(project, test.to), test.to_field)
                    for test in tests
                    if test.kind == "relationships" and test.column and test.to and test.to_field
                ),
            )
        return found

    def check(
        self,
        workshop: Workshop,
        relation: str,
        items_parsed: int | None,
        only: Collection[str] | None = None,
    ) -> list[CheckResult]:
        names = (*self._project.inputs(self.name), *self._project.test_inputs(self.name))
        relations = {**self._relations(workshop, names), self.name: relation}
        results: list[CheckResult] = []
        for name, tests in self.tests.items():
            if only is not None and name not in only:
                continue
            found = [self._found(workshop, test, relations) for test in tests]
            rows = [_offending(result) for result in found]
            told = [frame for frame in rows if frame.height] or rows[:1]
            verdicts = {result.verdict for result in found}
            is_blocking = "error" in verdicts or (verdicts == {"pass"} and self._blocks(tests))
            results.append(
                CheckResult(
                    name, _description(tests), is_blocking, pl.concat(told, how="diagonal_relaxed")
                )
            )
        return results

    @staticmethod
    def _blocks(tests: list[DataTest]) -> bool:
        return any(test.severity == "error" for test in tests)

    def _found(
        self, workshop: Workshop, test: DataTest, relations: Mapping[str, str]
    ) -> DataTestResult:
        compiled = self._project.compile_test(test, relations, self.variables or {})
        return run_data_test(workshop.lake.connection, test, compiled.sql)

    def _relations(self, workshop: Workshop, names: tuple[str, ...]) -> dict[str, str]:
        """ref → its table in the lake; a table that the recipe did not ask for is left out, and
        so is read as empty."""
        lake, recipe = workshop.lake, workshop.recipe.name
        relations: dict[str, str] = {}
        for name in names:
            table = table_of(self._project, name)
            place = (CALLS_SCHEMA if table == CALLS.name else recipe, table)
            if lake.has(*place):
                relations[name] = Lake.relation(*place)
        return relations


def table_of(project: SqlProject, ref: str) -> str:
    """The table of the lake that a ref means: a source of dbt's may have a seed that stands in for
    it. Errors: `SqlModelError` for any other source, which the lake cannot hold."""
    source = project.files.sources.get(ref)
    if source is None or ref in all_tables():
        return ref
    if source.place[1] in project.seeds:
        return source.place[1]
    raise SqlModelError(
        f"{project.folder}: source {ref!r} is no table of the lake; the tables of a recipe are "
        "source('lake', 'NAME'), and a small one may be a seed"
    )


def _alone(tests: list[DataTest]) -> tuple[str, ...] | None:
    """The columns by which any of the tests holds rows against each other; None where one looks at
    the whole table."""
    columns: dict[str, None] = {}
    for test in tests:
        if test.alone is None:
            return None
        columns.update(dict.fromkeys(test.alone))
    return tuple(columns)


def _offending(found: DataTestResult) -> pl.DataFrame:
    """The first rows that offend, with the test's name in front; none where it passes."""
    if found.passed:
        return pl.DataFrame(schema={"test": pl.String})
    return found.sample.select(pl.lit(found.test.name).alias("test"), pl.all())


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
    """The seeds and the stored models, each after what it reads; ``sql`` is the folder of the
    models, where it is not the project's.

    Errors: `SqlModelError` for whatever does not compile, tests too: it is found when the
    definitions load, before anything runs.
    """
    project = load_sql_project(sql or sql_folder())
    variables = recipe_variables(recipe)
    project.validate(variables)
    marts = [name for name in _in_order(project) if _is_asked_for(recipe, project, name)]
    return [_stage(project, name, variables) for name in (*project.seeds, *marts)]


def _is_asked_for(recipe: Recipe, project: SqlProject, name: str) -> bool:
    """A mart that reads a method's own table stands only where the recipe asks for the method."""
    asked = {method.table.name for method, _ in recipe.methods()}
    read = _tables(project, project.inputs(name))
    return not (set(read) & {method.table.name for method in all_methods().values()}) - asked


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


def _tables(project: SqlProject, refs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(table_of(project, ref) for ref in refs))


def _unit(project: SqlProject, name: str, variables: Mapping[str, Any]) -> str | None:
    """The column by which a model is made unit by unit. Errors: `SqlModelError` for no column."""
    model = project.models.get(name)
    unit = None if model is None else model.config.unit
    if model is not None and unit is not None and unit not in project.types(name, variables):
        columns = ", ".join(project.types(name, variables))
        raise SqlModelError(f"{model.path}: unit: {unit!r} is no column of it; it has {columns}")
    return unit


def _inputs(project: SqlProject, name: str, variables: Mapping[str, Any]) -> tuple[Input, ...]:
    """What a model reads. Calls are cited by id in the rows: they are read, but what they say
    cannot change. Of a table without the column of the model's unit, all rows decide."""
    unit = _unit(project, name, variables)
    found: dict[str, bool] = {}
    for ref in project.inputs(name):
        has_unit = unit is not None and unit in project.types(ref, variables)
        table = table_of(project, ref)
        found[table] = found.get(table, False) or not has_unit
    return tuple(
        Input(table, of_all=unit is not None and is_of_all)
        for table, is_of_all in found.items()
        if table != CALLS.name
    )


def _stage(project: SqlProject, name: str, variables: Mapping[str, Any]) -> Stage:
    def parameters(_: Recipe, __: Mapping[str, Any]) -> dict[str, Any]:
        if name in project.seeds:
            return {"seed": project.code_hash(name)}
        # The SQL at the same thresholds, so that a changed one is told from a changed SELECT; and
        # at its own, because a threshold may choose another branch of it.
        return {
            "variables": canonical_json(project.values_of(name, variables)),
            "sql": project.code_hash(name, default_variables()),
            "rendered": project.code_hash(name, variables),
        }

    return SqlStage(
        table=project.table_schema(name, variables),
        group=GROUP,
        inputs=_inputs(project, name, variables),
        unit=_unit(project, name, variables),
        parameters=parameters,
        make=lambda work: Made(work.lake.frame("SELECT 1 WHERE false")),
        checks=(),
        by_round=False,
        check_inputs=_tables(project, project.test_inputs(name)),
        kinds=frozenset({"csv" if name in project.seeds else "sql", "duckdb"}),
        parents=PARENTS.get(name),
        project=project,
        variables=variables,
    )
