"""SQL files that return offending rows in; them, and the `DataTest`s of the models they check, out.

In our own layout a file of YAML says whose check each is; in dbt's, where none does, it is the
check of the last model that it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synth_assets.errors import SqlModelError
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.declarations import Declarations
from synth_assets.sql.layout import Layout
from synth_assets.sql.macros import Macros
from synth_assets.sql.model import SqlModel
from synth_assets.sql.nearest import nearest
from synth_assets.sql.render import read_source
from synth_assets.sql.schema_file import CheckEntry
from synth_assets.sql.yaml_parts import validated

GENERIC = "generic"
"""Folder under the tests that holds ``{% test %}`` blocks, as dbt has it."""


def singular_tests(
    layout: Layout, said: Declarations, models: Sequence[str], macros: Macros
) -> tuple[dict[str, SqlModel], dict[str, tuple[DataTest, ...]]]:
    """(file by name, tests by the model whose check they are).

    models: every name, in any order. Errors: `SqlModelError`.
    """
    checks = _read(layout, macros)
    entries = _entries(layout, said, checks)
    tests: dict[str, tuple[DataTest, ...]] = {}
    for name, check in checks.items():
        path, entry = entries.get(name, (check.path, CheckEntry(name=name)))
        if layout.is_dbt:
            entry = _configured(path, entry, check, layout)
        elif entry.model is None:
            raise SqlModelError(
                f"{check.path}: no schema.yml says which model it checks; add "
                f"checks: [{{name: {name}, model: …, description: …}}]"
            )
        if entry.where:
            raise SqlModelError(f"{path}: check {name}: write the where into its SELECT")
        owner = entry.model or _last_read(check, models)
        if owner not in models and owner not in said.sources:
            raise SqlModelError(
                f"{path}: check {name}: no model is named {owner!r}{nearest(owner, models)}"
            )
        if not entry.enabled:
            continue
        test = DataTest(
            name, owner, "check", check.path, description=entry.description.strip(),
            refs=tuple(ref for ref in check.refs if ref != owner), **entry.blame(),
        )  # fmt: skip
        tests[owner] = (*tests.get(owner, ()), test)
    return checks, tests


def _read(layout: Layout, macros: Macros) -> dict[str, SqlModel]:
    checks: dict[str, SqlModel] = {}
    for root, path in layout.files(layout.tests, ".sql"):
        if GENERIC in path.relative_to(root).parts[:-1]:
            continue
        if path.stem in checks:
            raise SqlModelError(f"{path}: {checks[path.stem].path} has that name already")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SqlModelError(f"{path}: cannot be read ({error})") from error
        source = read_source(str(path), text, macros)
        checks[path.stem] = SqlModel(name=path.stem, path=path, source=source)
    return checks


def _entries(
    layout: Layout, said: Declarations, checks: dict[str, SqlModel]
) -> dict[str, tuple[Path, CheckEntry]]:
    entries: dict[str, tuple[Path, CheckEntry]] = {}
    for path, entry in said.checks:
        if entry.name not in checks:
            raise SqlModelError(
                f"{path}: check {entry.name!r} has no file {entry.name}.sql"
                + nearest(entry.name, checks)
            )
        entries[entry.name] = (path, entry)
    return entries


def _configured(path: Path, entry: CheckEntry, check: SqlModel, layout: Layout) -> CheckEntry:
    """The entry with what dbt_project.yml and the file's own config() say."""
    config: dict[str, Any] = {}
    for root in layout.tests:
        if check.path.is_relative_to(root):
            for layer in layout.configs_of("tests", root, check.path):
                config |= layer
    config |= entry.model_dump(exclude_unset=True) | check.source.uses.config
    return validated(path, CheckEntry, config, CheckEntry.model_fields)


def _last_read(check: SqlModel, models: Sequence[str]) -> str:
    """Its last ref that is a model: the tables it is compared with usually come before."""
    read = [ref for ref in check.refs if ref in models]
    if not read:
        raise SqlModelError(f"{check.path}: refers to no model, so it is no model's check")
    return read[-1]
