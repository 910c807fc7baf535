"""The folder of a SQL project in, its models in dependency order, checks and sources out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from synth_assets.errors import SqlModelError
from synth_assets.schemas import TABLES, TableSchema
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.model import Layer, SqlModel, read_model
from synth_assets.sql.nearest import nearest
from synth_assets.sql.schema_file import (
    CheckEntry,
    ModelEntry,
    read_schema_file,
    read_sources_file,
)
from synth_assets.sql.template_uses import Use

LAYERS: tuple[Layer, ...] = ("staging", "marts", "checks")


@dataclass(frozen=True)
class ProjectFiles:
    """models: staging and marts, each after what it and its tests read. checks: singular tests."""

    sources: dict[str, TableSchema]
    models: dict[str, SqlModel]
    checks: dict[str, SqlModel]


def read_project(folder: Path) -> ProjectFiles:
    """Reads ``sources.yml`` and the folders staging, marts and checks of ``folder``.

    Errors: `SqlModelError` naming file, line and the nearest known name for an unknown ref.
    """
    if not folder.is_dir():
        raise SqlModelError(f"{folder}: there is no such folder of SQL models")
    sources = _read_sources(folder / "sources.yml")
    found: dict[str, SqlModel] = {}
    entries: list[tuple[Path, CheckEntry]] = []
    for layer in LAYERS:
        models, checks = _read_layer(folder / layer, layer)
        for model in models:
            _require_new(model, found, sources)
            found[model.name] = model
        entries += checks
    known = [*sources, *(name for name, model in found.items() if model.layer != "checks")]
    for model in found.values():
        for use in model.source.refs:
            _require_known(str(model.path), use, known)
    models = {name: model for name, model in found.items() if model.layer != "checks"}
    checks = {name: model for name, model in found.items() if model.layer == "checks"}
    tested = _with_checks(models, checks, entries, known)
    return ProjectFiles(sources, _in_order(tested), checks)


def _read_sources(path: Path) -> dict[str, TableSchema]:
    names = read_sources_file(path).sources
    for name in names:
        if name not in TABLES:
            raise SqlModelError(f"{path}: no table is named {name!r}{nearest(name, TABLES)}")
    return {name: TABLES[name] for name in names}


def _read_layer(folder: Path, layer: Layer) -> tuple[list[SqlModel], list[tuple[Path, CheckEntry]]]:
    models: dict[str, tuple[Path, ModelEntry]] = {}
    checks: list[tuple[Path, CheckEntry]] = []
    for path in sorted(folder.glob("*.yml")):
        declared = read_schema_file(path)
        checks += [(path, entry) for entry in declared.checks]
        for entry in declared.models:
            if not (folder / f"{entry.name}.sql").is_file():
                known = [file.stem for file in folder.glob("*.sql")]
                raise SqlModelError(
                    f"{path}: describes {entry.name!r}, but there is no {entry.name}.sql"
                    + nearest(entry.name, known)
                )
            models[entry.name] = (path, entry)
    read: list[SqlModel] = []
    for path in sorted(folder.glob("*.sql")):
        declared_in, entry = models.get(path.stem, (path, None))
        read.append(read_model(path, layer, entry, declared_in))
    return read, checks


def _require_new(
    model: SqlModel, found: dict[str, SqlModel], sources: dict[str, TableSchema]
) -> None:
    if model.name in sources:
        raise SqlModelError(f"{model.path}: a table is named {model.name!r} already; rename it")
    if model.name in found:
        raise SqlModelError(f"{model.path}: {found[model.name].path} has that name already")


def _require_known(where: str, use: Use, known: list[str]) -> None:
    if use.name not in known:
        raise SqlModelError(
            f"{where}, line {use.line}: ref({use.name!r}) names no model or table"
            f"{nearest(use.name, known)} Known: {', '.join(sorted(known))}"
        )


def _in_order(models: dict[str, SqlModel]) -> dict[str, SqlModel]:
    graph = {
        name: {
            ref
            for ref in (*model.refs, *(of for test in model.tests for of in test.refs))
            if ref in models
        }
        for name, model in models.items()
    }
    try:
        return {name: models[name] for name in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        first = models[error.args[1][0]]
        raise SqlModelError(
            f"{first.path}: models, or their tests, refer to each other in a circle: {cycle}"
        ) from (error)


def _with_checks(
    models: dict[str, SqlModel],
    checks: dict[str, SqlModel],
    entries: list[tuple[Path, CheckEntry]],
    known: list[str],
) -> dict[str, SqlModel]:
    """The models with their singular checks among their tests, and every test's names checked."""
    complete = dict(models)
    for path, entry in entries:
        if entry.name not in checks:
            raise SqlModelError(
                f"{path}: check {entry.name!r} has no file {entry.name}.sql"
                + nearest(entry.name, checks)
            )
        if entry.model not in models:
            raise SqlModelError(
                f"{path}: check {entry.name}: no model is named {entry.model!r}"
                + nearest(entry.model, models)
            )
        check, model = checks[entry.name], complete[entry.model]
        test = DataTest(
            name=entry.name, model=entry.model, kind="check", path=check.path,
            description=entry.description.strip(), severity=entry.severity,
            threshold=entry.threshold, refs=tuple(r for r in check.refs if r != entry.model),
        )  # fmt: skip
        complete[entry.model] = replace(model, tests=(*model.tests, test))
    for name in checks.keys() - {entry.name for _, entry in entries}:
        raise SqlModelError(
            f"{checks[name].path}: no schema.yml says which model it checks; add "
            f"checks: [{{name: {name}, model: …, description: …}}]"
        )
    for model in complete.values():
        for test in model.tests:
            for ref in test.refs:
                if ref not in known:
                    raise SqlModelError(
                        f"{test.path}: test {test.name} of {model.name}: no model or table is "
                        f"named {ref!r}{nearest(ref, known)}"
                    )
    return complete
