"""The file that all processes' budgets share: what was spent, what is leased to whom, and what is
promised to batches that run.

Money is counted in whole picodollars, so that sums are exact. The truth of what was spent are the
lines of the journals; for each segment the accounts remember up to which byte its lines are
counted, so that whatever dies at whatever moment, each line counts once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from synth_assets.errors import LakeError
from synth_assets.llm import journal_files

PICO = 10**12
COLUMNS = ("calls", "tokens", "picodollars")
_SCHEMA = """
create table if not exists spent (
    recipe text, run_id text, day text,
    calls integer not null, tokens integer not null, picodollars integer not null,
    primary key (recipe, run_id, day)
) without rowid;
create table if not exists leases (
    owner text, recipe text, run_id text,
    calls integer not null, tokens integer not null, picodollars integer not null,
    primary key (owner, recipe, run_id)
) without rowid;
create table if not exists promised (
    batch text primary key, recipe text, run_id text,
    calls integer not null, tokens integer not null, picodollars integer not null
) without rowid;
create table if not exists segments (
    name text primary key, bytes integer not null
) without rowid;
"""
_SUMS = ", ".join(f"coalesce(sum({column}), 0)" for column in COLUMNS)


class Need(NamedTuple):
    """Upper bounds, or sums, of calls, tokens and money."""

    calls: int = 0
    tokens: int = 0
    picodollars: int = 0

    @classmethod
    def of(cls, calls: int, tokens: int, usd: float) -> Need:
        return cls(calls, tokens, round(usd * PICO))

    @property
    def usd(self) -> float:
        return self.picodollars / PICO


class Accounts:
    """One connection to the file, for one thread at a time. Errors: `LakeError` where the file
    cannot be kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explaining():
            self._database = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = normal")
            self._database.executescript(_SCHEMA)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else writes while the block runs; joins one that runs already."""
        with self._explaining():
            if self._database.in_transaction:
                yield
                return
            self._database.execute("begin immediate")
            try:
                yield
                self._database.execute("commit")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("rollback")
                raise

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """An error of SQLite (full disk, no rights, another holds it too long) in our words."""
        try:
            yield
        except sqlite3.Error as error:
            raise LakeError(
                f"the budget {self._path} cannot be kept ({error}); every reply so far is kept: "
                "make room or rights there, then run again"
            ) from error

    def spent(self, recipe: str, *, run_id: str | None = None, day: str | None = None) -> Need:
        """What a recipe spent in all, in one run, or on one day."""
        where, values = _scope(recipe, run_id, day)
        with self._explaining():
            row = self._database.execute(f"select {_SUMS} from spent where {where}", values)
            return Need(*row.fetchone())

    def leased(self, recipe: str, *, run_id: str | None = None) -> Need:
        """What is leased for a recipe, or one run of it, whether in use or not."""
        where, values = _scope(recipe, run_id, None)
        with self._explaining():
            row = self._database.execute(f"select {_SUMS} from leases where {where}", values)
            return Need(*row.fetchone())

    def add(self, recipe: str, run_id: str, day: str, truth: Need) -> None:
        self._database.execute(
            "insert into spent values (?, ?, ?, ?, ?, ?) on conflict do update set"
            " calls = calls + excluded.calls, tokens = tokens + excluded.tokens,"
            " picodollars = picodollars + excluded.picodollars",
            (recipe, run_id, day, *truth),
        )

    def lease(self, owner: Path, recipe: str, run_id: str, amount: Need) -> None:
        """What ``owner`` holds from now on."""
        if any(amount):
            self._database.execute(
                "insert or replace into leases values (?, ?, ?, ?, ?, ?)",
                (str(owner), recipe, run_id, *amount),
            )
        else:
            self._database.execute(
                "delete from leases where owner = ? and recipe = ? and run_id = ?",
                (str(owner), recipe, run_id),
            )

    def promised(self, recipe: str, *, run_id: str | None = None) -> Need:
        """What batches of a recipe, or of one run of it, may still take. A batch whose intent is
        gone is counted in what was spent, and its promise goes."""
        with self.transaction():
            for (batch,) in self._database.execute("select batch from promised").fetchall():
                if not Path(batch).exists():
                    self._database.execute("delete from promised where batch = ?", (batch,))
            where, values = _scope(recipe, run_id, None)
            row = self._database.execute(f"select {_SUMS} from promised where {where}", values)
            return Need(*row.fetchone())

    def promise(self, batch: Path, recipe: str, run_id: str, amount: Need) -> None:
        """Keeps ``amount`` for the batch whose intent ``batch`` is, as long as that is there."""
        self._database.execute(
            "insert or replace into promised values (?, ?, ?, ?, ?, ?)",
            (str(batch.absolute()), recipe, run_id, *amount),
        )

    def mark_segment(self, name: str, size: int) -> None:
        """The lines of a segment are counted up to the byte ``size``."""
        self._database.execute("insert or replace into segments values (?, ?)", (name, size))

    @property
    def segments(self) -> list[str]:
        """Segments whose lines are counted, wholly or in part."""
        with self._explaining():
            return [name for (name,) in self._database.execute("select name from segments")]

    def forget_segment(self, path: Path) -> None:
        """For a segment whose file is gone."""
        with self._explaining():
            self._database.execute("delete from segments where name = ?", (path.name,))

    def count_segment(self, path: Path) -> None:
        """Counts those lines of a dead writer's segment that are not counted yet."""
        with self.transaction():
            found = self._database.execute(
                "select bytes from segments where name = ?", (path.name,)
            ).fetchone()
            try:
                with path.open("rb") as file:
                    file.seek(found[0] if found else 0)
                    for payload in journal_files.payloads(file):
                        spent = orjson.loads(payload).get("spent") if payload else None
                        if spent:
                            recipe, run_id, day, *truth = spent
                            self.add(recipe, run_id, day, Need(*truth))
                    self.mark_segment(path.name, file.tell())
            except FileNotFoundError:  # moved, and counted before that
                return

    def bury(self, owner: Path) -> None:
        """Counts what a dead owner's segments still say, and gives back what it leased."""
        with self.transaction():
            for segment in journal_files.segments_of(owner):
                self.count_segment(segment)
            self._database.execute("delete from leases where owner = ?", (str(owner),))

    def bury_the_dead(self) -> None:
        """All owners of leases that are no longer held."""
        with self.transaction():
            owners = self._database.execute("select distinct owner from leases").fetchall()
            for (owner,) in owners:
                if not journal_files.is_held(Path(owner)):
                    self.bury(Path(owner))


def _scope(recipe: str, run_id: str | None, day: str | None) -> tuple[str, list[str]]:
    given = {"recipe": recipe, "run_id": run_id, "day": day}
    kept = {name: value for name, value in given.items() if value is not None}
    return " and ".join(f"{name} = ?" for name in kept), list(kept.values())
