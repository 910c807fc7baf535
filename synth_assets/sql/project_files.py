"""The folder of a SQL project in; its models in dependency order, seeds, sources and checks out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from synth_assets.errors import SqlModelError
from synth_assets.sql.data_tests import DataTest
from synth_assets.sql.declarations import Declarations, read_declarations
from synth_assets.sql.declared_tests import BUILT_IN
from synth_assets.sql.layout import Layout, read_layout
from synth_assets.sql.macros import Macro, Macros, read_macros
from synth_assets.sql.model import SeedModel, SourceTable, SqlModel, read_model, read_seed_model
from synth_assets.sql.nearest import nearest
from synth_assets.sql.render import call_source
from synth_assets.sql.schema_file import UnitTestEntry
from synth_assets.sql.singular_tests import singular_tests
from synth_assets.sql.template_uses import Use
from synth_assets.sql.unsupported import explain

NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class ProjectFiles:
    """models: each after what it and its tests read. checks: singular tests."""

    layout: Layout
    macros: dict[str, Macro]
    sources: dict[str, SourceTable]
    seeds: dict[str, SeedModel]
    models: dict[str, SqlModel]
    checks: dict[str, SqlModel]
    unit_tests: list[tuple[Path, UnitTestEntry]]


def read_project(folder: Path) -> ProjectFiles:
    """Reads every file of a project.

    Errors: `SqlModelError` naming file, line and the nearest known name for an unknown ref.
    """
    layout = read_layout(folder)
    macros = read_macros(path for _, path in layout.files(layout.macros, ".sql"))
    said = read_declarations(layout)
    seeds = _read_seeds(layout, said)
    every = _read_models(layout, said, macros)
    models = {name: model for name, model in every.items() if model.config.enabled}
    said.require_files(set(every), {path.stem for _, path in layout.files(layout.seeds, ".csv")})
    _require_one_each(said.sources, seeds, models)
    known = [*said.sources, *seeds, *models]
    checks, tests = singular_tests(layout, said, list(models), macros)
    for model in (*models.values(), *checks.values()):
        for use in model.source.refs:
            _require_known(use, known, every)
    models = {
        name: replace(model, tests=_tests(model.tests, macros, known) + tests.get(name, ()))
        for name, model in models.items()
    }
    seeds = {
        name: replace(seed, tests=_tests(seed.tests, macros, known) + tests.get(name, ()))
        for name, seed in seeds.items()
    }
    sources = {
        name: replace(table, tests=_tests(table.tests, macros, known))
        for name, table in said.sources.items()
    }
    return ProjectFiles(
        layout, macros, sources, seeds, _in_order(layout, models), checks, said.unit_tests
    )


def _read_models(layout: Layout, said: Declarations, macros: Macros) -> dict[str, SqlModel]:
    for _, path in layout.files(layout.models, ".py"):
        raise SqlModelError(f"{path}: {explain('.py')}")
    found: dict[str, SqlModel] = {}
    for root, path in layout.files(layout.models, ".sql"):
        declared_in, entry = said.models.get(path.stem, (None, None))
        layers = layout.configs_of("models", root, path)
        model = read_model(path, layers, entry, declared_in, macros)
        if model.name in found:
            raise SqlModelError(f"{path}: {found[model.name].path} has that name already")
        found[model.name] = model
    return found


def _read_seeds(layout: Layout, said: Declarations) -> dict[str, SeedModel]:
    found: dict[str, SeedModel] = {}
    for root, path in layout.files(layout.seeds, ".csv"):
        declared_in, entry = said.seeds.get(path.stem, (None, None))
        layers = layout.configs_of("seeds", root, path)
        seed = read_seed_model(path, layers, entry, declared_in)
        if path.stem in found:
            raise SqlModelError(f"{path}: {found[path.stem].path} has that name already")
        if seed is not None:
            found[path.stem] = seed
    return found


def _require_one_each(
    sources: Collection[str], seeds: Mapping[str, SeedModel], models: Mapping[str, SqlModel]
) -> None:
    for name, thing in (*seeds.items(), *models.items()):
        if not NAME.fullmatch(name):
            raise SqlModelError(
                f"{thing.path}: {name!r} is no name of a table; use a-z, 0-9 and _, no digit first"
            )
        if name in sources:
            raise SqlModelError(f"{thing.path}: a table is named {name!r} already; rename it")
    for name in seeds.keys() & models.keys():
        raise SqlModelError(f"{models[name].path}: {seeds[name].path} has that name already")


def _require_known(use: Use, known: list[str], every: Mapping[str, SqlModel]) -> None:
    if use.name in known:
        return
    if use.name in every:
        raise SqlModelError(f"{use.place}: ref({use.name!r}) names a model that is not enabled")
    call = "source({!r}, {!r})".format(*use.name.split(".")) if "." in use.name else None
    raise SqlModelError(
        f"{use.place}: {call or f'ref({use.name!r})'} names no model or table"
        f"{nearest(use.name, known)} Known: {', '.join(sorted(known))}"
    )


def _tests(tests: Iterable[DataTest], macros: Macros, known: list[str]) -> tuple[DataTest, ...]:
    """The tests with what they read, each name checked."""
    complete: list[DataTest] = []
    for test in tests:
        if test.kind == "generic":
            test = _with_macro(test, macros)
        for ref in test.refs:
            if ref not in known:
                raise SqlModelError(
                    f"{test.shown}: no model or table is named {ref!r}{nearest(ref, known)}"
                )
        complete.append(test)
    return tuple(complete)


def _with_macro(test: DataTest, macros: Macros) -> DataTest:
    own = [name.removeprefix("test_") for name in macros if name.startswith("test_")]
    name = str(test.macro).removeprefix("test_")
    if name not in own:
        raise SqlModelError(
            f"{test.shown}: no test is named {name!r}{nearest(name, [*BUILT_IN, *own])}"
        )
    source = call_source(test.shown, str(test.macro), test.arguments, test.model, macros)
    return replace(test, refs=tuple(use.name for use in source.refs if use.name != test.model))


def _in_order(layout: Layout, models: dict[str, SqlModel]) -> dict[str, SqlModel]:
    """Each model after what it and its tests read. In dbt's layout a circle that only tests close
    is allowed, as dbt allows it: there the tests may run after all models."""
    with_tests = {
        name: {*model.refs, *(of for test in model.tests for of in test.refs)} & models.keys()
        for name, model in models.items()
    }
    alone = {name: set(model.refs) & models.keys() for name, model in models.items()}
    try:
        return _sorted(models, with_tests)
    except SqlModelError:
        if not layout.is_dbt:
            raise
        return _sorted(models, alone)


def _sorted(models: dict[str, SqlModel], graph: dict[str, set[str]]) -> dict[str, SqlModel]:
    try:
        return {name: models[name] for name in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        first = models[error.args[1][0]]
        raise SqlModelError(
            f"{first.path}: models, or their tests, refer to each other in a circle: {cycle}"
        ) from error
