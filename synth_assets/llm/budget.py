"""What a call could cost at most in, a reservation or a refusal out.

The ledger of a run leases parts of the budget from the accounts that all processes share, and
reserves and settles its calls within its lease in memory, so that a call costs no transaction.
What is leased counts as spent for everyone else: calls in flight, in whatever processes, cannot
overspend together. A lease takes an eighth of what is left at most, so that near the limit it
shrinks to single calls; what is not in use goes back when nothing is waiting.

What is promised to a batch counts as spent: nobody waits for the day that a batch may take.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from synth_assets.errors import BudgetExceeded
from synth_assets.llm.accounts import COLUMNS, PICO, Accounts, Need
from synth_assets.llm.journal import Journal
from synth_assets.recipe import Budget

BLOCK = 64
"""A lease is for so many further calls at most."""

SHARE = 8
"""And for at most this part of what is left."""


@dataclass(frozen=True, slots=True)
class _Limit:
    field: str
    most: int
    column: int
    scope: str


class Ledger:
    """The budget of one recipe in one run, for one thread.

    journal: holds the owner's file as long as leases stand, and the lines that settle them.
    """

    def __init__(
        self, path: Path, *, recipe: str, run_id: str, limits: Budget, journal: Journal
    ) -> None:
        self._accounts = Accounts(path)
        self.recipe, self.run_id = recipe, run_id
        self._journal = journal
        self._limits = list(_limits(limits))
        self._limited = sorted({limit.column for limit in self._limits})
        self._free = [0, 0, 0]
        self._held = [0, 0, 0]
        self._unwritten: dict[str, list[int]] = {}
        self._lease = Need()
        self._gone: list[Path] = []

    @property
    def has_limits(self) -> bool:
        return bool(self._limits)

    def reserve(self, need: Need) -> bool:
        """Reserves ``need``. False: not now, but perhaps when calls in flight, here or in other
        processes, are settled at less than was reserved for them.

        Errors: `BudgetExceeded` where ``need`` does not fit into what is left even if nothing
        else were in flight; `LakeError`.
        """
        for column in self._limited:
            if need[column] > 0 and self._free[column] < need[column]:
                if not self._grow(need):
                    return False
                break
        for column in self._limited:
            self._free[column] -= need[column]
            self._held[column] += need[column]
        return True

    def promise(self, need: Need, batch: Path) -> bool:
        """Reserves ``need`` for a batch as long as its intent ``batch`` is there, which outlives
        this process. False, and the errors, as of `reserve`."""
        if not self.reserve(need):
            return False
        with self._accounts.transaction():
            self._accounts.promise(batch, self.recipe, self.run_id, need)
            self.release(need)
            self.write(is_resting=True)
        return True

    def settle(self, need: Need, truth: Need, day: str) -> None:
        """Puts what a call really took in the place of what was reserved for it. Its line is in
        the journal already."""
        for column in self._limited:
            self._held[column] -= need[column]
            self._free[column] += need[column] - truth[column]
        sums = self._unwritten.get(day)
        if sums is None:
            self._unwritten[day] = list(truth)
        else:
            for column, amount in enumerate(truth):
                sums[column] += amount

    def release(self, need: Need) -> None:
        """Forgets a reservation whose call took nothing."""
        for column in self._limited:
            self._held[column] -= need[column]
            self._free[column] += need[column]

    def write(self, *, is_resting: bool = False) -> None:
        """Writes what was settled; ``is_resting`` also gives back what is not reserved. Called
        each second, and before the journal begins another segment."""
        # What a call took over its bound is in what was spent from here on.
        self._free = [0 if is_resting else max(0, amount) for amount in self._free]
        if not self._unwritten and not self._gone and self._lease == self._leased():
            return
        gone = list(self._gone)
        with self._accounts.transaction():
            for day, sums in self._unwritten.items():
                self._accounts.add(self.recipe, self.run_id, day, Need(*sums))
            self._save_lease()
            name, size = self._journal.position
            if name:
                self._accounts.mark_segment(name, size)
            for path in gone:
                self._accounts.forget_segment(path)
        self._unwritten = {}
        del self._gone[: len(gone)]

    def forget_segment(self, path: Path) -> None:
        """For a segment whose file is gone; written with what comes next. Any thread may."""
        self._gone.append(path)

    def spent_in_run(self) -> Need:
        """What this run has spent, reservations left out."""
        self.write()
        return self._accounts.spent(self.recipe, run_id=self.run_id)

    def spent_today(self) -> Need:
        """What all runs of this recipe have spent since midnight UTC."""
        self.write()
        return self._accounts.spent(self.recipe, day=today())

    def spent_ever(self) -> Need:
        """What all runs of this recipe have spent."""
        self.write()
        return self._accounts.spent(self.recipe)

    def close(self) -> None:
        try:
            self._held = [0, 0, 0]
            self.write(is_resting=True)
        finally:
            self._accounts.close()

    def _leased(self) -> Need:
        return Need(*(free + held for free, held in zip(self._free, self._held, strict=True)))

    def _save_lease(self) -> None:
        leased = self._leased()
        if leased != self._lease:
            self._accounts.lease(self._journal.owner(), self.recipe, self.run_id, leased)
            self._lease = leased

    def _grow(self, need: Need) -> bool:
        self._journal.owner()  # made before anyone looks whether it is held
        self.write()
        with self._accounts.transaction():
            more = self._room(need)
            if more is None:
                self._accounts.bury_the_dead()
                more = self._room(need)
            if more is not None:
                for column, amount in more.items():
                    self._free[column] += amount
                self._save_lease()
                return True
        # Two that each keep what the other lacks would wait for ever.
        self.write(is_resting=True)
        return False

    def _room(self, need: Need) -> dict[int, int] | None:
        """What to lease in each column; None where others stand in the way. Raises where it
        cannot fit at all."""
        more: dict[int, int] = {}
        fits = True
        for limit in self._limits:
            column, wanted = limit.column, need[limit.column]
            lack = wanted - self._free[column]
            if wanted <= 0 or lack <= 0:
                continue
            spent, promised, leased = self._sums(limit)
            if spent + promised + wanted > limit.most:
                raise BudgetExceeded(self._explain(limit, spent, promised, wanted))
            room = limit.most - spent - promised - leased
            fits = fits and lack <= room
            block = lack + max(0, min((room - lack) // SHARE, BLOCK * wanted))
            more[column] = min(block, more.get(column, block))
        return more if fits else None

    def _sums(self, limit: _Limit) -> tuple[int, int, int]:
        """What is spent, promised to batches, and leased."""
        run_id = self.run_id if limit.scope == "run" else None
        day = today() if limit.scope == "day" else None
        spent = self._accounts.spent(self.recipe, run_id=run_id, day=day)
        promised = self._accounts.promised(self.recipe, run_id=run_id)
        leased = self._accounts.leased(self.recipe, run_id=run_id)
        return spent[limit.column], promised[limit.column], leased[limit.column]

    def _explain(self, limit: _Limit, spent: int, promised: int, wanted: int) -> str:
        name = COLUMNS[limit.column]

        def shown(amount: int) -> str:
            if name == "picodollars":
                return f"{amount / PICO:.6g} US dollars"
            return f"{amount} {name}"

        return (
            f"recipe {self.recipe}: limits.budget.{limit.field} = {shown(limit.most)}: "
            f"{shown(spent)} are spent"
            + (f", {shown(promised)} are kept for batches that run," if promised else "")
            + f" and what is asked next could take {shown(wanted)}; every reply so far is kept. "
            "Raise the limit and run again to go on from here"
        )


def _limits(budget: Budget) -> Iterator[_Limit]:
    for column, unit in enumerate(("calls", "tokens", "usd")):
        for scope in ("run", "day", "recipe"):
            field = f"{unit}_per_{scope}"
            most = getattr(budget, field)
            if most is not None:
                yield _Limit(field, round(most * PICO) if unit == "usd" else most, column, scope)


def today() -> str:
    return datetime.now(UTC).date().isoformat()
