"""A recipe and a lake in one folder, brought up to date stage by stage, without Dagster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from synth_assets.method import all_tables
from synth_assets.stages.datasets import SqlStage
from synth_assets.stages.materialize import StageReport, bring_up_to_date
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.status import table_statuses
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets.store.commits import commits_frame
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.recipes import (
    NO_ANSWERS,
    Teacher,
    merged,
    teaching,
    write_recipe,
    write_seeds,
)

Reports = dict[str, StageReport]


class Bench:
    """``folder`` holds recipe, seeds and lake. Each run reads the recipe's file anew."""

    def __init__(self, folder: Path, teacher: Teacher, parts: Mapping[str, Any]) -> None:
        self.sets: tuple[str, ...] = ()
        self.folder = folder
        self.teacher = teacher
        self.lake = Lake(Home.at(folder / "home"))
        self.parts = dict(parts)
        self.recipe = write_recipe(folder, **self.parts)

    def change(self, **parts: Any) -> None:
        """Changes parts of the recipe's file (see `tiny_parts`)."""
        self.parts = merged(self.parts, parts)
        self.recipe = write_recipe(self.folder, **self.parts)

    def seeds(self, *prompts: Mapping[str, Any] | str) -> None:
        """Rewrites the file of seeds."""
        write_seeds(
            self.folder, [{"prompt": seed} if isinstance(seed, str) else seed for seed in prompts]
        )

    def workshop(self) -> Workshop:
        """The whole recipe at work."""
        return Workshop(self.recipe, self.lake, recipe_stages(self.recipe), "run")

    def run(self, *, until: str | None = None, **options: Any) -> Reports:
        """Brings every table up to date, in order, up to ``until``; a report each. The SQL models,
        which take the longest, only where ``sets`` names them."""
        stages = {
            name: stage
            for name, stage in recipe_stages(self.recipe).items()
            if name in self.sets or not isinstance(stage, SqlStage)
        }
        reports: Reports = {}
        workshop = Workshop(self.recipe, self.lake, stages, "run", RunOptions(**options))
        for name, stage in stages.items():
            reports[name] = bring_up_to_date(workshop, stage)
            if name == until:
                break
        return reports

    def read(self, table: str, where: str = "true") -> pl.DataFrame:
        return self.lake.read(self.recipe.name, all_tables()[table], where)

    def ids(self, table: str, where: str = "true") -> set[str]:
        return set(self.read(table, where)["prompt_id"])

    def causes(self) -> dict[str, tuple[str, ...]]:
        """Table → why it is out of date; current tables are left out."""
        return {
            name: status.causes
            for name, status in table_statuses(self.workshop()).items()
            if not status.is_current and status.state != "never_made"
        }

    def commits(self) -> int:
        return commits_frame(self.lake, self.recipe.name).height

    def hashes(self) -> dict[str, str | None]:
        """Table → its content hash."""
        workshop = self.workshop()
        return {name: workshop.log.table_hash(name) for name in workshop.stages}

    def write(self, sql: str) -> None:
        """Writes past the commits, as nobody should."""
        self.lake.connection.execute(sql)


@contextmanager
def bench(folder: Path, **parts: Any) -> Iterator[Bench]:
    """A bench of a recipe that ends with its prompts, unless ``parts`` say otherwise. What lies in
    the folder already is gone on with."""
    with teaching() as teacher:
        made = Bench(folder, teacher, {**NO_ANSWERS, **parts})
        try:
            yield made
        finally:
            made.lake.close()
