"""Dagster's history of a home: its folder in, the SQLite files of Dagster's own kind out, with
their connections kept.

Dagster's own opens one for each event and each look, and with it an engine that has yet to compile
every statement, which is half of what a run spends on its history.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

from synth_assets.store.home import identity


class HomeEventLog(SqliteEventLogStorage):
    """Keeps the connection to the index of all runs, and the one to the run that was used last.

    Each is used by one thread at a time: Dagster's own lock is held as long as one is out. Of
    Dagster's private parts ``_connect`` is overridden, since all that reads or writes asks it for
    a connection and there is no public place to keep one; with it come what it uses: the lock, the
    set of databases that are ready, and ``_initdb``.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept: dict[str, Engine] = {}
        self._files: dict[str, tuple[int, int] | None] = {}
        """Shard → which file it was when it was opened last."""
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        """The engine of a file; another one where the file was deleted or replaced since."""
        found = identity(Path(self.path_for_shard(shard)))
        is_as_it_was = found is not None and self._files.get(shard) == found
        if shard in self._kept and is_as_it_was:
            return self._kept[shard]
        for other in (set(self._kept) - {INDEX_SHARD_NAME}) | {shard}:
            self._forget(other)
        if not is_as_it_was:
            self._initialized_dbs.discard(shard)
        if shard not in self._initialized_dbs:
            self._initdb(self._new_engine(shard, NullPool))  # makes the file where there is none
            self._initialized_dbs.add(shard)
        self._files[shard] = identity(Path(self.path_for_shard(shard)))
        self._kept[shard] = self._new_engine(shard, StaticPool)
        return self._kept[shard]

    def _new_engine(self, shard: str, pool: Any) -> Engine:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=pool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _keep_events_on_a_crash)
        if shard != INDEX_SHARD_NAME:
            event.listen(engine, "connect", _write_through)
        return engine

    def _forget(self, shard: str) -> None:
        if shard in self._kept:
            self._kept.pop(shard).dispose()

    def wipe(self) -> None:
        self._close()
        super().wipe()

    def dispose(self) -> None:
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            for shard in list(self._kept):
                self._forget(shard)


class HomeStorage(DagsterSqliteStorage):
    """What ``$SYNTH_HOME/dagster/dagster.yaml`` names as its storage."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = HomeEventLog(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: SqliteStorageConfig
    ) -> "HomeStorage":
        return cls.from_local(inst_data=inst_data, **config_value)


def _keep_events_on_a_crash(connection: Any, _: object) -> None:
    """Of the process. Where the power fails, what was written since the last checkpoint may go:
    what was made and paid for is in the lake."""
    connection.execute("PRAGMA synchronous = NORMAL")


def _write_through(connection: Any, _: object) -> None:
    """The UI sees that a run goes on by writes to the run's file, not to the log beside it."""
    connection.execute("PRAGMA wal_autocheckpoint = 1")
