"""The lake: DuckLake attached to DuckDB. Frames and SQL in, committed tables and frames out.

What was measured on DuckDB 1.5.5 and shapes this module: any commit by another process kills a
transaction that writes, so these hold only the writes, run under a lock where the catalog is
SQLite, and are run again on exactly these errors. Inlined inserts are SQL literals, and a NUL in
a model's text breaks them, so inlining is off. A table is never replaced (its history would go).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import duckdb
import polars as pl

from synth_assets.errors import LakeError
from synth_assets.schemas import TableSchema
from synth_assets.store.attachment import (
    CATALOG,
    attach,
    connect,
    has_layout,
    write_layout,
    write_lock,
)
from synth_assets.store.faults import (
    cause,
    faults_explained,
    is_lost_race,
    lake_error,
    unfinished_file,
)
from synth_assets.store.home import Home, identity
from synth_assets.store.spill import SpillFolder
from synth_assets.store.sql_types import quote_name
from synth_assets.store.table_shape import table_changes

RETRIES = 40
Result = TypeVar("Result")
Write = Callable[[duckdb.DuckDBPyConnection], Result]


class _Version(NamedTuple):
    """A version of the lake, and a number that is another whenever a table or column came or
    went."""

    number: int
    shape: int


class Lake:
    """One connection to the lake. Made for one thread; open another for another.

    at: a version of the whole lake to read (with ``read_only``); None for the newest.
    """

    def __init__(self, home: Home, *, read_only: bool = False, at: int | None = None) -> None:
        self.home = home
        self.at = at
        self.read_only = read_only
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._spill: SpillFolder | None = None
        self._catalog_identity: tuple[int, int] | None = None
        self._seen: set[tuple[str, str]] = set()
        self._reading_as: _Version | None = None
        self._last_read: _Version | None = None
        self.remembered: dict[Any, Any] = {}
        """What was read and holds for one state of a table, for who reads it again."""

    # -- connection ---------------------------------------------------------------------------

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, opened at first use (0.1 s).

        Errors: `LakeError`, once, where someone deleted or replaced the home since (``rm -rf
        .synth``): what was read or staged belongs to a lake that is gone. The next use opens anew.
        """
        if self._connection is not None and self._was_deleted():
            self.close()
            raise LakeError(
                f"the lake in {self.home.path} was deleted or replaced while it was in use; "
                "nothing more was written. Run again to begin a new one"
            )
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def _was_deleted(self) -> bool:
        return self._catalog_identity != identity(self.home.catalog_file)

    def _open(self) -> duckdb.DuckDBPyConnection:
        catalog = self.home.catalog_file
        if self.read_only and catalog is not None and not catalog.exists():
            raise LakeError(f"there is no lake in {self.home.path}; `synth-assets run` makes one")
        connection: duckdb.DuckDBPyConnection | None = None
        try:
            with faults_explained(self.home, f"the lake in {self.home.path} cannot be opened"):
                self.home.path.mkdir(parents=True, exist_ok=True)
                self._spill = SpillFolder(self.home)
                connection = connect(self.home, self._spill.path)
                attach(connection, self.home, read_only=self.read_only, at=self.at)
                if not has_layout(connection, self.home) and not self.read_only:
                    self._in_transaction(connection, write_layout)
        except BaseException:
            if connection is not None:
                connection.close()
            self.close()
            raise
        self._catalog_identity = identity(catalog)
        return connection

    def close(self) -> None:
        """Closes the connection; the next use opens another, without what was staged in this."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._spill is not None:
            self._spill.remove()
            self._spill = None
        self._reading_as = self._last_read = None
        self._seen.clear()
        self.remembered.clear()

    @contextmanager
    def for_thread(self) -> Iterator[Lake]:
        """The same lake for use in another thread at the same time, until the block ends."""
        with Lake(self.home) as other:
            if self._connection is not None:
                other._connection = self._connection.cursor()
                other._catalog_identity = self._catalog_identity
            yield other

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading ------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement; an error of DuckDB's becomes a `LakeError`."""
        connection = self.connection
        with self._explained():
            return connection.execute(sql, list(parameters)).fetchall()

    def frame(self, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """Result of one query as a frame."""
        connection = self.connection
        with self._explained():
            return connection.execute(sql, list(parameters)).pl()

    @contextmanager
    def _explained(self, doing: str = "") -> Iterator[None]:
        """Errors of DuckDB's as `LakeError`; one after which it answers nothing more on this
        connection closes it, so that the next use opens another."""
        with faults_explained(self.home, doing):
            try:
                yield
            except (duckdb.FatalException, duckdb.InternalException):
                self.close()
                raise

    def version(self) -> int:
        """The number of the newest version of the whole lake (or of the one attached by ``at``)."""
        return self._newest().number

    def _newest(self) -> _Version:
        if self._reading_as is not None:
            return self._reading_as
        if self.at is not None:
            return self._current()
        # The same in half the time, and asked hundreds of times a run.
        rows = self.execute(
            f"SELECT snapshot_id, schema_version FROM {CATALOG}.ducklake_snapshot "
            "ORDER BY snapshot_id DESC LIMIT 1"
        )
        return _Version(*rows[0])

    def _current(self) -> _Version:
        """The version that this connection reads."""
        ((number,),) = self.execute("SELECT id FROM lake.current_snapshot()")
        if self._last_read is not None and self._last_read.number == number:
            return self._last_read
        # A second statement: one alone may look at the catalog before it knows what is newest.
        shapes = self.execute(
            f"SELECT schema_version FROM {CATALOG}.ducklake_snapshot WHERE snapshot_id = ?",
            [number],
        )
        self._last_read = _Version(number, shapes[0][0] if shapes else -1 - number)
        return self._last_read

    def has_shape_of(self, version: int) -> bool:
        """Whether no table or column came or went between a version of the lake and the newest;
        False of a version that is not there."""
        place = ("shape", version)
        if place not in self.remembered:
            found = self.execute(
                f"SELECT schema_version FROM {CATALOG}.ducklake_snapshot WHERE snapshot_id = ?",
                [version],
            )
            self.remembered[place] = found[0][0] if found else None
        return self.remembered[place] == self._newest().shape

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Holds on to one version of the lake for the length of the block, in which nothing may be
        committed; what other processes commit meanwhile is seen after it.

        Many small reads take less than half the time so: one by itself begins and ends a
        transaction of DuckLake's, which asks the catalog anew for what is newest (2 ms).
        """
        if self._reading_as is not None:
            yield
            return
        self.execute("BEGIN")
        connection = self._connection
        assert connection is not None
        try:
            self._reading_as = self._current()
            yield
        except BaseException:
            _rollback(connection)
            raise
        else:
            if self._connection is connection:
                self.execute("COMMIT")
        finally:
            self._reading_as = None

    def table_names(self, schema: str) -> list[str]:
        """The tables of one recipe, in alphabetical order."""
        return sorted(self._tables(schema, self.version()))

    def schemas_with(self, table: str) -> list[str]:
        """The recipes that have a table of this name, in alphabetical order."""
        version = self.version()
        return sorted(of for of, name in self._all_tables(version) if name == table)

    def _tables(self, schema: str, version: int) -> list[str]:
        return [name for of, name in self._all_tables(version) if of == schema]

    def _all_tables(self, version: int) -> list[tuple[Any, ...]]:
        """(schema, table) of each. ``duckdb_tables()`` reads the statistics of every table too:
        36 ms after each new table."""
        held = " AND ".join(
            f"{of}.begin_snapshot <= {int(version)} "
            f"AND ({of}.end_snapshot IS NULL OR {of}.end_snapshot > {int(version)})"
            for of in "ts"
        )
        return self.execute(
            f"SELECT s.schema_name, t.table_name FROM {CATALOG}.ducklake_table t "
            f"JOIN {CATALOG}.ducklake_schema s ON s.schema_id = t.schema_id WHERE {held}"
        )

    def has(self, schema: str, table: str) -> bool:
        """Whether the table exists. A table is never dropped, so a yes holds for good; a no, until
        the lake has tables or columns that it had not."""
        return (schema, table) in self._seen or self._has(schema, table, self._newest())

    def _has(self, schema: str, table: str, newest: _Version) -> bool:
        looked = ("tables", schema)
        if (schema, table) not in self._seen and self.remembered.get(looked) != newest.shape:
            self._seen.update((schema, name) for name in self._tables(schema, newest.number))
            self.remembered[looked] = newest.shape
        return (schema, table) in self._seen

    def column_types(self, schema: str, table: str) -> dict[str, str]:
        """Column → SQL type of a table as it lies in the lake; empty where there is none."""
        newest = self._newest()
        if not self._has(schema, table, newest):
            return {}
        place, shape = ("columns", schema, table), newest.shape
        known = self.remembered.get(place)
        if known is None or known[0] != shape:
            described = self.execute(f"DESCRIBE {self.relation(schema, table)}")
            known = (shape, {name: kind for name, kind, *_ in described})
            self.remembered[place] = known
        return dict(known[1])

    @staticmethod
    def relation(schema: str, table: str) -> str:
        return f"lake.{quote_name(schema)}.{quote_name(table)}"

    def read(
        self, schema: str, table: TableSchema, where: str = "true", parameters: Sequence[Any] = ()
    ) -> pl.DataFrame:
        """The table's declared columns, ordered by its key; empty where it does not exist yet.

        ``where`` is SQL of ours with ``?`` for each of ``parameters``. A column that a table of
        an older package does not have yet reads as null.
        """
        found = self.column_types(schema, table.name)
        if not found:
            return table.empty()
        columns = ", ".join(
            quote_name(name) if name in found else f"NULL AS {quote_name(name)}"
            for name in table.polars.names()
        )
        frame = self.frame(
            f"SELECT {columns} FROM {self.relation(schema, table.name)} WHERE {where} "
            f"ORDER BY {quote_name(table.key)}",
            parameters,
        )
        if frame.schema == table.polars:
            return frame
        try:
            return frame.cast(table.polars)
        except pl.exceptions.PolarsError as error:
            raise LakeError(
                f"{schema}.{table.name} in {self.home.path} has columns of other types: {error}; "
                "run the recipe to make it anew"
            ) from error

    # -- writing ------------------------------------------------------------------------------

    def transaction(self, write: Write[Result]) -> Result:
        """Runs ``write`` in one atomic commit; again, with jitter, on lock and conflict errors
        only. ``write`` may run several times, holds nothing but writes, and never a model call.
        """
        assert self._reading_as is None, "nothing is committed in a block of `reading`"
        return self._in_transaction(self.connection, write)

    def _in_transaction(
        self, connection: duckdb.DuckDBPyConnection, write: Write[Result]
    ) -> Result:
        for attempt in range(1, RETRIES + 1):
            try:
                with self._explained("the lake refused a commit"):
                    return self._attempt(connection, write)
            except LostRace as race:
                if attempt == RETRIES:
                    raise LakeError(
                        f"another process kept the lake in {self.home.path} locked through "
                        f"{RETRIES} tries; find what writes to it, and run again ({race})"
                    ) from race.__cause__
            time.sleep(random.uniform(0.01, 0.05 * attempt))
        raise AssertionError("unreachable")

    def _attempt(self, connection: duckdb.DuckDBPyConnection, write: Write[Result]) -> Result:
        with write_lock(self.home):
            try:
                connection.execute("BEGIN")
                result = write(connection)
                connection.execute("COMMIT")
                return result
            except BaseException as error:
                _rollback(connection)
                if file := unfinished_file(error, self.home):
                    file.unlink(missing_ok=True)
                if isinstance(error, duckdb.Error) and is_lost_race(error):
                    raise LostRace(lake_error(error, self.home)) from cause(error, self.home)
                raise

    @contextmanager
    def temporary(self, prefix: str, frame: pl.DataFrame) -> Iterator[str]:
        """``frame`` as a relation for the length of the block; gives its name."""
        name = f"{prefix}_{random.getrandbits(32):08x}"
        connection = self.connection
        connection.register(name, frame.to_arrow())
        try:
            yield quote_name(name)
        finally:
            if self._connection is connection:
                connection.unregister(name)

    def ensure_table(self, schema: str, columns: Mapping[str, str], table: str) -> None:
        """Makes the table, or alters it to have exactly ``columns`` (name → SQL type)."""
        changes = self.pending_changes(schema, columns, table)
        if changes:
            self.transaction(lambda connection: run_all(connection, changes))

    def pending_changes(self, schema: str, columns: Mapping[str, str], table: str) -> list[str]:
        """The statements that make the table, or give it exactly ``columns``; often none."""
        found = self.column_types(schema, table)
        return table_changes(schema, self.relation(schema, table), found, columns)


class LostRace(LakeError):
    """Another writer's commit ended a transaction, which was rolled back whole."""


def run_all(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def _rollback(connection: duckdb.DuckDBPyConnection) -> None:
    try:  # a transaction that another process killed cannot be rolled back, nor need it be
        connection.execute("ROLLBACK")
    except duckdb.Error:
        return
