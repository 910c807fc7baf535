"""DuckDB's extensions: a home in, a connection with what its lake needs out; offline, no trace."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from synth_assets.errors import LakeError
from synth_assets.store.home import Home


def connect_with_extensions(home: Home, config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A connection with the lake's extensions loaded straight from their wheels; where a platform
    has no wheel, from DuckDB's own repository into ``extension_directory``.

    A signature is checked only on what is downloaded: that takes 0.4 s of CPU for each connection,
    and a wheel lies beside DuckDB's own, checked by who installed both. Afterwards nothing
    unsigned can be loaded any more.
    """
    wheels = {extension: _wheel_file(extension) for extension in _needed(home)}
    comes_by_wheels = all(wheels.values())
    connection = duckdb.connect(config={**config, "allow_unsigned_extensions": comes_by_wheels})
    try:
        for extension, file in wheels.items():
            _load(connection, extension, file)
        connection.execute("SET allow_unsigned_extensions = false")
    except BaseException:
        connection.close()
        raise
    return connection


def _needed(home: Home) -> list[str]:
    catalog = "postgres_scanner" if home.catalog_file is None else "sqlite_scanner"
    return ["ducklake", catalog, *(["httpfs"] if "://" in home.data else [])]


def _load(connection: duckdb.DuckDBPyConnection, extension: str, file: Path | None) -> None:
    try:
        if file is None:
            connection.install_extension(extension)
        connection.load_extension(str(file or extension))
    except duckdb.Error as error:
        raise LakeError(
            f"the DuckDB extension {extension} {duckdb.__version__} cannot be loaded: {error}; "
            f"install the wheel duckdb-extension-{extension.replace('_', '-')}"
            f"=={duckdb.__version__}"
        ) from error


def _wheel_file(extension: str) -> Path | None:
    """The extension's file inside its wheel, or None where the wheel is not installed."""
    try:
        folder = files(f"duckdb_extension_{extension}")
    except ModuleNotFoundError:
        return None
    name = f"{extension}.duckdb_extension"
    file = Path(str(folder)) / "extensions" / f"v{duckdb.__version__}" / name
    return file if file.exists() else None
