"""A folder of SQL models in, compiled SELECTs, schemas, lineage and tests out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from synth_assets.errors import SqlModelError
from synth_assets.identity import content_hash
from synth_assets.schemas import Column, TableSchema
from synth_assets.sql.columns import Lineage, trace_columns
from synth_assets.sql.compiler import Draft, bind, draft, draft_sql, inline, relate
from synth_assets.sql.data_tests import DataTest, offending_rows
from synth_assets.sql.model import SqlModel
from synth_assets.sql.nearest import nearest
from synth_assets.sql.project_files import ProjectFiles, read_project
from synth_assets.sql.relations import duckdb_types, empty_relation
from synth_assets.sql.render import REF_PREFIX

Variables = Mapping[str, Any]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Compiled:
    """One SELECT that DuckDB has bound. inputs: tables and marts it reads; schema: its columns."""

    name: str
    sql: str
    inputs: tuple[str, ...]
    schema: pl.Schema


class SqlProject:
    """The models, singular checks and sources of one folder, such as dbt_like_sql.

    Staging models are never stored: a query that refers to one has it as a CTE, unless a relation
    is given for it. Where no relation is given for a table or a mart, it is read as empty, with
    the columns it is declared with.
    """

    def __init__(self, folder: Path, files: ProjectFiles) -> None:
        self.folder = folder
        self.models: dict[str, SqlModel] = files.models
        self.checks: dict[str, SqlModel] = files.checks
        self.sources: dict[str, TableSchema] = files.sources
        self._known: dict[str, Any] = {}
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
        """Names of the models that are tables of the lake, in dependency order."""
        return tuple(name for name, model in self.models.items() if model.layer == "marts")

    def inputs(self, name: str) -> tuple[str, ...]:
        """Tables and marts that a model reads, through its staging models."""
        return self._stored(self._model(name).refs)

    def test_inputs(self, name: str) -> tuple[str, ...]:
        """Tables and marts that only the tests of a model read, besides the model itself."""
        refs = self._stored(ref for test in self._model(name).tests for ref in test.refs)
        return tuple(ref for ref in refs if ref != name and ref not in self.inputs(name))

    def compile(
        self, name: str, relations: Mapping[str, str] = NOTHING, variables: Variables = NOTHING
    ) -> Compiled:
        """The SELECT of a model.

        relations: ref → SQL relation, such as ``"lake"."chat"."completions"`` or a subquery in
        parentheses. variables: values of var(). Errors: `SqlModelError`.
        """
        model = self._model(name)
        query, schema = self._draft(model, variables), self.schema(name, variables)
        return self._finish(name, query, model.refs, schema, relations, variables)

    def compile_test(
        self, test: DataTest, relations: Mapping[str, str] = NOTHING, variables: Variables = NOTHING
    ) -> Compiled:
        """The SELECT that returns the offending rows of a test; ``relations[test.model]`` may be
        a temp table of staged rows."""
        key, refs = (test.model, test.name), (test.model, *test.refs)
        names = (*refs, test.name)
        query = self._remember(
            ("test", *key), names, variables, lambda: self._test_draft(test, variables)
        )
        schema = self._remember(
            ("test schema", *key), names, variables,
            lambda: bind(query, self._types(refs, variables)),
        )  # fmt: skip
        return self._finish(test.name, query, refs, schema, relations, variables)

    def schema(self, name: str, variables: Variables = NOTHING) -> pl.Schema:
        """The columns of a model or a table."""
        if name in self.sources:
            return self.sources[name].polars
        model = self._model(name)

        def build() -> pl.Schema:
            return bind(self._draft(model, variables), self._types(model.refs, variables))

        return self._remember(("schema", name), [name], variables, build)

    def table_schema(self, name: str, variables: Variables = NOTHING) -> TableSchema:
        """A mart as a table of the lake: key, columns, and descriptions from schema.yml."""
        model = self._model(name)
        if model.key is None or model.key not in self.schema(name, variables):
            raise SqlModelError(f"{model.path}: schema.yml names no column of it as its key")
        columns = tuple(
            Column(column, dtype, model.columns.get(column, ""))
            for column, dtype in self.schema(name, variables).items()
        )
        return TableSchema(name, model.key, model.description, columns)

    def lineage(self, name: str, variables: Variables = NOTHING) -> Lineage:
        """{output column: [(table or mart, column), …]}, through staging models."""
        model = self._model(name)
        whole = inline(self._draft(model, variables), self._staged(model.refs, {}, variables))
        types = self._types(self.inputs(name), variables)
        traced = trace_columns(whole.query, {REF_PREFIX + ref: of for ref, of in types.items()})
        return {
            column: [(table.removeprefix(REF_PREFIX), of) for table, of in traced.get(column, [])]
            for column in self.schema(name, variables)
        }

    def code_hash(self, name: str, variables: Variables = NOTHING) -> str:
        """Hash of what a model and its staging models say once rendered: formatting and comments
        do not change it, the values of its variables do."""
        model = self._model(name)
        staged = self._staged(model.refs, {}, variables)
        return content_hash(
            "sql_model", name, self._draft(model, variables).hash,
            {ref: inner.hash for ref, inner in staged.items()},
        )  # fmt: skip

    def validate(self, variables: Variables) -> None:
        """Compiles every model and test. Errors: `SqlModelError`, also where schema.yml describes
        a column that does not exist, or leaves one out."""
        for name, model in self.models.items():
            columns = self.compile(name, {}, variables).schema.names()
            for column in model.columns:
                if column not in columns:
                    raise SqlModelError(
                        f"{model.path}: schema.yml describes a column {column!r} that it does not "
                        f"have{nearest(column, columns)}"
                    )
            missing = [column for column in columns if column not in model.columns]
            if missing or not model.description:
                raise SqlModelError(
                    f"{model.path}: schema.yml does not describe {missing or name!r}"
                )
            for test in model.tests:
                self.compile_test(test, {}, variables)

    def _model(self, name: str) -> SqlModel:
        if name not in self.models:
            hint = nearest(name, self.models)
            raise SqlModelError(f"{self.folder}: no model is named {name!r}{hint}")
        return self.models[name]

    def _draft(self, model: SqlModel, variables: Variables) -> Draft:
        for use in model.source.variables:
            if use.name not in variables and not use.has_default:
                raise SqlModelError(
                    f"{model.path}, line {use.line}: variable {use.name!r} has no value"
                    f"{nearest(use.name, variables)} Known: {', '.join(sorted(variables))}"
                )
        return self._remember(
            ("draft", model.name), [model.name], variables,
            lambda: draft(str(model.path), model.source, variables),
        )  # fmt: skip

    def _test_draft(self, test: DataTest, variables: Variables) -> Draft:
        if test.kind == "check":
            return self._draft(self.checks[test.name], variables)
        where = f"{test.path}: test {test.name} of {test.model}"
        return draft_sql(where, offending_rows(test), [test.model, *test.refs])

    def _finish(
        self, name: str, query: Draft, refs: tuple[str, ...], schema: pl.Schema,
        relations: Mapping[str, str], variables: Variables,
    ) -> Compiled:  # fmt: skip
        staged = self._staged(refs, relations, variables)
        inputs = self._stored(refs, relations)
        all_relations = {
            ref: relations.get(ref) or empty_relation(types)
            for ref, types in self._types(inputs, variables).items()
        }
        sql = relate(inline(query, staged), all_relations)
        return Compiled(name, sql, inputs, schema)

    def _stored(self, refs: Iterable[str], given: Mapping[str, str] = NOTHING) -> tuple[str, ...]:
        """``refs`` with each staging model that is not given replaced by what it reads."""
        found: dict[str, None] = {}
        for ref in refs:
            inner = self.models.get(ref)
            if inner is not None and inner.layer == "staging" and ref not in given:
                found.update(dict.fromkeys(self._stored(inner.refs, given)))
            else:
                found[ref] = None
        return tuple(found)

    def _staged(
        self, refs: Iterable[str], given: Mapping[str, str], variables: Variables
    ) -> dict[str, Draft]:
        """The staging models that ``refs`` lead to, each after what it reads itself."""
        needed: set[str] = set()
        waiting = list(refs)
        while waiting:
            ref = waiting.pop()
            model = self.models.get(ref)
            if model and model.layer == "staging" and ref not in given and ref not in needed:
                needed.add(ref)
                waiting.extend(model.refs)
        return {
            name: self._draft(model, variables)
            for name, model in self.models.items()
            if name in needed
        }

    def _types(self, refs: Iterable[str], variables: Variables) -> dict[str, dict[str, str]]:
        return {ref: duckdb_types(self.schema(ref, variables)) for ref in refs}

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
