"""A stage: one table's inputs, parameters and making, as a declaration that others drive."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from synth_assets.identity import content_hash
from synth_assets.recipe import Recipe
from synth_assets.schemas import TableSchema
from synth_assets.stages.row_checks import (
    CheckResult,
    Reference,
    RowCheck,
    columns_read,
    run_row_checks,
)
from synth_assets.store.lake import quote_name
from synth_assets.store.staging import StagedTable, stage_frame

if TYPE_CHECKING:
    from synth_assets.stages.workshop import RunOptions, Work, Workshop

DECIDING = (
    "synth_assets.methods",
    "synth_assets.quality",
    "synth_assets.sandbox",
    "synth_assets.seed_files",
)
"""Packages whose code decides what is in a table."""

Slice = Literal["all", "own", "up_to", "pool_seeds", "pool_accepted", "pool_sources"]
"""Which rows of an input decide a round: all; those of the round itself; of it and all before;
the seeds in its pool; what earlier rounds accepted into it; the source texts in it."""


@dataclass(frozen=True)
class Input:
    """A slice of a table. of_all: what is made for one unit of a stage hangs on all rows of it, so
    that a change remakes every unit (see `Stage.unit`)."""

    table: str
    slice: Slice = "all"
    of_all: bool = False

    @property
    def label(self) -> str:
        """By which a commit records what it read."""
        return f"{self.table}[{self.slice}]"

    def where(self, round: int) -> tuple[str, list[Any]]:
        """The slice as a SQL condition; the pool's is filled in by who knows the recipe."""
        if self.slice == "own":
            return "round = ?", [round]
        if self.slice == "up_to":
            return "round <= ?", [round]
        return "true", []


@dataclass(frozen=True)
class Made:
    """What a stage's function made.

    shown_with: call_id → ids that stood in its context, for the lineage.
    items_parsed: candidates parsed from the replies; None where the table has none.
    notes: numbers and short texts worth showing.
    companions: other tables' rows that are committed with these: (table, rows, scope).
    """

    rows: pl.DataFrame
    shown_with: Mapping[str, Sequence[str]] = field(default_factory=dict)
    items_parsed: int | None = None
    notes: Mapping[str, float | int | str] = field(default_factory=dict)
    companions: Sequence[tuple[TableSchema, pl.DataFrame, Mapping[str, Any]]] = ()


@dataclass(frozen=True)
class Catalogue:
    """What people are shown of a table's making.

    source: the file that says how it is made.
    column_lineage: column → the (table, column)s that its values come from.
    """

    source: Path | None = None
    column_lineage: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckDefinition:
    """What decides a check's outcome, beside the rows of its own table.

    hash: of its code and parameters; None where nobody can tell whether they changed. tables:
    others that it reads. alone, references: as of `RowCheck`.
    """

    hash: str | None
    tables: tuple[str, ...]
    alone: tuple[str, ...] | None = None
    references: tuple[Reference, ...] = ()


Parameters = Callable[[Recipe, Mapping[str, Any]], Mapping[str, Any]]
"""(recipe, frozen generation parameters of the round) → what of them decides the table."""


@dataclass(frozen=True)
class Stage:
    """One table of a recipe.

    group: ``1_seeds`` … ``6_exports``; sorts as the pipeline runs.
    by_round: made and committed round by round; else as one table.
    is_frozen: generation of prompts: a round's parameters, templates and code are those of its
        opening, and a change holds from the next round.
    is_always_made: never skipped: what it does depends on what the run was asked to do.
    asks: calls models.
    unit: the column of what the rows are made for, one by one: those about it are a function of
        the inputs' rows about it, so that a change remakes these alone. Every input has the column,
        or is ``of_all``, and is the round's own where the stage is made by round; nothing but
        `Work.read` reads them. None: the whole round is remade.
    units_of_files: given the hash that the files had, and a relation, adds to it the units of which
        they say otherwise now; False where all are to be remade.
    keeps_withdrawn: its rows about withdrawn prompts stay, marked (see `stages.withdrawn`).
    widen: given a relation of changed units, adds those whose rows hang on these too; False where
        all are to be remade.
    parameters: name → value of each part of the fingerprint.
    code: modules whose source decides the table.
    check_inputs: tables that only its checks read.
    files: files outside the lake that the table is read from.
    parents: column of an id → where its parents are, for the lineage.
    """

    table: TableSchema
    group: str
    inputs: tuple[Input, ...]
    parameters: Parameters
    make: Callable[[Work], Made]
    checks: tuple[RowCheck, ...]
    code: tuple[ModuleType, ...] = ()
    by_round: bool = True
    is_frozen: bool = False
    is_always_made: bool = False
    keeps_withdrawn: bool = False
    asks: bool = False
    unit: str | None = None
    units_of_files: Callable[[Workshop, str, str], bool] | None = None
    widen: Callable[[Workshop, str], bool] | None = None
    kinds: frozenset[str] = frozenset({"python", "polars"})
    check_inputs: tuple[str, ...] = ()
    files: Callable[[Recipe], Sequence[Path]] | None = None
    parents: Callable[[pl.DataFrame], pl.DataFrame] | None = None

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def description(self) -> str:
        return self.table.description

    @property
    def key(self) -> str:
        return self.table.key

    def fingerprint_parts(self, recipe: Recipe, frozen: Mapping[str, Any]) -> dict[str, str]:
        """Part → hash. Frozen stages take templates and code as they were at the opening."""
        parts = {
            name: content_hash(value) for name, value in self.parameters(recipe, frozen).items()
        }
        if not self.is_frozen:
            parts["code"] = source_hash(self.code)
        return parts

    def is_to_be_refreshed(self, options: RunOptions) -> bool:
        """Whether the run asks for the table as a whole, though nothing changed."""
        return False

    def has_part_in(self, recipe: Recipe, frozen: Mapping[str, Any]) -> bool:
        """False for a method that was not in the recipe when the round was opened."""
        return not self.is_frozen or bool(self.parameters(recipe, frozen))

    def catalogue(self) -> Catalogue:
        """Where the table's values come from, known before anything runs."""
        made_by = self.code[0] if self.code else inspect.getmodule(self.make)
        source = inspect.getsourcefile(made_by) if made_by else None
        return Catalogue(source=Path(source) if source else None)

    def check_names(self) -> list[tuple[str, str, bool]]:
        """(name, description, is_blocking) of every check, known before anything runs."""
        return [(check.name, check.description, check.is_blocking) for check in self.checks]

    def check_definitions(self, workshop: Workshop) -> dict[str, CheckDefinition]:
        """Check → what it is, and which other tables it reads."""
        limit = workshop.recipe.limits.failed_replies
        return {
            check.name: CheckDefinition(
                None if check.definition is None else content_hash(check.definition, limit),
                check.looks_at,
                check.alone,
                check.references,
            )
            for check in self.checks
        }

    def check(
        self,
        workshop: Workshop,
        relation: str,
        items_parsed: int | None,
        only: Collection[str] | None = None,
    ) -> list[CheckResult]:
        """Every check, or those named by ``only``, on the rows of a relation: staged rows, or the
        committed table."""
        checks = [check for check in self.checks if only is None or check.name in only]
        names = columns_read(checks, self.table)
        columns = ", ".join(map(quote_name, names))
        types = pl.Schema({name: self.table.polars[name] for name in names})
        rows = workshop.lake.frame(f"SELECT {columns} FROM {relation}").cast(types)
        return run_row_checks(checks, rows, workshop.surroundings(items_parsed))

    def stage_rows(self, work: Work, made: Made) -> StagedTable:
        scope = {"round": work.round} if self.by_round else {}
        return stage_frame(
            work.lake, work.recipe.name, self.table, made.rows, scope, units=work.units
        )


@cache
def source_hash(modules: tuple[ModuleType, ...]) -> str:
    """Hash of the modules' source, and of what of methods and quality they import in turn: code
    is never versioned by hand."""
    sources: dict[str, str] = {}
    waiting = [module.__name__ for module in modules]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = inspect.getsource(import_module(name))
            waiting += _own_imports(name)
    return content_hash(sorted(sources.items()))


@cache
def _own_imports(name: str) -> tuple[str, ...]:
    """The modules of `DECIDING` packages that a module imports."""
    found: list[str] = []
    for node in ast.walk(ast.parse(inspect.getsource(import_module(name)))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(DECIDING):
            inner = [f"{node.module}.{name.name}" for name in node.names]
            modules = [name for name in inner if find_spec_or_none(name)]
            found += modules or [node.module]
    return tuple(found)


def find_spec_or_none(name: str) -> object | None:
    """The spec of a module; None where the name is no module (a function, say)."""
    try:
        return find_spec(name)
    except ModuleNotFoundError:
        return None
