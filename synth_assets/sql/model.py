"""One file of a SQL project and its declaration in, what it reads, says and promises out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synth_assets.errors import SqlModelError
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.declared_tests import data_tests_of
from synth_assets.sql.macros import NO_MACROS, Macros
from synth_assets.sql.model_config import ModelConfig, read_config
from synth_assets.sql.render import Source, read_source
from synth_assets.sql.schema_file import ModelEntry
from synth_assets.sql.seeds import Seed, read_seed
from synth_assets.sql.unsupported import explain


@dataclass(frozen=True)
class Described:
    """What people are told of a table, and what is checked of it.

    key: the id column that is unique in it. columns: name → description, as declared in the file
    ``declared_in``.
    tests: declared ones and the singular checks that are this table's.
    """

    name: str
    path: Path
    description: str = ""
    key: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[DataTest, ...] = ()
    declared_in: Path | None = None


@dataclass(frozen=True, kw_only=True)
class SqlModel(Described):
    """A model, or a singular test: one SELECT in one file."""

    source: Source
    config: ModelConfig = field(default_factory=ModelConfig)

    @property
    def is_ephemeral(self) -> bool:
        """Never stored: whoever refers to it has it as a CTE."""
        return self.config.materialized == "ephemeral"

    @property
    def refs(self) -> tuple[str, ...]:
        """Names it refers to, in the order of their first use."""
        return tuple(use.name for use in self.source.refs)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables it uses."""
        return tuple(use.name for use in self.source.variables)


@dataclass(frozen=True, kw_only=True)
class SeedModel(Described):
    """A CSV file as a table."""

    seed: Seed


@dataclass(frozen=True)
class SourceTable:
    """A table that no model of the project makes.

    place: schema and table where it lies in a plain database.
    types: column → DuckDB type; None where only the database knows.
    """

    name: str
    place: tuple[str, str]
    types: Mapping[str, str] | None = None
    tests: tuple[DataTest, ...] = ()


def read_model(
    path: Path,
    layers: list[Mapping[str, object]],
    entry: ModelEntry | None = None,
    declared_in: Path | None = None,
    macros: Macros = NO_MACROS,
) -> SqlModel:
    """The model in ``path``, described by its entry of ``declared_in``.

    layers: configs of the folders around it, outer ones first; the entry's and the file's own
    config() win over them.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SqlModelError(f"{path}: cannot be read ({error})") from error
    source = read_source(str(path), text, macros)
    config = read_config(str(path), [*layers, entry.config if entry else {}, source.uses.config])
    if config.column_types:
        raise SqlModelError(f"{path}: column_types is for seeds; cast the columns in the SELECT")
    if source.uses.this and config.materialized != "incremental":
        raise SqlModelError(
            f"{source.uses.this.place}: {{{{ this }}}} is for incremental models; add "
            "config(materialized='incremental')"
        )
    return SqlModel(
        **_described(path.stem, path, config, entry, declared_in), source=source, config=config
    )


def read_seed_model(
    path: Path,
    layers: list[Mapping[str, object]],
    entry: ModelEntry | None,
    declared_in: Path | None,
) -> SeedModel | None:
    """The seed in ``path``; None where it is not enabled."""
    config = read_config(str(path), [*layers, entry.config if entry else {}])
    if not config.enabled:
        return None
    return SeedModel(
        **_described(path.stem, path, config, entry, declared_in), seed=read_seed(path, config)
    )


def _described(
    name: str, path: Path, config: ModelConfig, entry: ModelEntry | None, declared_in: Path | None
) -> dict[str, Any]:
    if entry is None or declared_in is None:
        only = config.unique_key[0] if len(config.unique_key) == 1 else None
        return {"name": name, "path": path, "key": only}
    for text in (entry.description, *(column.description for column in entry.columns)):
        if "{{" in text and "doc(" in text:
            raise SqlModelError(f"{declared_in}: {entry.name}: {explain('doc')}")
    tests = data_tests_of(declared_in, entry.name, entry.column_tests, entry.all_tests)
    return {
        "name": name,
        "path": path,
        "description": entry.description.strip(),
        "key": entry.key or _key(tests, config),
        "columns": {column.name: column.description.strip() for column in entry.columns},
        "tests": tests,
        "declared_in": declared_in,
    }


def _key(tests: tuple[DataTest, ...], config: ModelConfig) -> str | None:
    """The one column of unique_key, else the first that is tested as unique and never null."""
    if len(config.unique_key) == 1:
        return config.unique_key[0]
    tested = {kind: [t.column for t in tests if t.kind == kind] for kind in ("unique", "not_null")}
    return next((column for column in tested["unique"] if column in tested["not_null"]), None)
