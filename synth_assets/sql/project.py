"""A folder of SQL models in, compiled SELECTs, schemas, lineage and tests out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from synth_assets.errors import SqlModelError
from synth_assets.identity import content_hash
from synth_assets.schemas import Column, TableSchema
from synth_assets.sql.columns import Lineage, of_outputs, trace_columns
from synth_assets.sql.compiler import (
    Draft,
    bind,
    draft,
    filled,
    inline,
    polars_schema,
    with_gaps,
)
from synth_assets.sql.data_test_drafts import draft_of_test
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.ephemeral import read_through, stored_refs
from synth_assets.sql.model import Described, SeedModel, SqlModel
from synth_assets.sql.nearest import nearest
from synth_assets.sql.project_files import ProjectFiles, read_project
from synth_assets.sql.relations import empty_relation
from synth_assets.sql.render import REF_PREFIX
from synth_assets.sql.schema_file import place_of_column

Variables = Mapping[str, Any]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Compiled:
    """A SELECT that DuckDB has bound. inputs: relations it reads; types: column → DuckDB type."""

    name: str
    sql: str
    inputs: tuple[str, ...]
    types: Mapping[str, str]

    @property
    def schema(self) -> pl.Schema:
        return polars_schema(self.name, self.types)


class SqlProject:
    """The models, seeds, singular checks and sources of one folder, such as dbt_like_sql.

    Ephemeral models are never stored: a query that refers to one has it as a CTE, unless a
    relation is given for it. Where no relation is given for a table, a seed or a stored model, it
    is read as empty, with the columns that it has.
    """

    def __init__(self, folder: Path, files: ProjectFiles) -> None:
        self.folder = folder
        self.files = files
        self.models: dict[str, SqlModel] = files.models
        self.seeds: dict[str, SeedModel] = files.seeds
        self.checks: dict[str, SqlModel] = files.checks
        self._source_types: dict[str, Mapping[str, str]] = {
            name: source.types for name, source in files.sources.items() if source.types is not None
        }
        for name, source in files.sources.items():
            if source.place[1] in self.seeds:  # it stands in for the table
                self._source_types.setdefault(name, self.seeds[source.place[1]].seed.types)
        self._known: dict[str, Any] = {}
        self._written: dict[Any, tuple[tuple[Draft, ...], str]] = {}
        self._used: dict[str, frozenset[str]] = {}
        for name, model in (*self.models.items(), *self.checks.items()):
            inner = (self._used.get(ref, frozenset()) for ref in model.refs)
            self._used[name] = frozenset(model.variables).union(*inner)

    @classmethod
    def load(cls, folder: Path) -> SqlProject:
        """Reads the folder. Errors: `SqlModelError` naming file, line and the nearest name."""
        return cls(folder, read_project(folder))

    @property
    def marts(self) -> tuple[str, ...]:
        """Names of the models that are stored, in dependency order."""
        return tuple(name for name, model in self.models.items() if not model.is_ephemeral)

    def learn_types(self, source: str, types: Mapping[str, str]) -> None:
        """What a database says of the columns of a source: its word goes before schema.yml's."""
        if self._source_types.get(source) != types:
            self._source_types[source] = dict(types)
            self._known.clear()
            self._written.clear()

    def inputs(self, name: str) -> tuple[str, ...]:
        """Stored relations that a model reads, through its ephemeral models."""
        return () if name in self.seeds else self._stored(self._model(name).refs)

    def test_inputs(self, name: str) -> tuple[str, ...]:
        """Stored relations that only the tests of a table read, besides the table itself."""
        refs = self._stored(ref for test in self.described(name).tests for ref in test.refs)
        return tuple(ref for ref in refs if ref != name and ref not in self.inputs(name))

    def compile(
        self, name: str, relations: Mapping[str, str] = NOTHING, variables: Variables = NOTHING,
        *, is_incremental: bool = False,
    ) -> Compiled:  # fmt: skip
        """The SELECT of a model.

        relations: ref → SQL relation, such as ``"lake"."chat"."completions"`` or a subquery in
        parentheses. variables: values of var(). is_incremental: only the new rows of a table that
        is there, ``relations[name]``. Errors: `SqlModelError`.
        """
        model = self._model(name)
        query = self._draft(model, variables, is_incremental)
        refs = (*model.refs, name) if is_incremental else model.refs
        types = self._bound(model, variables, is_incremental)
        return self._finish(name, query, refs, types, relations, variables)

    def compile_test(
        self, test: DataTest, relations: Mapping[str, str] = NOTHING, variables: Variables = NOTHING
    ) -> Compiled:
        """The SELECT that returns the offending rows of a test; ``relations[test.model]`` may be
        a temp table of staged rows."""
        query, types = self._bound_test(test, variables)
        refs = (test.model, *test.refs)
        return self._finish(test.name, query, refs, types, relations, variables)

    def _draft_of_test(self, test: DataTest, variables: Variables) -> Draft:
        """The values of the variables of what it reads are nothing to a test, only its own."""
        of_macros = repr(sorted(variables.items())) if test.kind == "generic" else ""
        return self._remember(
            ("test", test.model, test.name, of_macros), [test.name], variables,
            lambda: draft_of_test(test, self.files, self._with_own(variables)),
        )  # fmt: skip

    def test_hash(self, test: DataTest, variables: Variables) -> str:
        """Hash of what a test asks once rendered, and of what is allowed of its answer."""
        staged = self._staged((test.model, *test.refs), {}, variables)
        return content_hash(
            "sql_test", self._draft_of_test(test, variables).hash,
            {ref: inner.hash for ref, inner in staged.items()},
            [test.severity, test.error_if, test.warn_if, test.limit],
        )  # fmt: skip

    def read_by_test(self, test: DataTest) -> tuple[str, ...]:
        """Stored relations that a test reads, the table's own among them."""
        return self._stored((test.model, *test.refs))

    def types(self, name: str, variables: Variables = NOTHING) -> Mapping[str, str]:
        """{column: DuckDB type} of a model, a seed or a source."""
        if name in self.files.sources:
            if name not in self._source_types:
                raise SqlModelError(
                    f"{self.folder}: source {name!r}: give each of its columns a data_type, since "
                    "no database is at hand to ask"
                )
            return self._source_types[name]
        if name in self.seeds:
            return self.seeds[name].seed.types
        return self._bound(self._model(name), variables, False)

    def schema(self, name: str, variables: Variables = NOTHING) -> pl.Schema:
        """The columns of a model, a seed or a table, as a frame has them."""
        return polars_schema(name, self.types(name, variables))

    def table_schema(self, name: str, variables: Variables = NOTHING) -> TableSchema:
        """A stored model or a seed as a table of the lake: key, columns, and descriptions."""
        of, schema = self.described(name), self.schema(name, variables)
        if of.key is None or of.key not in schema:
            raise SqlModelError(
                f"{of.path}: schema.yml names no column of it as its key; test one as unique and "
                "not_null, or write key: COLUMN"
            )
        columns = tuple(
            Column(column, dtype, of.columns.get(column, "")) for column, dtype in schema.items()
        )
        return TableSchema(name, of.key, of.description, columns)

    def lineage(self, name: str, variables: Variables = NOTHING) -> Lineage:
        """{output column: [(stored relation, column), …]}, through ephemeral models."""
        if name in self.seeds:
            return {column: [] for column in self.types(name)}
        model = self._model(name)

        def build() -> Lineage:
            whole = inline(self._draft(model, variables), self._staged(model.refs, {}, variables))
            types = self._types(self.inputs(name), variables)
            traced = trace_columns(whole.query, {REF_PREFIX + ref: of for ref, of in types.items()})
            told = of_outputs(traced, list(self.types(name, variables)))
            return {
                column: [(table.removeprefix(REF_PREFIX), of) for table, of in leaves]
                for column, leaves in told.items()
            }

        return self._remember(("lineage", name), [name], variables, build)

    def code_hash(self, name: str, variables: Variables = NOTHING) -> str:
        """Hash of what a model and its ephemeral models say once rendered: formatting and comments
        do not change it, the values of its variables do. Of a seed: of its rows and types."""
        if name in self.seeds:
            return self.seeds[name].seed.hash
        return self._remember(
            ("code", name), [name], variables, lambda: self._code_hash(self._model(name), variables)
        )

    def _code_hash(self, model: SqlModel, variables: Variables) -> str:
        staged = self._staged(model.refs, {}, variables)
        how: list[Any] = []
        if model.config.materialized == "incremental":
            config = model.config
            how = [
                config.strategy, config.unique_key, config.on_schema_change,
                self._draft(model, variables, True).hash,
            ]  # fmt: skip
        return content_hash(
            "sql_model", model.name, self._draft(model, variables).hash,
            {ref: inner.hash for ref, inner in staged.items()}, how,
        )  # fmt: skip

    def validate(self, variables: Variables) -> None:
        """Compiles every model and test. Errors: `SqlModelError`, also where schema.yml describes
        a column that does not exist, or, in our own layout, leaves one out. Once for the same
        variables."""
        key = ("valid", repr(sorted(variables.items())))
        self._remember(key, (), variables, lambda: self._validate(variables))

    def _validate(self, variables: Variables) -> None:
        for name in (*self.seeds, *self.models):
            of, columns = self.described(name), list(self.types(name, variables))
            for column in of.columns:
                if column not in columns:
                    at = place_of_column(of.declared_in or of.path, name, column)
                    raise SqlModelError(
                        f"{at}: describes a column {column!r} that {name} does not have"
                        f"{nearest(column, columns)} Known: {', '.join(columns)}"
                    )
            missing = [column for column in columns if not of.columns.get(column)]
            if not self.files.layout.is_dbt and (missing or not of.description):
                raise SqlModelError(f"{of.path}: schema.yml does not describe {missing or name!r}")
            if name in self.models and self.models[name].config.materialized == "incremental":
                self._bound(self.models[name], variables, True)
        for test in self.tests():
            self._bound_test(test, variables)

    def tests(self) -> list[DataTest]:
        """Every test of sources, seeds and models."""
        tables = (*self.files.sources.values(), *self.seeds.values(), *self.models.values())
        return [test for table in tables for test in table.tests]

    def described(self, name: str) -> Described:
        """A model or a seed."""
        return self.seeds[name] if name in self.seeds else self._model(name)

    def _model(self, name: str) -> SqlModel:
        if name not in self.models:
            near = nearest(name, self.models)
            raise SqlModelError(f"{self.folder}: no model is named {name!r}{near}")
        return self.models[name]

    def values_of(self, name: str, variables: Variables) -> dict[str, Any]:
        """The values of the variables that a model and its ephemeral models use; days as text."""
        values = self._with_own(variables)
        models = (name, *self._staged(self._model(name).refs, {}, variables))
        used = {use: values.get(use) for each in models for use in self._model(each).variables}
        return {
            use: value.isoformat() if isinstance(value, datetime.date) else value
            for use, value in used.items()
        }

    def _with_own(self, variables: Variables) -> Variables:
        """The project's variables, with those given in front."""
        return {**self.files.layout.variables, **variables}

    def _draft(self, model: SqlModel, variables: Variables, is_incremental: bool = False) -> Draft:
        values = self._with_own(variables)
        for use in model.source.variables:
            if use.name not in values and not use.has_default:
                raise SqlModelError(
                    f"{use.place}: variable {use.name!r} has no value"
                    f"{nearest(use.name, values)} Known: {', '.join(sorted(values))}"
                )
        return self._remember(
            ("draft", model.name, str(is_incremental)), [model.name], variables,
            lambda: draft(
                str(model.path), model.source, values, this=model.name,
                is_incremental=is_incremental,
            ),
        )  # fmt: skip

    def _bound(self, model: SqlModel, variables: Variables, is_incremental: bool) -> dict[str, str]:
        def build() -> dict[str, str]:
            tables = self._types(model.refs, variables)
            if is_incremental:
                tables[model.name] = dict(self.types(model.name, variables))
            return bind(self._draft(model, variables, is_incremental), tables)

        key = ("types", model.name, str(is_incremental))
        return self._remember(key, [model.name], variables, build)

    def _bound_test(self, test: DataTest, variables: Variables) -> tuple[Draft, Mapping[str, str]]:
        query = self._draft_of_test(test, variables)
        tables = self._types((test.model, *test.refs), variables)
        of_macros = repr(sorted(variables.items())) if test.kind == "generic" else ""
        key = ("test types", test.model, test.name, repr(tables), of_macros)
        return query, self._remember(key, [test.name], variables, lambda: bind(query, tables))

    def _finish(
        self, name: str, query: Draft, refs: tuple[str, ...], types: Mapping[str, str],
        relations: Mapping[str, str], variables: Variables,
    ) -> Compiled:  # fmt: skip
        staged = self._staged(refs, relations, variables)
        inputs = self._stored(refs, relations)
        all_relations = {
            ref: relations.get(ref) or empty_relation(of)
            for ref, of in self._types(inputs, variables).items()
        }
        sql = filled(self._with_gaps(query, staged, inputs), all_relations)
        return Compiled(name, sql, inputs, types)

    def _with_gaps(self, query: Draft, staged: Mapping[str, Draft], inputs: tuple[str, ...]) -> str:
        """The whole query, written out once. Drafts are remembered, so that each is told by what it
        is, not by what it says."""
        drafts = (query, *staged.values())
        key = (tuple(map(id, drafts)), tuple(staged), inputs)
        if key not in self._written:
            self._written[key] = (drafts, with_gaps(inline(query, staged), inputs))
        return self._written[key][1]

    def _stored(self, refs: Iterable[str], given: Mapping[str, str] = NOTHING) -> tuple[str, ...]:
        return stored_refs(self.models, refs, given)

    def _staged(
        self, refs: Iterable[str], given: Mapping[str, str], variables: Variables
    ) -> dict[str, Draft]:
        """The ephemeral models that ``refs`` lead to, each after what it reads itself."""
        through = read_through(self.models, refs, given)
        return {model.name: self._draft(model, variables) for model in through}

    def _types(self, refs: Iterable[str], variables: Variables) -> dict[str, Mapping[str, str]]:
        return {ref: self.types(ref, variables) for ref in refs}

    def _remember(
        self, key: tuple[str, ...], names: Iterable[str], variables: Variables,
        build: Callable[[], Any],
    ) -> Any:  # fmt: skip
        """What ``build`` gave for the variables that the models ``names`` lead to."""
        used = sorted({use for name in names for use in self._used.get(name, ())})
        known = f"{key} {[(use, variables[use]) for use in used if use in variables]!r}"
        if known not in self._known:
            self._known[known] = build()
        return self._known[known]
