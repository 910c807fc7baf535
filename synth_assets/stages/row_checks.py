"""Checks of rows: a frame in, the offending rows out. One function serves staged rows before their
commit and the whole table when only checks are run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Protocol

import polars as pl

from synth_assets.identity import content_hash
from synth_assets.methods.retraction import RETRACTED
from synth_assets.schemas import TableSchema

STANDS = pl.col("status").ne_missing(RETRACTED)
"""A row that was not withdrawn: what its reply was is no matter any more."""


class Surroundings(Protocol):
    """What a check may look at beside the rows themselves."""

    @property
    def failed_replies_limit(self) -> float:
        """Share of failed replies that the recipe allows."""
        ...

    def present(self, table: str, column: str, values: pl.Series) -> pl.Series:
        """Those of the values that one column of a committed table has; none where there is no such
        table."""
        ...

    @property
    def items_parsed(self) -> int | None:
        """Candidates parsed from the replies that the rows rest on; None where none are."""
        ...


Offending = Callable[[pl.DataFrame, Surroundings], pl.DataFrame]


@dataclass(frozen=True)
class Reference:
    """A check looks for the values of ``column``, or of its lists, among those that another table
    has in its column ``to``."""

    column: str
    table: str
    to: str


@dataclass(frozen=True)
class RowCheck:
    """One check: its name says what is right; ``offending`` gives the rows that are not.

    is_blocking: a failure keeps the rows out of the table; else it is a warning.
    columns: those that it reads, so that a table's texts stay where they lie; None for all.
    references: what it looks for in other tables, the only thing that it asks of them.
    alone: the columns by whose values rows are held against each other; none where each row is
        looked at by itself. So new rows need no more than the rows of equal values beside them,
        where all others passed. None: only the whole table tells.
    """

    name: str
    description: str
    offending: Offending
    is_blocking: bool = True
    columns: tuple[str, ...] | None = None
    references: tuple[Reference, ...] = ()
    alone: tuple[str, ...] | None = None

    @property
    def looks_at(self) -> tuple[str, ...]:
        """The other tables that it reads."""
        return tuple(dict.fromkeys(reference.table for reference in self.references))

    @property
    def definition(self) -> str | None:
        """Hash of what the check is: the source it stands in and the values it was made with; None
        where one of these is no plain value, so that nobody can tell whether it changed."""
        made_with = inspect.getclosurevars(self.offending).nonlocals
        module = inspect.getmodule(self.offending)
        if module is None or not all(map(_is_plain, made_with.values())):
            return None
        facts = [self.name, self.is_blocking, self.columns, self.looks_at]
        return content_hash(_source_of(module), self.offending.__qualname__, facts, made_with)


@dataclass(frozen=True)
class CheckResult:
    """What a check found: the offending rows, none where it passed.

    as_in_version: of the lake, in which it passed on the same rows; None where it was run now.
    """

    name: str
    description: str
    is_blocking: bool
    offending: pl.DataFrame
    as_in_version: int | None = None

    @property
    def passed(self) -> bool:
        return self.offending.height == 0


@dataclass(frozen=True)
class _Declared:
    """The surroundings of one check, with no other table in sight than those it declares."""

    check: RowCheck
    around: Surroundings

    @property
    def failed_replies_limit(self) -> float:
        return self.around.failed_replies_limit

    @property
    def items_parsed(self) -> int | None:
        return self.around.items_parsed

    def present(self, table: str, column: str, values: pl.Series) -> pl.Series:
        if table not in self.check.looks_at:
            raise AssertionError(f"check {self.check.name} does not declare that it reads {table}")
        return self.around.present(table, column, values)


def run_row_checks(
    checks: Sequence[RowCheck], rows: pl.DataFrame, around: Surroundings
) -> list[CheckResult]:
    """Every check on the rows given."""
    return [
        CheckResult(c.name, c.description, c.is_blocking, c.offending(rows, _Declared(c, around)))
        for c in checks
    ]


@cache
def _source_of(module: ModuleType) -> str:
    return inspect.getsource(module)


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | bool)


def columns_read(checks: Sequence[RowCheck], table: TableSchema) -> list[str]:
    """The columns of a table that its checks read, in their order, with its key."""
    named = {table.key}.union(
        *(table.polars.names() if check.columns is None else check.columns for check in checks)
    )
    return [name for name in table.polars.names() if name in named]


def ids_are_unique(key: str) -> RowCheck:
    def offending(rows: pl.DataFrame, _: Surroundings) -> pl.DataFrame:
        return rows.filter(pl.col(key).is_duplicated() | pl.col(key).is_null())

    return RowCheck(
        "ids_are_unique",
        f"No {key} is missing or stands twice.",
        offending,
        columns=(key,),
        alone=(key,),
    )


def parents_exist(
    column: str,
    *parents: tuple[str, str],
    own: str | None = None,
    unless_dropped_as: str | None = None,
) -> RowCheck:
    """Every value of ``column`` (an id or a list of ids) is in one of the ``(table, column)``.

    own: a column of the rows themselves that may also hold the parent.
    unless_dropped_as: the drop reason of rows that say themselves that a parent is missing.
    """
    tables = " or ".join(table for table, _ in parents)

    def offending(rows: pl.DataFrame, around: Surroundings) -> pl.DataFrame:
        values = rows.with_row_index("_row")
        if unless_dropped_as is not None:
            values = values.filter(pl.col("drop_reason").ne_missing(unless_dropped_as))
        if isinstance(rows.schema[column], pl.List):
            values = values.explode(column).filter(pl.col(column).is_not_null())
        asked = values[column].drop_nulls().unique()
        known = pl.concat([around.present(table, name, asked) for table, name in parents])
        if own is not None:
            known = pl.concat([known, rows[own].cast(pl.String)])
        is_known = pl.col(column).is_in(known.unique().implode()).fill_null(False)
        orphans = values.filter(~is_known)["_row"]
        return rows[orphans.unique().sort().to_list()]

    reason = () if unless_dropped_as is None else ("drop_reason",)
    return RowCheck(
        f"{column}_exists",
        f"Every {column} is the id of a row of {tables}.",
        offending,
        columns=(column, *(() if own is None else (own,)), *reason),
        references=tuple(Reference(column, table, to) for table, to in parents),
        alone=() if own is None else None,
    )


def every_candidate_is_there() -> RowCheck:
    """Rows = items parsed from the replies: nothing was lost on the way, and nothing invented."""

    def offending(rows: pl.DataFrame, around: Surroundings) -> pl.DataFrame:
        expected = around.items_parsed
        if expected is None or expected == rows.height:
            return rows.clear()
        return pl.DataFrame(
            {"items_parsed": [expected], "rows": [rows.height], "missing": [expected - rows.height]}
        )

    return RowCheck(
        "every_candidate_is_there",
        "The rows, kept and dropped together, are as many as the items parsed from the replies.",
        offending,
        columns=(),
    )


def failed_replies_are_few() -> RowCheck:
    """The share of failed replies is under the recipe's limit (``limits.failed_replies``)."""

    def offending(rows: pl.DataFrame, around: Surroundings) -> pl.DataFrame:
        standing = rows.filter(STANDS)
        failed = standing.filter(pl.col("status") == "failed")
        is_over = failed.height and failed.height / standing.height > around.failed_replies_limit
        return failed if is_over else rows.clear()

    return RowCheck(
        "failed_replies_are_few",
        "The share of failed replies does not exceed limits.failed_replies of the recipe.",
        offending,
        columns=("status",),
    )


def replies_are_parsed(limit: float = 0.1) -> RowCheck:
    """A judge whose replies cannot be read is no judge; a warning, since no value was invented."""
    unread = ("unparsed", "missing", "out_of_scale")

    def offending(rows: pl.DataFrame, _: Surroundings) -> pl.DataFrame:
        standing = rows.filter(STANDS)
        bad = standing.filter(pl.col("status").is_in(unread))
        return bad if bad.height and bad.height / standing.height > limit else rows.clear()

    return RowCheck(
        "replies_are_parsed",
        f"At most {limit:.0%} of the ratings could not be read from the judge's replies.",
        offending,
        is_blocking=False,
        columns=("status",),
    )


def something_is_kept() -> RowCheck:
    """A round in which nothing was accepted is a warning: the run goes on with what there is."""

    def offending(rows: pl.DataFrame, _: Surroundings) -> pl.DataFrame:
        kept = rows.filter(pl.col("drop_reason").is_null())
        return rows.clear() if kept.height or not rows.height else rows.head(20)

    return RowCheck(
        "something_is_kept",
        "At least one candidate was kept; where none was, see the drop reasons.",
        offending,
        is_blocking=False,
        columns=("drop_reason",),
    )


def values_are_known(column: str, *allowed: str) -> RowCheck:
    def offending(rows: pl.DataFrame, _: Surroundings) -> pl.DataFrame:
        return rows.filter(~pl.col(column).is_in(list(allowed)).fill_null(False))

    return RowCheck(
        f"{column}_is_known",
        f"{column} is {', '.join(allowed)}.",
        offending,
        columns=(column,),
        alone=(),
    )
