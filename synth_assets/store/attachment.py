"""A home in, a DuckDB connection with its lake attached as ``lake`` out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import duckdb

from synth_assets.errors import LakeError
from synth_assets.store.extensions import connect_with_extensions
from synth_assets.store.home import Home
from synth_assets.store.locks import held
from synth_assets.store.sql_types import quote_literal

CATALOG = "__ducklake_metadata_lake"
"""Where DuckLake keeps its own tables of the lake that is attached as ``lake``."""

LAYOUT = 2
"""Version of what this package writes into a lake; a lake of another layout is refused. 2: content
hashes are sums (decision 36)."""


ROWS_TOGETHER = 16_384
"""Rows of a row group in the lake's files. A look-up of a row reads the texts of its whole row
group, and a scan costs more the more there are: DuckDB's own 122,880 suit scans alone."""


def write_lock(home: Home) -> AbstractContextManager[None]:
    """SQLite admits one writer, and gives up within 10 ms: writers queue here instead."""
    if home.catalog_file is None:
        return nullcontext()
    return held(home.locks / "lake.lock")


def connect(home: Home, spill: Path) -> duckdb.DuckDBPyConnection:
    """A connection that writes nowhere but into the home, downloads nothing by itself, and takes
    no name in a query for a Python variable."""
    connection = connect_with_extensions(
        home,
        {
            "custom_user_agent": "synth_assets",
            "temp_directory": str(spill),
            "extension_directory": str(home.path / "extensions"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    # Times with a zone are hashed as text: the machine's own zone must not change a table.
    connection.execute("SET TimeZone = 'UTC'")
    # Shown after 2 s by a process that DuckDB takes for a person's: between the lines of a command.
    connection.execute("SET enable_progress_bar = false")
    return connection


def attach(
    connection: duckdb.DuckDBPyConnection, home: Home, *, read_only: bool, at: int | None
) -> None:
    """Attaches the lake as ``lake``; makes it where it does not exist and may be written."""
    options = ["DATA_INLINING_ROW_LIMIT 0", f"DATA_PATH {quote_literal(home.data)}"]
    if home.is_in_one_place:
        # The catalog remembers an absolute path; a home that was moved or renamed still works.
        options.append("OVERRIDE_DATA_PATH true")
    if home.catalog_file is not None:
        home.catalog_file.parent.mkdir(parents=True, exist_ok=True)
        options.append("META_JOURNAL_MODE 'WAL'")
    if read_only:
        options.append("READ_ONLY")
    if at is not None:
        options.append(f"SNAPSHOT_VERSION {int(at)}")
    target = quote_literal(f"ducklake:{home.catalog}")
    with nullcontext() if read_only else write_lock(home):
        connection.execute(f"ATTACH {target} AS lake ({', '.join(options)})")


def has_layout(connection: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Whether the lake says its layout, which a new one does not yet.

    Errors: `LakeError` where it is another than this package's; nothing is changed then.
    """
    try:
        found = connection.execute("SELECT max(version) FROM lake.llm.layout").fetchall()[0][0]
    except duckdb.CatalogException:  # to ask first whether it is there takes ten times as long
        return False
    if found is not None and found > LAYOUT:
        raise LakeError(
            f"the lake in {home.path} has layout {found}; this version of synth_assets reads up "
            f"to {LAYOUT}. Install a newer synth_assets, or point SYNTH_HOME to another folder. "
            "Nothing was changed"
        )
    if found is not None and found < LAYOUT:
        raise LakeError(
            f"the lake in {home.path} has layout {found}, whose content hashes are of another kind "
            f"than those of layout {LAYOUT}, which this version of synth_assets reads. Point "
            "SYNTH_HOME to another folder and run again, or install the version that made it. "
            "Nothing was changed"
        )
    return found is not None


def write_layout(connection: duckdb.DuckDBPyConnection) -> None:
    """The writes that make a new lake say its layout."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS lake.llm")
    connection.execute("CREATE TABLE IF NOT EXISTS lake.llm.layout (version INTEGER)")
    connection.execute(
        f"INSERT INTO lake.llm.layout SELECT {LAYOUT} WHERE NOT EXISTS (FROM lake.llm.layout)"
    )
    connection.execute("CALL lake.set_option('parquet_row_group_size', ?)", [ROWS_TOGETHER])
