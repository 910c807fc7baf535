"""A check that passed, and what changed since, in; the rows that are enough to look at now out.

A check of single rows that passed on a table holds of each row that still stands, unless what the
row names in another table is gone. So a refresh of a few rows checks these and the rows that the
change has to do with; what a check found is then true of the whole table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from synth_assets.stages.row_checks import Reference
from synth_assets.stages.stage import CheckDefinition
from synth_assets.stages.workshop import Workshop
from synth_assets.store.commits import Commit, CommitLog
from synth_assets.store.lake import Lake, quote_name
from synth_assets.store.past import SIGN, has_same_columns, signed_rows
from synth_assets.store.staging import StagedTable, near_rows_sql

MANY = 100_000
"""Values gone from a table above which all rows that may name one are looked at."""

SMALL = 50_000
"""Rows of a table up to which all are looked at: to find out which are enough would take longer."""


class Change(Protocol):
    """A table of which some rows are others than at a version of the lake."""

    @property
    def row_count(self) -> int:
        """How many rows it has now."""
        ...

    def others_stand_since(self, version: int) -> bool:
        """Whether the rest of its rows are as they were then."""
        ...

    def near(
        self, version: int, columns: Sequence[str], among: Sequence[tuple[str, str]]
    ) -> str | None:
        """The relation of the rows that changed since, and of those that `StagedTable.near` adds;
        None where all rows are as quickly looked at."""
        ...


def is_small(change: Change) -> bool:
    """Whether the table has so few rows that all are as quickly looked at."""
    return change.row_count <= SMALL


@dataclass(frozen=True)
class StagedChange:
    """Rows staged in the place of some of those of a commit, of the table or of one round of it."""

    log: CommitLog
    staged: StagedTable
    known: Commit

    @property
    def row_count(self) -> int:
        return self.staged.content()[1]

    def others_stand_since(self, version: int) -> bool:
        table, round = self.known.table_name, self.staged.scope.get("round")
        return self.log.recorded_hash_at(table, round, version) == self.known.content_hash

    def near(
        self, version: int, columns: Sequence[str], among: Sequence[tuple[str, str]]
    ) -> str | None:
        return self.staged.near(columns, among)


@dataclass
class CommittedChange:
    """A table as it lies in the lake, beside what it was."""

    lake: Lake
    schema: str
    table: str
    row_count: int
    opened: ExitStack
    _new: dict[int, str | None] = field(default_factory=dict)

    def others_stand_since(self, version: int) -> bool:
        return has_same_columns(self.lake, self.schema, self.table, version, self.lake.version())

    def near(
        self, version: int, columns: Sequence[str], among: Sequence[tuple[str, str]]
    ) -> str | None:
        if version not in self._new:
            self._new[version] = self._new_since(version)
        new = self._new[version]
        if new is None:
            return None
        relation = Lake.relation(self.schema, self.table)
        is_new = f"row_hash IN (SELECT row_hash FROM {new})"
        if not columns and not among:
            return f"(SELECT * FROM {relation} WHERE {is_new})"
        types = self.lake.column_types(self.schema, self.table)
        rows = f"(SELECT * FROM {relation} WHERE {is_new})"
        return (
            f"(SELECT * FROM {relation} WHERE {is_new} "
            f"OR {near_rows_sql(types, columns, rows, among)})"
        )

    def _new_since(self, version: int) -> str | None:
        rows = signed_rows(self.lake, self.schema, self.table, version, self.lake.version())
        found = self.lake.frame(
            f"SELECT row_hash FROM {rows} GROUP BY row_hash HAVING sum({SIGN}) > 0 LIMIT {MANY + 1}"
        )
        if found.height > MANY:
            return None
        return self.opened.enter_context(self.lake.temporary("new", found))


@dataclass
class RowsToCheck:
    """Which rows of a changed table each check has to look at."""

    workshop: Workshop
    change: Change
    opened: ExitStack
    _gone: dict[tuple[str, str, int], str | None] = field(default_factory=dict)

    def of(self, check: CheckDefinition, version: int, read_at: int) -> str | None:
        """The relation that is enough for a check that passed on the table as it was at a version
        of the lake; None where only the whole is.

        read_at: the version at which it read other tables.
        """
        if check.alone is None or not self.change.others_stand_since(version):
            return None
        among: list[tuple[str, str]] = []
        for reference in self._changed(check, read_at):
            if reference is None:
                return None
            place = (reference.table, reference.to, read_at)
            if place not in self._gone:
                self._gone[place] = self._values_gone(reference, read_at)
            relation = self._gone[place]
            if relation is None:
                return None
            if relation:
                among.append((reference.column, relation))
        return self.change.near(version, check.alone, among)

    def _changed(self, check: CheckDefinition, version: int) -> Iterator[Reference | None]:
        """The references into tables that are others than at the version; None for a table that is
        read otherwise."""
        log = self.workshop.log
        for table in check.tables:
            before, now = log.recorded_hash_at(table, None, version), log.recorded_hash(table)
            if before is not None and before == now:
                continue
            found = [reference for reference in check.references if reference.table == table]
            yield from found or [None]

    def _values_gone(self, reference: Reference, version: int) -> str | None:
        """The relation of the values that may not be in the table any more, empty text where there
        are none; None where they are too many or cannot be told."""
        lake, schema, table = self.workshop.lake, self.workshop.recipe.name, reference.table
        now = lake.version()
        if not lake.has(schema, table) or not has_same_columns(lake, schema, table, version, now):
            return None
        name = quote_name(reference.to)
        found = lake.frame(
            f"SELECT {name} AS value FROM {signed_rows(lake, schema, table, version, now)} "
            f"GROUP BY {name} HAVING sum({SIGN}) < 0 LIMIT {MANY + 1}"
        )
        if found.height > MANY:
            return None
        return self.opened.enter_context(lake.temporary("gone", found)) if found.height else ""
