"""A recipe as its Dagster job in one folder: run it, look at what it made and said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from synth_assets.graph.automation import rounds_op
from synth_assets.graph.recipe_graph import recipe_definitions, shared_definitions
from synth_assets.graph.runs import silent_logger
from synth_assets.method import all_tables
from synth_assets.store.commits import CommitLog
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.recipes import Teacher, merged, teaching, write_recipe

Name = tuple[str, str]
"""(table, check)"""


@dataclass
class Ran:
    """What one run said. A table is named without its recipe, a check as (table, check).

    made: tables that were materialized, in their order. failures: table → why its step failed.
    metadata: table → plain values. offending: failed check → how many rows offend, of those that
    say. told_again: check → version of the lake in which it was found, where it was not run.
    """

    success: bool
    run_id: str
    made: list[str]
    metadata: dict[str, dict[str, Any]]
    data_versions: dict[str, str]
    checks: dict[Name, bool]
    warnings: set[Name]
    offending: dict[Name, Any]
    failures: dict[str, str]
    told_again: dict[Name, Any]

    @property
    def failed_checks(self) -> set[Name]:
        return {name for name, passed in self.checks.items() if not passed}


def ran(result: dg.ExecuteInProcessResult) -> Ran:
    """The run's events as plain data."""
    made = [e.materialization for e in result.all_events if e.is_step_materialization]
    checks = {
        (each.asset_key.path[-1], each.check_name): each
        for each in result.get_asset_check_evaluations()
    }
    return Ran(
        success=result.success,
        run_id=result.run_id,
        made=[each.asset_key.path[-1] for each in made],
        metadata={
            each.asset_key.path[-1]: {name: value.value for name, value in each.metadata.items()}
            for each in made
        },
        data_versions={
            each.asset_key.path[-1]: (each.tags or {})["dagster/data_version"] for each in made
        },
        checks={name: each.passed for name, each in checks.items()},
        warnings={
            name
            for name, each in checks.items()
            if not each.passed and each.severity == dg.AssetCheckSeverity.WARN
        },
        offending={
            name: each.metadata["offending_rows"].value
            for name, each in checks.items()
            if not each.passed and "offending_rows" in each.metadata
        },
        failures=dict(_failures(result)),
        told_again={
            name: each.metadata["as_found_in_version"].value
            for name, each in checks.items()
            if "as_found_in_version" in each.metadata
        },
    )


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str, str]]:
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            said = data.user_failure_data.description if data.user_failure_data else None
            table = str(event.step_key).partition("__")[2]
            yield table, said or (data.error.to_string() if data.error else "")


class Pipeline:
    """``folder`` holds recipe, seeds, home and Dagster's history."""

    def __init__(self, folder: Path, teacher: Teacher, parts: Mapping[str, Any]) -> None:
        self.folder = folder
        self.teacher = teacher
        self.parts = dict(parts)
        self.home = Home.at(folder / "home")
        self.instance = dg.DagsterInstance.ephemeral(tempdir=str(folder / "dagster"))
        self.recipe = write_recipe(folder, **self.parts)

    def change(self, **parts: Any) -> None:
        """Changes parts of the recipe's file (see `recipes.tiny_parts`)."""
        self.parts = merged(self.parts, parts)
        self.recipe = write_recipe(self.folder, **self.parts)

    def definitions(self) -> dg.Definitions:
        return dg.Definitions.merge(
            recipe_definitions(self.recipe),
            shared_definitions(),
            dg.Definitions(loggers={"console": silent_logger}),
        )

    def run(self, tables: Sequence[str] | None = None, **rounds: Any) -> Ran:
        """A run of the recipe's job: of all tables, or of those named. rounds: config of rounds."""
        config: dict[str, Any] = {"loggers": {"console": {}}}
        if rounds:
            config["ops"] = {rounds_op(self.recipe): {"config": rounds}}
        job = self.definitions().resolve_job_def(self.recipe.name)
        return ran(
            job.execute_in_process(
                instance=self.instance,
                run_config=config,
                asset_selection=None
                if tables is None
                else [dg.AssetKey([self.recipe.name, table]) for table in tables],
                raise_on_error=False,
            )
        )

    def run_checks(self) -> Ran:
        """A run of every check of the recipe, and of nothing else."""
        checks = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
        definitions = dg.Definitions.merge(self.definitions(), dg.Definitions(jobs=[checks]))
        return ran(
            definitions.resolve_job_def("checks").execute_in_process(
                instance=self.instance,
                run_config={"loggers": {"console": {}}},
                raise_on_error=False,
            )
        )

    def newest_materialization(self, table: str) -> dg.AssetMaterialization:
        """As the catalogue shows it."""
        entry = self.instance.get_latest_materialization_event(
            dg.AssetKey([self.recipe.name, table])
        )
        assert entry is not None
        assert entry.asset_materialization is not None
        return entry.asset_materialization

    @contextmanager
    def lake(self) -> Iterator[Lake]:
        with Lake(self.home) as lake:
            yield lake

    def read(self, table: str, where: str = "true") -> pl.DataFrame:
        with self.lake() as lake:
            return lake.read(self.recipe.name, all_tables()[table], where)

    def hashes(self, tables: Sequence[str]) -> dict[str, str | None]:
        """Table → content hash of its last commit."""
        with self.lake() as lake:
            log = CommitLog(lake, self.recipe.name)
            return {table: log.table_hash(table) for table in tables}

    def count(self, sql: str) -> int:
        """The one number that ``sql`` gives."""
        with self.lake() as lake:
            return lake.frame(sql).item()


@contextmanager
def pipeline(folder: Path, **parts: Any) -> Iterator[Pipeline]:
    """A pipeline whose home the environment names, as in a process of its own."""
    with pytest.MonkeyPatch.context() as environment, teaching() as teacher:
        environment.setenv("SYNTH_HOME", str(folder / "home"))
        (folder / "dagster").mkdir(parents=True, exist_ok=True)
        made = Pipeline(folder, teacher, parts)
        with made.instance:
            yield made
