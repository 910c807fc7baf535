"""Staged rows: a frame or a SELECT in, a temp table with row hashes, its hashes and its diff out.

All that is costly (hashing, comparing, checking) happens here, before a transaction begins.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from synth_assets.errors import LakeError
from synth_assets.identity import content_id
from synth_assets.schemas import TableSchema
from synth_assets.store.content_hash import OF_NOTHING, content_hash_sql, hash_after
from synth_assets.store.lake import Lake, run_all
from synth_assets.store.past import changes_between
from synth_assets.store.sql_types import plain_type, quote_literal, quote_name, sql_type
from synth_assets.store.table_shape import table_changes

_NOT_IN_A_LAKE = re.compile(r"ENUM\(|UNION\(|BIT\b|BIGNUM|\[\d+\]|\"?NULL\"?$|INTERVAL|VARIANT")


@dataclass(frozen=True)
class StagedColumns:
    """Names and SQL types of what is staged, in their order, and the key's name."""

    key: str
    types: Mapping[str, str]

    @property
    def types_with_hash(self) -> dict[str, str]:
        return {**self.types, "row_hash": "VARCHAR"}

    @property
    def row_hash_sql(self) -> str:
        """The hash of one row: of its types and of its values, as JSON in the order declared.

        to_json writes equal values equally, whether Polars or SQL made them; but 1 as a BIGINT
        like 1 as an INTEGER, so that without the types a changed type would change no row.
        """
        types = {name: plain_type(kind) for name, kind in self.types.items()}
        packed = ", ".join(f"{quote_name(name)} := {quote_name(name)}" for name in self.types)
        return f"sha256('{content_id('types', types)}' || to_json(struct_pack({packed})))"

    @classmethod
    def of(cls, table: TableSchema) -> StagedColumns:
        return cls(table.key, {name: sql_type(dtype) for name, dtype in table.polars.items()})


@dataclass(frozen=True)
class Units:
    """Some of the things that a table's rows are about: a column, and a relation that has the
    values of it in a column of the same name."""

    column: str
    relation: str

    @property
    def where(self) -> str:
        name = quote_name(self.column)
        return f"{name} IN (SELECT {name} FROM {self.relation})"


@dataclass(frozen=True)
class Before:
    """What a commit recorded of the rows that stand: content hash, row count, and content hash of
    each round, where that was kept."""

    content_hash: str
    row_count: int
    round_hashes: Mapping[str, str] | None = None


@dataclass
class StagedTable:
    """Rows that wait for their commit to ``schema.table``, replacing the rows of ``scope``.

    scope: column → value that says which rows of the table these replace (``{"round": 2}``);
        empty replaces all.
    units: only the scope's rows about these are replaced, the others stand; None for all.
    """

    lake: Lake
    schema: str
    table: str
    columns: StagedColumns
    relation: str
    scope: Mapping[str, Any] = field(default_factory=dict)
    units: Units | None = None
    read_at: int = -1
    """The version of the lake as which it was staged: what it says of the table held then."""
    before: Before | None = None
    """The scope as it stands, where that is known."""
    sorted_by: str | None = None
    """Column by which rows lie together in the files, so that few parts of a file are read for some
    of its values; None for the key alone."""
    keeps_rounds: bool = False
    """Whether the commit is to say the content hash of each round too, of a table whose scope is
    all of it."""
    _content: tuple[str, int] | None = field(default=None, repr=False)
    _diff: StagedDiff | None = field(default=None, repr=False)

    @property
    def types_with_hash(self) -> dict[str, str]:
        return self.columns.types_with_hash

    @property
    def target(self) -> str:
        return self.lake.relation(self.schema, self.table)

    @property
    def order_sql(self) -> str:
        """In which order rows are written."""
        first = [] if self.sorted_by is None else [quote_name(self.sorted_by)]
        return ", ".join([*first, quote_name(self.columns.key)])

    @property
    def relation_after(self) -> str:
        """The scope's rows as they are after the commit: those staged and those that stand."""
        if self.units is None:
            return self.relation
        names = ", ".join(map(quote_name, self.types_with_hash))
        return f"(SELECT {names} FROM {self.relation} UNION ALL {self._standing(names)})"

    def _standing(self, names: str) -> str:
        assert self.units is not None
        scope = " AND ".join(f"{quote_name(n)} = {_literal(v)}" for n, v in self.scope.items())
        return (
            f"SELECT {names} FROM {self.target} WHERE {scope or 'true'} "
            f"AND ({self.units.where}) IS NOT TRUE"
        )

    def content(self) -> tuple[str, int]:
        """Content hash and row count of the scope after the commit; found once, and from what the
        commit changes alone where `before` says how they stand."""
        if self._content is None:
            if self.before is not None:
                diff = self.prepare()
                rows = self.before.row_count + diff.rows_new - diff.rows_gone
                self._content = (diff.hash_after(self.before.content_hash), rows)
            else:
                content, rows = self.lake.execute(content_hash_sql(self.relation_after))[0]
                self._content = (content, rows)
        return self._content

    def round_hashes(self) -> Mapping[str, str] | None:
        """Round → content hash of its rows after the commit; None where that is not kept."""
        if not self.keeps_rounds:
            return None
        if self.before is not None and self.before.round_hashes is not None:
            return self.prepare().round_hashes_after(self.before.round_hashes)
        sql = content_hash_sql(self.relation_after, "round IS NOT NULL", each="round")
        return {str(round): content for round, content, _ in self.lake.execute(sql)}

    def standing_rows(self) -> int:
        """How many of the scope's rows stand."""
        ((staged,),) = self.lake.execute(f"SELECT count(*) FROM {self.relation}")
        return self.content()[1] - staged

    def keep_ids(self, ids: Units) -> None:
        """Makes the relation of ``ids``: those of the rows staged and of the rows they replace."""
        key, column = quote_name(self.columns.key), quote_name(ids.column)
        where, values = self._replaced(self.scope)
        self.lake.execute(
            f"CREATE OR REPLACE TEMP TABLE {ids.relation} AS "
            f"SELECT {key} AS {column} FROM {self.relation} UNION "
            f"SELECT {key} FROM {self.target} WHERE {where}",
            values,
        )

    def _replaced(self, scope: Mapping[str, Any]) -> tuple[str, list[Any]]:
        where, values = _scope_sql(scope)
        return where if self.units is None else f"{where} AND {self.units.where}", values

    def frame(self) -> pl.DataFrame:
        """The staged rows, without their hashes, ordered by key."""
        names = ", ".join(quote_name(name) for name in self.columns.types)
        return self.lake.frame(
            f"SELECT {names} FROM {self.relation} ORDER BY {quote_name(self.columns.key)}"
        )

    def prepare(self) -> StagedDiff:
        """Finds what a commit has to write, once; changes nothing in the lake."""
        if self._diff is None:
            self._diff = self._compared()
        return self._diff

    def near(self, columns: Sequence[str], among: Sequence[tuple[str, str]] = ()) -> str:
        """The staged rows, with those that stand and have one of their values in a column, or that
        have in a column, or in its list, one of the values of a relation with a column ``value``.

        among: (column, relation)s.
        """
        if self.units is None or not (columns or among):
            return self.relation
        names = ", ".join(map(quote_name, self.types_with_hash))
        is_near = near_rows_sql(self.columns.types, columns, self.relation, among)
        standing = f"SELECT {names} FROM ({self._standing(names)}) WHERE {is_near}"
        return f"(SELECT {names} FROM {self.relation} UNION ALL {standing})"

    def _compared(self) -> StagedDiff:
        self._refuse_rows_outside_the_scope()
        found = self.lake.column_types(self.schema, self.table)
        changes = table_changes(self.schema, self.target, found, self.types_with_hash)
        # A table that had no such column yet is replaced as a whole.
        where, values = self._replaced(self.scope if set(self.scope) <= set(found) else {})
        round = "round" if self.keeps_rounds else "NULL AS round"
        there = (
            f"(SELECT row_hash, {round} FROM {self.target} WHERE {where})"
            if "row_hash" in found
            else "(SELECT '' AS row_hash, NULL AS round WHERE false)"
        )
        changed = f"{self.relation}_changed"
        # The hashes that do not stand equally often on both sides.
        self.lake.execute(
            f"CREATE OR REPLACE TEMP TABLE {changed} AS "
            "SELECT row_hash, min(round) AS round, sum(there)::BIGINT AS there, "
            "sum(staged)::BIGINT AS staged FROM ("
            f"SELECT row_hash, round, 1 AS there, 0 AS staged FROM {there} UNION ALL "
            f"SELECT row_hash, {round}, 0, 1 FROM {self.relation}) "
            "GROUP BY row_hash HAVING sum(there) <> sum(staged)",
            values,
        )
        ((rows_gone, rows_new),) = self.lake.execute(
            f"SELECT {', '.join(f'coalesce(sum({n}), 0)::BIGINT' for n in ('there', 'staged'))} "
            f"FROM {changed}"
        )
        return StagedDiff(self, changed, rows_gone, rows_new, found, changes, where, values)

    def _refuse_rows_outside_the_scope(self) -> None:
        where, values = self._replaced(self.scope)
        strays = self.lake.execute(
            f"SELECT count(*) FROM {self.relation} WHERE ({where}) IS NOT TRUE", values
        )[0][0]
        if strays:
            raise LakeError(
                f"table {self.schema}.{self.table}: {strays} of the rows made for "
                f"{dict(self.scope)} do not belong there; a commit would never replace them again"
            )

    def drop(self) -> None:
        """Forgets the staged rows."""
        if not self.lake.is_open:
            return  # they went with their connection
        for name in ("changed", "ids"):
            self.lake.execute(f"DROP TABLE IF EXISTS {self.relation}_{name}")
        self.lake.execute(f"DROP TABLE IF EXISTS {self.relation}")


@dataclass(frozen=True)
class StagedDiff:
    """What a commit writes: rows gone and rows new, by row hash (which covers the key).

    changed: relation of the hashes that are gone or new, with how often they are ``there`` before
        and ``staged``.
    found: the columns of the table as it lies in the lake; none where there is none.
    changes: statements that first give the table the columns of the staged rows.
    """

    staged: StagedTable
    changed: str
    rows_gone: int
    rows_new: int
    found: Mapping[str, str]
    changes: Sequence[str]
    where: str
    values: Sequence[Any]

    @property
    def is_empty(self) -> bool:
        return self.rows_gone == 0 and self.rows_new == 0 and not self.changes

    def write(self, connection: Any) -> None:
        """The writes of one commit; called inside `Lake.transaction`.

        Errors: `LakeError` where the table is then not what was staged: another writer was at it.
        """
        staged = self.staged
        self._refuse_writes_since(connection)
        names = ", ".join(quote_name(name) for name in staged.types_with_hash)
        if self.rows_gone:
            connection.execute(
                f"DELETE FROM {staged.target} WHERE {self.where} AND row_hash IN "
                f"(SELECT row_hash FROM {self.changed} WHERE there > 0)",
                self.values,
            )
        run_all(connection, self.changes)
        if self.rows_new:
            connection.execute(
                f"INSERT INTO {staged.target} ({names}) SELECT {names} FROM {staged.relation} "
                f"WHERE row_hash IN (SELECT row_hash FROM {self.changed} WHERE staged > 0) "
                f"ORDER BY {staged.order_sql}"
            )

    def hash_after(self, before: str) -> str:
        """The content hash of the rows of a relation that had ``before``, once the commit changed
        it: no row is read but those that the commit writes and removes."""
        if self.rows_gone == 0 and self.rows_new == 0:
            return before
        gone, new = (
            self.staged.lake.execute(content_hash_sql(self.changed, copies=copies))[0][0]
            for copies in ("there", "staged")
        )
        return hash_after(before, gone, new)

    def round_hashes_after(self, before: Mapping[str, str]) -> Mapping[str, str]:
        """The content hash of each round, once the commit changed it."""
        lake, changed = self.staged.lake, "round IS NOT NULL"
        gone, new = (
            {
                str(round): content
                for round, content, _ in lake.execute(
                    content_hash_sql(self.changed, changed, copies, each="round")
                )
            }
            for copies in ("there", "staged")
        )
        return {
            round: hash_after(
                before.get(round, OF_NOTHING),
                gone.get(round, OF_NOTHING),
                new.get(round, OF_NOTHING),
            )
            for round in {**before, **gone, **new}
        }

    def table_hash(self, connection: Any) -> str:
        """Content hash of the whole table once it is written; called inside the transaction. Rows
        are read only where there are others than the scope's."""
        where, values = _scope_sql(self.staged.scope)
        ((others,),) = connection.execute(
            f"SELECT count(*) FROM {self.staged.target} WHERE ({where}) IS NOT TRUE", values
        ).fetchall()
        if not others:
            return self.staged.content()[0]
        return connection.execute(content_hash_sql(self.staged.target)).fetchall()[0][0]

    def _refuse_writes_since(self, connection: Any) -> None:
        """Errors: `LakeError` where someone wrote to the table since it was compared with what is
        staged. The transaction sees one version of the lake, and none is made beside it."""
        staged = self.staged
        now = connection.execute("FROM lake.current_snapshot()").fetchall()[0][0]
        if now == staged.read_at or not self.found:
            return
        changes = changes_between(staged.schema, staged.table, staged.read_at, now)
        if connection.execute(f"SELECT 1 FROM {changes} LIMIT 1").fetchall():
            raise LakeError(
                f"table {staged.schema}.{staged.table}: another process changed it while this "
                "commit was made, so nothing of it was written; run again"
            )


def near_rows_sql(
    types: Mapping[str, str],
    columns: Sequence[str],
    rows: str,
    among: Sequence[tuple[str, str]],
) -> str:
    """The condition of `StagedTable.near` on a row that stands beside those of a relation."""
    shares = [f"{name} IN (SELECT {name} FROM {rows})" for name in map(quote_name, columns)]
    has = [
        f"list_has_any({quote_name(column)}, (SELECT list(value) FROM {relation}))"
        if types[column].endswith("[]")
        else f"{quote_name(column)} IN (SELECT value FROM {relation})"
        for column, relation in among
    ]
    return " OR ".join([*shares, *has])


def stage_frame(
    lake: Lake,
    schema: str,
    table: TableSchema,
    rows: pl.DataFrame,
    scope: Mapping[str, Any],
    units: Units | None = None,
) -> StagedTable:
    """Stages a frame of exactly the table's schema."""
    with lake.temporary("frame", table.conform(rows)) as relation:
        staged = _stage(
            lake, schema, table.name, StagedColumns.of(table), f"SELECT * FROM {relation}", scope
        )
    staged.units = units
    return staged


def stage_query(
    lake: Lake,
    schema: str,
    table: str,
    key: str,
    sql: str,
    parameters: Sequence[Any] = (),
    *,
    scope: Mapping[str, Any] | None = None,
) -> StagedTable:
    """Stages the rows of one SELECT, which replace those of ``scope``: the whole table, where
    there is none."""
    described = lake.execute(f"DESCRIBE {sql}", parameters)
    types = {name: kind for name, kind, *_ in described}
    if key not in types:
        raise LakeError(f"model {table}: its key {key} is none of its columns {list(types)}")
    for name, kind in types.items():
        if _NOT_IN_A_LAKE.search(kind):
            raise LakeError(
                f"model {table}: column {name} is of type {kind}, which the lake cannot hold; "
                "cast it to VARCHAR, a number or a list"
            )
    columns = StagedColumns(key, types)
    return _stage(lake, schema, table, columns, sql, scope or {}, parameters)


def _stage(
    lake: Lake,
    schema: str,
    table: str,
    columns: StagedColumns,
    sql: str,
    scope: Mapping[str, Any],
    parameters: Sequence[Any] = (),
) -> StagedTable:
    read_at = lake.version()
    relation = f"staged_{table}_{random.getrandbits(32):08x}"
    typed = ", ".join(
        f"CAST({quote_name(name)} AS {kind}) AS {quote_name(name)}"
        for name, kind in columns.types.items()
    )
    lake.execute(
        f"CREATE TEMP TABLE {relation} AS SELECT *, {columns.row_hash_sql} AS row_hash "
        f"FROM (SELECT {typed} FROM ({sql}))",
        parameters,
    )
    return StagedTable(lake, schema, table, columns, relation, dict(scope), read_at=read_at)


def _literal(value: Any) -> str:
    return quote_literal(value) if isinstance(value, str) else str(int(value))


def _scope_sql(scope: Mapping[str, Any]) -> tuple[str, list[Any]]:
    where = " AND ".join(f"{quote_name(name)} = ?" for name in scope) or "true"
    return where, list(scope.values())
