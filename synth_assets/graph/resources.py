"""The lake as a Dagster resource, and the locks that tell living runs from dead ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from synth_assets.errors import LakeError
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.locks import FileLock


def run_lock_path(home: Home, run_id: str) -> Path:
    """The file that the process of a run holds for as long as it lives."""
    return home.locks / "runs" / run_id


class LakeResource(DuckDBResource):
    """The lake, for assets of this package and a person's own.

    A `DuckDBResource` whose connection has the lake attached as ``lake``. Unlike the stock one it
    closes its connection when the body raises. Where the lake lies is read from ``SYNTH_HOME``,
    ``SYNTH_LAKE_CATALOG`` and ``SYNTH_LAKE_DATA``, never from the run's configuration.
    """

    database: str = ":memory:"

    _lake: Lake | None = PrivateAttr(default=None)
    _run_lock: FileLock | None = PrivateAttr(default=None)
    _recipe_locks: dict[str, FileLock] = PrivateAttr(default_factory=dict)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        home = Home.from_environment()
        self._lake = Lake(home)
        if context.run is not None:
            self._run_lock = FileLock(run_lock_path(home, context.run.run_id))
            self._run_lock.acquire(context.run.run_id)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        for lock in self._recipe_locks.values():
            lock.release()
        self._recipe_locks.clear()
        if self._lake is not None:
            self._lake.close()
        if self._run_lock is not None:
            self._run_lock.release(remove=True)

    @property
    def lake(self) -> Lake:
        """The lake of this run: one connection for all its steps."""
        if self._lake is None:
            self._lake = Lake(Home.from_environment())
        return self._lake

    def hold_recipe(self, recipe: str, run_id: str) -> None:
        """Keeps two runs of one recipe apart until this run ends.

        Errors: `LakeError` naming the other run. Steps of one run that are processes of their own
        wait for each other.
        """
        if recipe in self._recipe_locks:
            return
        lock = FileLock(self.lake.home.locks / "recipes" / recipe)
        if not lock.acquire(run_id, wait=False):
            holder = lock.holder()
            if holder != run_id:
                raise LakeError(
                    f"run {holder or 'of another process'} is at work on recipe {recipe}; wait for "
                    "it to end, or cancel it, then start this one again. Nothing was changed"
                )
            lock.acquire(run_id)
        self._recipe_locks[recipe] = lock

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the lake attached, closed at the end of the block come what may."""
        lake = Lake(Home.from_environment())
        try:
            yield lake.connection
        finally:
            lake.close()
