"""A recipe at work on a lake: which rounds there are, which slices decide a stage, who answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import ValidationError

from synth_assets.errors import RecipeError
from synth_assets.identity import content_hash
from synth_assets.llm.batches.asking import BatchedAsk
from synth_assets.llm.call_stats import CallStats
from synth_assets.llm.engine import Engine
from synth_assets.llm.request import Ask
from synth_assets.recipe import Recipe, fingerprint
from synth_assets.recipe_model import RUNTIME_FIELDS, Model
from synth_assets.schemas import ROUND_POOL, ROUNDS, TableSchema
from synth_assets.stages.generation import frozen_models
from synth_assets.stages.known_replies import known_replies_only
from synth_assets.stages.pools import KIND_OF_SLICE, deciding_part_sql, members_sql
from synth_assets.stages.stage import Input, Stage
from synth_assets.store.calls import LakeCalls
from synth_assets.store.commits import CommitLog, Provenance, remembered_hash, slice_hash
from synth_assets.store.content_hash import content_hash_sql
from synth_assets.store.lake import Lake, quote_name
from synth_assets.store.staging import Units
from synth_assets.store.writes import state_of

SETTLED_NS = 2_000_000_000
"""Age from which on a file's time tells of the next write to it: coarse clocks tick in 2 s."""

OpenedBecause = Literal["first", "schedule", "seeds", "by_hand"]


@dataclass(frozen=True)
class RunOptions:
    """What a run was asked to do beyond bringing every table up to date.

    open_round: why a new round is to be opened, or None to open one only where there is none.
    regenerate: a round whose generation is to be done anew with today's parameters.
    retry_failed: ask again what was cut, refused or failed.
    full_refresh: make incremental SQL models as a whole, as dbt does by this flag, and run every
        check anew.
    makes_calls: False answers from known replies alone; whatever else is asked stops the stage.
    """

    open_round: OpenedBecause | None = None
    regenerate: int | None = None
    retry_failed: bool = False
    full_refresh: bool = False
    makes_calls: bool = True


@dataclass(frozen=True)
class Round:
    number: int
    generation: Mapping[str, Any]


Progress = Callable[[str, int, CallStats], None]
"""Called while a stage asks, with the table, the round and the counts so far."""


@dataclass
class Workshop:
    """One recipe on one lake, for one run."""

    recipe: Recipe
    lake: Lake
    stages: Mapping[str, Stage]
    run_id: str = ""
    options: RunOptions = field(default_factory=RunOptions)
    progress: Progress | None = None

    @cached_property
    def log(self) -> CommitLog:
        return CommitLog(self.lake, self.recipe.name)

    def rounds(self) -> list[Round]:
        """The rounds opened so far, oldest first."""
        place, state = ("rounds", self.recipe.name), state_of(self.lake, self.recipe.name, "rounds")
        known = self.lake.remembered.get(place)
        if known is None or known[0] != state:
            rows = self.lake.read(self.recipe.name, ROUNDS)
            opened = rows.select("round", "generation").sort("round").iter_rows()
            known = (state, [Round(number, json.loads(g)) for number, g in opened])
            self.lake.remembered[place] = known
        return list(known[1])

    def rounds_of(self, stage: Stage) -> list[Round]:
        """The rounds a stage is made for; one nameless round 0 where it is made as a whole."""
        return self.rounds() if stage.by_round else [Round(0, {})]

    def where(self, slice_of: Input, round: int) -> tuple[str, list[Any]]:
        """A slice as a SQL condition with its parameters."""
        kind = KIND_OF_SLICE.get(slice_of.slice)
        if kind is None:
            return slice_of.where(round)
        return members_sql(self.recipe.name, slice_of.slice), [round, kind]

    def input_hash(self, slice_of: Input, round: int) -> str:
        """Content hash of a slice: as its commits recorded it where that still holds, so that no
        row is read; else read, once for one state of the table."""
        schema, table = self.recipe.name, slice_of.table
        recorded = self._recorded_hash(slice_of, round)
        if recorded is not None:
            return recorded
        where, values = self.where(slice_of, round)
        if slice_of.slice not in KIND_OF_SLICE or not self.lake.has(schema, table):
            return slice_hash(self.lake, schema, table, where, values)
        part = deciding_part_sql(Lake.relation(schema, table), slice_of.slice)
        return remembered_hash(
            self.lake,
            ("pool", slice_of.slice, schema, table, *values),
            [(schema, table), (schema, ROUND_POOL.name)],
            content_hash_sql(part, where),
            values,
        )

    def _recorded_hash(self, slice_of: Input, round: int) -> str | None:
        made_by = self.stages.get(slice_of.table)
        if slice_of.slice == "all":
            return self.log.recorded_hash(slice_of.table)
        if slice_of.slice == "own" and made_by is not None:
            return self.log.recorded_hash(slice_of.table, round)
        return None

    def reads_rounds_of(self, stage: Stage) -> bool:
        """Whether stages read the rounds one by one of a table that is made as a whole."""
        return not stage.by_round and any(
            item.table == stage.name and item.slice == "own"
            for reader in self.stages.values()
            for item in reader.inputs
        )

    def provenance(self, stage: Stage, round: Round) -> Provenance:
        """What the stage's rows of a round would be made from now."""
        parts = stage.fingerprint_parts(self.recipe, round.generation)
        with self.lake.reading():
            inputs = {item.label: self.input_hash(item, round.number) for item in stage.inputs}
        if stage.files is not None:
            inputs["files"] = content_hash(
                *(self._file_hash(path) for path in stage.files(self.recipe))
            )
        return Provenance(fingerprint(stage.name, parts), parts, inputs)

    def _file_hash(self, path: Path) -> str:
        """Hash of a file, read once as long as it is not written to. Nothing is remembered of one
        that was written just now: another write may leave the same time on it."""
        try:
            found = path.stat()
        except OSError:
            return hash_file(path)  # which says what is wrong
        place, state = ("file", path), (found.st_ino, found.st_size, found.st_mtime_ns)
        known = self.lake.remembered.get(place)
        if known is None or known[0] != state:
            known = (state, hash_file(path))
            if time.time_ns() - found.st_mtime_ns > SETTLED_NS:
                self.lake.remembered[place] = known
        return known[1]

    def recipe_of(self, round: Round) -> Recipe:
        """The recipe with the models as they were when the round was opened: their identity is
        frozen, while keys, limits and prices are today's."""
        frozen = frozen_models(round.generation)
        models = dict(self.recipe.models)
        for name, identity in frozen.items():
            today = models.get(name)
            runtime = today.model_dump(include=set(RUNTIME_FIELDS) | {"base_url"}) if today else {}
            try:
                models[name] = Model.model_validate({**identity, **runtime})
            except ValidationError as error:
                raise RecipeError(
                    f"{self.recipe.path}: models.{name}: round {round.number} was opened with "
                    f"{identity.get('model')}, which cannot be called as the recipe stands "
                    f"({error.errors()[0]['msg']}); declare the model as it was, or let the round "
                    f"be generated anew with --regenerate {round.number}"
                ) from error
        recipe = self.recipe.model_copy(update={"models": models})
        recipe._path = self.recipe.path
        return recipe

    def surroundings(self, items_parsed: int | None) -> LakeSurroundings:
        """What row checks may look at beside the rows."""
        return LakeSurroundings(self.lake, self.recipe, items_parsed)

    @contextmanager
    def work(self, stage: Stage, round: Round, units: Units | None = None) -> Iterator[Work]:
        """The stage at work on one round, or on some units of it; its calls are in the lake when
        the block ends."""
        recipe = self.recipe_of(round) if stage.is_frozen else self.recipe
        work = Work(self, stage, round, recipe, units)
        try:
            yield work
        finally:
            work.close()
            if self.progress is not None and work.stats.made + work.stats.cached:
                self.progress(stage.name, round.number, work.stats)  # a failure's last word too


class Work:
    """What a stage's function may see and do: its declared slices, and ``ask``.

    units: the stage is made for these alone; None for all of the round.
    """

    def __init__(
        self,
        workshop: Workshop,
        stage: Stage,
        round: Round,
        recipe: Recipe,
        units: Units | None = None,
    ) -> None:
        self.workshop = workshop
        self.stage = stage
        self.recipe = recipe
        self.lake = workshop.lake
        self.round = round.number
        self.frozen = round.generation
        self.units = units
        self._inputs = {item.table: item for item in stage.inputs}
        self._engine: Engine | None = None

    def read(self, table: TableSchema) -> pl.DataFrame:
        """The declared slice of an input, of the units alone where only these are made; a table
        that is no declared input is an error."""
        item = self._inputs[table.name]
        where, values = self.workshop.where(item, self.round)
        if self.units is not None and not item.of_all:
            where = f"{where} AND {self.units.where}"
        return self.lake.read(self.recipe.name, table, where, values)

    def read_kept_ids(self, table: TableSchema) -> pl.DataFrame:
        """The ids of the rows of a table that were not dropped, and no other column of it."""
        if not self.lake.has(self.recipe.name, table.name):
            return pl.DataFrame(schema={table.key: pl.String})
        rows = self.lake.frame(
            f"SELECT {table.key} FROM {Lake.relation(self.recipe.name, table.name)} "
            f"WHERE drop_reason IS NULL ORDER BY {table.key}"
        )
        return rows.cast({table.key: pl.String})

    @property
    def ask(self) -> Ask:
        """Requests in, replies out."""
        if self._engine is None:
            progress = self.workshop.progress
            self._engine = Engine(
                self.recipe,
                home=self.lake.home.path,
                calls=LakeCalls(self.lake),
                asked_for=f"{self.recipe.name}.{self.stage.name}",
                run_id=self.workshop.run_id,
                retry_failed=self.workshop.options.retry_failed,
                transports=None
                if self.workshop.options.makes_calls
                else known_replies_only(self.recipe),
                progress=None
                if progress is None
                else lambda stats: progress(self.stage.name, self.round, stats),
            )
        is_batched = any(model.batch for model in self.recipe.models.values())
        if not (is_batched and self.workshop.options.makes_calls):
            return self._engine.ask
        return BatchedAsk(
            self._engine,
            self.recipe,
            home=self.lake.home.path,
            calls=LakeCalls(self.lake),
            asked_for=f"{self.recipe.name}.{self.stage.name}",
            run_id=self.workshop.run_id,
            retry_failed=self.workshop.options.retry_failed,
        ).ask

    @property
    def stats(self) -> CallStats:
        return self._engine.stats if self._engine else CallStats()

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()


def hash_of_bytes(raw: bytes) -> str:
    """What `hash_file` gives of a file that holds these bytes."""
    return sha256(raw).hexdigest()


def hash_file(path: Path) -> str:
    """Hash of a file's bytes. Errors: `RecipeError` where it cannot be read."""
    try:
        return hash_of_bytes(path.read_bytes())
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror or error})") from error


@dataclass(frozen=True)
class LakeSurroundings:
    """What row checks may look at, read from the lake (see `row_checks.Surroundings`)."""

    lake: Lake
    recipe: Recipe
    items_parsed: int | None = None

    @property
    def failed_replies_limit(self) -> float:
        return self.recipe.limits.failed_replies

    def present(self, table: str, column: str, values: pl.Series) -> pl.Series:
        if values.is_empty() or not self.lake.has(self.recipe.name, table):
            return values.clear()
        relation, name = Lake.relation(self.recipe.name, table), quote_name(column)
        with self.lake.temporary("asked", values.rename("value").to_frame()) as asked:
            return self.lake.frame(
                f"SELECT value FROM {asked} WHERE value IN (SELECT {name} FROM {relation})"
            )["value"]
