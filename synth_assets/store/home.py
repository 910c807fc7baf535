"""Where everything lives: SYNTH_HOME in, absolute paths out. Nothing is ever written elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synth_assets.errors import LakeError

_POSTGRES_URI = re.compile(r"postgres(ql)?://")


@dataclass(frozen=True)
class Home:
    """The folder of all state, and where the lake's two halves are.

    catalog: a DuckLake catalog, ``sqlite:<path>`` or ``postgres:<connection>``. It may hold a
        password, so it is never shown (see `synth_assets.store.faults`).
    data: folder or object-storage prefix of the Parquet files, ending in a slash.
    """

    path: Path
    catalog: str = field(repr=False)
    data: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Home:
        """``SYNTH_HOME`` (default ``.synth/``), ``SYNTH_LAKE_CATALOG``, ``SYNTH_LAKE_DATA``.

        Errors: `LakeError` where the catalog is of a kind that cannot hold a lake.
        """
        path = _absolute(environment.get("SYNTH_HOME") or ".synth")
        catalog, data = environment.get("SYNTH_LAKE_CATALOG"), environment.get("SYNTH_LAKE_DATA")
        return cls(
            path,
            _catalog(catalog) if catalog else _default_catalog(path),
            _folder(data) if data else _default_data(path),
        )

    @classmethod
    def at(cls, path: Path) -> Home:
        """A home in ``path`` whatever the environment says."""
        return cls.from_environment({"SYNTH_HOME": str(path)})

    @property
    def catalog_file(self) -> Path | None:
        """The SQLite catalog, or None where the catalog is a server's."""
        kind, _, rest = self.catalog.partition(":")
        return Path(rest) if kind == "sqlite" else None

    @property
    def is_in_one_place(self) -> bool:
        """True where catalog and data both lie in the folder, and so move with it."""
        return (self.catalog, self.data) == (_default_catalog(self.path), _default_data(self.path))

    @property
    def data_folder(self) -> Path | None:
        """The folder of the Parquet files, or None where they lie in object storage."""
        return None if "://" in self.data else Path(self.data)

    @property
    def locks(self) -> Path:
        return self.path / "locks"

    @property
    def spill(self) -> Path:
        return self.path / "spill"

    @property
    def dagster(self) -> Path:
        return self.path / "dagster"

    @property
    def exports(self) -> Path:
        return self.path / "exports"


def _absolute(path: str) -> Path:
    return Path(path).expanduser().absolute()


def _default_catalog(path: Path) -> str:
    return f"sqlite:{path / 'lake.sqlite'}"


def _default_data(path: Path) -> str:
    return f"{path / 'lake'}/"


def _catalog(value: str) -> str:
    if _POSTGRES_URI.match(value):
        return f"postgres:{value}"
    kind, colon, rest = value.partition(":")
    if colon and rest and kind == "postgres":
        return value
    if colon and rest and kind == "sqlite":
        return f"sqlite:{_absolute(rest)}"
    # Only the kind is shown: the rest may hold a password.
    raise LakeError(
        f"SYNTH_LAKE_CATALOG: {kind if colon else 'the value'!r} is no kind of catalog; write "
        "sqlite:<path>, postgres:<dbname=… host=…> or postgresql://…, or leave it unset"
    )


def _folder(value: str) -> str:
    if "://" in value:
        return value if "?" in value else f"{value.rstrip('/')}/"
    return f"{_absolute(value)}/"


def identity(file: Path | None) -> tuple[int, int] | None:
    """What tells one file from another put in its place; None for a server or no file."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
