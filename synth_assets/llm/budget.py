"""What a call could cost at most in, a reservation or a refusal out; shared by all processes.

A small SQLite file holds what was spent and what is reserved. A call is reserved at its upper
bound before it is sent and settled with the truth after, so that calls in flight together cannot
overspend. Money is counted in whole picodollars, so that sums are exact. A reservation belongs
to a file its owner holds by flock; when the owner is dead, it no longer counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from synth_assets.errors import BudgetExceeded, LakeError
from synth_assets.llm.journal import is_held
from synth_assets.recipe import Budget

PICO = 10**12
_SCHEMA = """
create table if not exists spent (
    recipe text, run_id text, day text,
    calls integer not null, tokens integer not null, picodollars integer not null,
    primary key (recipe, run_id, day)
) without rowid;
create table if not exists reserved (
    id integer primary key, owner text not null, recipe text, run_id text, day text,
    calls integer not null, tokens integer not null, picodollars integer not null
);
"""


@dataclass(frozen=True, slots=True)
class Need:
    """Upper bounds, or sums, of calls, tokens and money."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class _Limit:
    field: str
    most: int
    column: str
    is_of_day: bool = False


class Ledger:
    """The budget of one recipe in one run.

    owner: a file held by flock as long as this ledger's reservations stand.
    """

    def __init__(
        self, path: Path, *, recipe: str, run_id: str, limits: Budget, owner: Path
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._explaining():
            self._database = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = normal")
            self._database.executescript(_SCHEMA)
        self._recipe, self._run_id, self._owner = recipe, run_id, owner
        self._limits = list(_limits(limits))
        self._unwritten: dict[str, Need] = {}

    def reserve(self, need: Need) -> int | None:
        """Reserves ``need`` and gives the reservation's number; 0 where no limit concerns it.

        None means: not now, but perhaps when calls in flight are settled at less than was
        reserved for them. Errors: `BudgetExceeded` where ``need`` does not fit into what is left
        even if nothing else were in flight.
        """
        if not any(_amount(need, limit.column) for limit in self._limits):
            return 0
        day = _today()
        with self._transaction():
            self._write_unwritten()
            if not self._fits(need, day):
                self._drop_reservations_of_the_dead()
                if not self._fits(need, day):
                    return None
            cursor = self._database.execute(
                "insert into reserved (owner, recipe, run_id, day, calls, tokens, picodollars)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (str(self._owner), self._recipe, self._run_id, day, *_columns(need)),
            )
            return cursor.lastrowid

    def settle(self, reservation: int, truth: Need) -> None:
        """Puts what a call really took in the place of its reservation."""
        if reservation == 0:
            day = _today()
            before = self._unwritten.get(day, Need())
            self._unwritten[day] = Need(
                before.calls + truth.calls, before.tokens + truth.tokens, before.usd + truth.usd
            )
            return
        with self._transaction():
            day = self._database.execute(
                "delete from reserved where id = ? returning day", (reservation,)
            ).fetchone()
            self._add(truth, day[0] if day else _today())

    def release(self, reservation: int) -> None:
        """Forgets a reservation whose call took nothing."""
        if reservation:
            with self._explaining():
                self._database.execute("delete from reserved where id = ?", (reservation,))

    def write(self) -> None:
        """Writes what was settled without a reservation: until then it is in memory only."""
        if self._unwritten:
            with self._transaction():
                self._write_unwritten()

    def spent_in_run(self) -> Need:
        """What this run has spent, reservations left out."""
        return self._spent("run_id = ?", self._run_id)

    def spent_today(self) -> Need:
        """What all runs of this recipe have spent since midnight UTC."""
        return self._spent("day = ?", _today())

    def close(self) -> None:
        try:
            self.write()
        finally:
            self._database.close()

    def _fits(self, need: Need, day: str) -> bool:
        """Whether ``need`` fits now; raises where it cannot fit at all."""
        fits = True
        for limit in self._limits:
            spent = self._sum("spent", limit, day)
            wanted = _amount(need, limit.column)
            if spent + wanted > limit.most:
                raise BudgetExceeded(self._explain(limit, spent, wanted))
            fits = fits and spent + self._sum("reserved", limit, day) + wanted <= limit.most
        return fits

    def _sum(self, table: str, limit: _Limit, day: str) -> int:
        scope, value = ("day", day) if limit.is_of_day else ("run_id", self._run_id)
        return self._database.execute(
            f"select coalesce(sum({limit.column}), 0) from {table}"
            f" where recipe = ? and {scope} = ?",
            (self._recipe, value),
        ).fetchone()[0]

    def _spent(self, scope: str, value: str) -> Need:
        self.write()
        calls, tokens, picodollars = self._database.execute(
            "select coalesce(sum(calls), 0), coalesce(sum(tokens), 0),"
            f" coalesce(sum(picodollars), 0) from spent where recipe = ? and {scope}",
            (self._recipe, value),
        ).fetchone()
        return Need(calls, tokens, picodollars / PICO)

    def _drop_reservations_of_the_dead(self) -> None:
        owners = self._database.execute("select distinct owner from reserved").fetchall()
        for (owner,) in owners:
            if not is_held(Path(owner)):
                self._database.execute("delete from reserved where owner = ?", (owner,))

    def _add(self, truth: Need, day: str) -> None:
        self._database.execute(
            "insert into spent values (?, ?, ?, ?, ?, ?) on conflict do update set"
            " calls = calls + excluded.calls, tokens = tokens + excluded.tokens,"
            " picodollars = picodollars + excluded.picodollars",
            (self._recipe, self._run_id, day, *_columns(truth)),
        )

    def _write_unwritten(self) -> None:
        for day, truth in self._unwritten.items():
            self._add(truth, day)
        self._unwritten = {}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explaining():
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

    def _explain(self, limit: _Limit, spent: int, wanted: int) -> str:
        def shown(amount: int) -> str:
            return (
                f"{amount / PICO:.6g} US dollars"
                if limit.column == "picodollars"
                else (f"{amount} {limit.column}")
            )

        return (
            f"recipe {self._recipe}: limits.budget.{limit.field} = {shown(limit.most)}: "
            f"{shown(spent)} are spent and the next call could take {shown(wanted)}; every reply "
            "so far is kept. Raise the limit and run again to go on from here"
        )


def _limits(budget: Budget) -> Iterator[_Limit]:
    if budget.usd_per_run is not None:
        yield _Limit("usd_per_run", round(budget.usd_per_run * PICO), "picodollars")
    if budget.usd_per_day is not None:
        yield _Limit("usd_per_day", round(budget.usd_per_day * PICO), "picodollars", True)
    if budget.calls_per_run is not None:
        yield _Limit("calls_per_run", budget.calls_per_run, "calls")
    if budget.tokens_per_run is not None:
        yield _Limit("tokens_per_run", budget.tokens_per_run, "tokens")


def _columns(need: Need) -> tuple[int, int, int]:
    return need.calls, need.tokens, round(need.usd * PICO)


def _amount(need: Need, column: str) -> int:
    return _columns(need)[("calls", "tokens", "picodollars").index(column)]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
