"""The folder of a SQL project in, where its files lie and how it configures them out.

With a ``dbt_project.yml`` the folder is laid out as dbt's. Without one it is laid out as ours:
``staging/`` (each read through, never stored), ``marts/`` (tables), ``models/`` (views), singular
tests in ``checks/``, unit tests in ``unit_tests/``; there every table and column is described.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synth_assets.errors import SqlModelError
from synth_assets.sql.nearest import nearest
from synth_assets.sql.unsupported import explain
from synth_assets.sql.yaml_parts import read_yaml_mapping

PROJECT_FILE = "dbt_project.yml"
PATHS = {
    "model-paths": "models", "seed-paths": "seeds", "macro-paths": "macros", "test-paths": "tests",
    "snapshot-paths": "snapshots",
}  # fmt: skip
USED = ("name", "vars", "models", "seeds", "tests", "data_tests")
IGNORED = (
    "version", "config-version", "profile", "target-path", "clean-targets", "log-path",
    "packages-install-path", "require-dbt-version", "analysis-paths", "docs-paths", "asset-paths",
    "query-comment", "flags",
)  # fmt: skip
"""Keys that concern dbt's own running, or files that dbt does not run either."""
PACKAGE_FILES = ("packages.yml", "dependencies.yml")


@dataclass(frozen=True)
class Layout:
    """Where the files of a project lie.

    is_dbt: laid out by a ``dbt_project.yml``. models, seeds, macros, tests, unit_tests: folders,
    absent ones left out. variables: values of var() that the project declares.
    configs: for ``models``, ``seeds`` and ``tests``: (names of folders, config), outer ones first.
    of_root: config of every model under a folder of that name.
    """

    folder: Path
    name: str
    is_dbt: bool
    models: tuple[Path, ...]
    seeds: tuple[Path, ...]
    macros: tuple[Path, ...]
    tests: tuple[Path, ...]
    unit_tests: tuple[Path, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    configs: Mapping[str, list[tuple[tuple[str, ...], dict[str, Any]]]] = field(
        default_factory=dict
    )
    of_root: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def files(self, folders: tuple[Path, ...], suffix: str) -> Iterator[tuple[Path, Path]]:
        """(root, file) of each file under the folders, in the order of their names."""
        for root in folders:
            for path in sorted(root.rglob(f"*{suffix}")):
                yield root, path

    def configs_of(self, kind: str, root: Path, path: Path) -> list[Mapping[str, Any]]:
        """The configs that hold for a file, outer ones first."""
        parts = (*path.relative_to(root).parts[:-1], path.stem)
        inner = self.configs.get(kind, [])
        return [
            self.of_root.get(root.name, {}),
            *(config for names, config in inner if parts[: len(names)] == names),
        ]


def read_layout(folder: Path) -> Layout:
    """Errors: `SqlModelError` where there is no folder, or its project file is wrong."""
    if not folder.is_dir():
        raise SqlModelError(f"{folder}: there is no such folder of SQL models")
    for name in PACKAGE_FILES:
        if (folder / name).exists():
            raise SqlModelError(f"{folder / name}: {explain('packages.yml')}")
    path = folder / PROJECT_FILE
    return _dbt_layout(folder, path) if path.exists() else _own_layout(folder)


def _own_layout(folder: Path) -> Layout:
    return Layout(
        folder, folder.name, False,
        models=_existing(folder, "staging", "marts", "models"),
        seeds=_existing(folder, "seeds"),
        macros=_existing(folder, "macros"),
        tests=_existing(folder, "checks", "tests"),
        unit_tests=_existing(folder, "unit_tests"),
        of_root={"staging": {"materialized": "ephemeral"}, "marts": {"materialized": "table"}},
    )  # fmt: skip


def _dbt_layout(folder: Path, path: Path) -> Layout:
    said = read_yaml_mapping(path)
    for key in said:
        if key not in (*USED, *IGNORED, *PATHS) and (said[key] or explain(key) is None):
            hint = explain(key) or f"unknown key {key!r}{nearest(key, [*USED, *IGNORED, *PATHS])}"
            raise SqlModelError(f"{path}: {hint}")
    name = str(said.get("name") or folder.name)
    found = {key: _existing(folder, *said.get(key, [default])) for key, default in PATHS.items()}
    for root in found["snapshot-paths"]:
        for snapshot in root.rglob("*.sql"):
            raise SqlModelError(f"{snapshot}: {explain('snapshots')}")
    generic = (f"{tests.name}/generic" for tests in found["test-paths"])
    return Layout(
        folder, name, True,
        models=found["model-paths"], seeds=found["seed-paths"],
        macros=(*found["macro-paths"], *_existing(folder, *generic)),
        tests=found["test-paths"],
        variables=_variables(path, name, said.get("vars") or {}),
        configs={
            "models": _configs(path, name, said.get("models") or {}),
            "seeds": _configs(path, name, said.get("seeds") or {}),
            "tests": _configs(path, name, said.get("data_tests") or said.get("tests") or {}),
        },
    )  # fmt: skip


def _existing(folder: Path, *names: str) -> tuple[Path, ...]:
    return tuple(folder / name for name in names if (folder / name).is_dir())


def _variables(path: Path, name: str, said: Any) -> dict[str, Any]:
    """The project's variables; those under its own name come last and win."""
    if not isinstance(said, dict):
        raise SqlModelError(f"{path}: vars: write name: value, one a line")
    own = said.get(name)
    shared = {key: value for key, value in said.items() if key != name}
    return {**shared, **own} if isinstance(own, dict) else dict(said)


def _configs(path: Path, name: str, said: Any) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """(folders, config), outer ones first; what stands under the project's name is its root."""
    found: list[tuple[tuple[str, ...], dict[str, Any]]] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), said)]
    while waiting:
        folders, part = waiting.pop(0)
        if not isinstance(part, dict):
            raise SqlModelError(f"{path}: {'.'.join(folders)}: write +key: value, or a folder")
        config: dict[str, Any] = {}
        for key, value in part.items():
            if key.startswith("+") or not isinstance(value, dict):
                config[key.removeprefix("+")] = value
            else:
                inner = folders if not folders and key == name else (*folders, key)
                waiting.append((inner, value))
        if config:
            found.append((folders, config))
    return found
