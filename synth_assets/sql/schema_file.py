"""A YAML file of a SQL project in, its declarations out: models, seeds, sources, tests, checks.

Any file may hold any of them, as dbt's do: `schema.yml` and `sources.yml` are only usual names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from synth_assets.errors import RecipeError
from synth_assets.sql.declared_tests import (
    AcceptedValues,
    Blame,
    Expression,
    Generic,
    Relationships,
    TestEntry,
    ref_name,
)
from synth_assets.sql.unsupported import refuse
from synth_assets.sql.yaml_parts import Declared, read_yaml_mapping, validated
from synth_assets.yaml_file import read_yaml

Row = dict[str, Any]


class ColumnEntry(Declared):
    """data_type: DuckDB type; needed only of a source that lies in no lake or database yet."""

    name: str
    description: str = ""
    data_type: str | None = None
    tests: tuple[TestEntry, ...] = ()
    data_tests: tuple[TestEntry, ...] = ()
    quote: Any = None
    tags: Any = None
    meta: Any = None
    config: dict[str, Any] = Field(default_factory=dict)

    @property
    def all_tests(self) -> tuple[Any, ...]:
        return (*self.tests, *self.data_tests)


class TableEntry(Declared):
    """What models, seeds and tables of a source have alike."""

    name: str
    description: str = ""
    columns: tuple[ColumnEntry, ...] = ()
    tests: tuple[TestEntry, ...] = ()
    data_tests: tuple[TestEntry, ...] = ()
    config: dict[str, Any] = Field(default_factory=dict)
    tags: Any = None
    meta: Any = None
    docs: Any = None

    @property
    def all_tests(self) -> tuple[Any, ...]:
        return (*self.tests, *self.data_tests)

    @property
    def column_tests(self) -> list[tuple[str, tuple[Any, ...]]]:
        return [(column.name, column.all_tests) for column in self.columns]


class ModelEntry(TableEntry):
    """key: the id column that is unique in the model; null for one that is not stored."""

    key: str | None = None


class SourceTableEntry(TableEntry):
    """identifier: name of the table where it is not the one that models use."""

    identifier: str | None = None


class SourceEntry(Declared):
    """Tables that no model of this project makes. schema: where they lie; else the name."""

    name: str
    db_schema: str | None = Field(default=None, alias="schema")
    database: str | None = None
    description: str = ""
    tables: tuple[SourceTableEntry, ...] = ()
    loader: Any = None
    tags: Any = None
    meta: Any = None


class CheckEntry(Blame):
    """A singular test: ``<name>.sql`` returns the rows that offend. model: whose check it is."""

    name: str
    model: str | None = None
    description: str = ""


class GivenEntry(Declared):
    """Rows of one input of a unit test. format: of ``rows``; csv is text with a header."""

    input: Annotated[str, BeforeValidator(ref_name)]
    rows: list[Row] | str = Field(default_factory=list)
    format: Literal["dict", "csv"] = "dict"


class ExpectEntry(Declared):
    rows: list[Row] | str
    format: Literal["dict", "csv"] = "dict"


class OverridesEntry(Declared):
    """macros: only is_incremental can be overridden."""

    vars: dict[str, Any] = Field(default_factory=dict)
    macros: dict[Literal["is_incremental"], bool] = Field(default_factory=dict)


class UnitTestEntry(Declared):
    """A unit test as dbt writes it."""

    name: str
    model: str
    description: str = ""
    given: tuple[GivenEntry, ...] = ()
    expect: ExpectEntry
    overrides: OverridesEntry = OverridesEntry()
    tags: Any = None
    meta: Any = None
    config: dict[str, Any] = Field(default_factory=dict)


class MacroEntry(Declared):
    """A description for readers; it changes nothing."""

    name: str
    description: str = ""
    arguments: Any = None


def _with_config(value: Any) -> Any:
    """dbt writes a singular test's severity under ``config``."""
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        return {key: of for key, of in value.items() if key != "config"} | value["config"]
    return value


Check = Annotated[CheckEntry, BeforeValidator(_with_config)]


class SchemaFile(Declared):
    version: Any = None
    models: tuple[ModelEntry, ...] = ()
    seeds: tuple[ModelEntry, ...] = ()
    sources: tuple[str | SourceEntry, ...] = ()
    checks: tuple[Check, ...] = ()
    data_tests: tuple[Check, ...] = ()
    unit_tests: tuple[UnitTestEntry, ...] = ()
    macros: tuple[MacroEntry, ...] = ()


def read_schema_file(path: Path) -> SchemaFile:
    """Errors: `SqlModelError` naming file, field and the nearest known key."""
    raw = read_yaml_mapping(path)
    refuse(str(path), [key for key in raw if key not in SchemaFile.model_fields])
    parts = (
        SchemaFile, ModelEntry, ColumnEntry, SourceEntry, SourceTableEntry, CheckEntry, Expression,
        Relationships, AcceptedValues, Generic, UnitTestEntry, GivenEntry,
    )  # fmt: skip
    known = sorted({key for part in parts for key in part.model_fields})
    return validated(path, SchemaFile, raw, known)


def place_of_column(path: Path, table: str, column: str) -> str:
    """Where the file describes a column of a model or a seed: ``path, line``; the path alone where
    the lines cannot be told, as of a key that stands twice."""
    try:
        file = read_yaml(path)
    except (RecipeError, OSError):
        return str(path)
    for field, line in file.lines.items():
        match field:
            case ("models" | "seeds" as kind, int(model), "columns", int(place), "name"):
                entry = file.data[kind][model]
                if (entry.get("name"), entry["columns"][place]["name"]) == (table, column):
                    return f"{path}, line {line}"
            case _:
                continue
    return str(path)
