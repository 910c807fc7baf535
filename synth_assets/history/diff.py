"""Two versions of a table in; rows added, removed and changed, by which column, and why, out.

Rows are compared by their key and ``row_hash``; where few differ, those alone that were written or
removed between the versions. Why: where one kind of thing changed between the versions, it is the
cause of all. Where several did, each row is laid to those that touched it: whose table, upstream,
has other rows about the same prompts or completions than before.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from synth_assets.errors import QueryError
from synth_assets.history.causes import Cause, State, causes_by_table
from synth_assets.recipe_errors import did_you_mean
from synth_assets.schemas import COMMITS, EDGES
from synth_assets.stages.workshop import Workshop
from synth_assets.store.past import SIGN, columns_at, has_same_columns, relation_at, signed_rows
from synth_assets.store.sql_types import quote_name
from synth_assets.store.writes import versions_of_commits

Change = Literal["added", "removed", "changed"]
ENTITY_COLUMNS = (
    "prompt_id",
    "completion_id",
    "chosen_completion_id",
    "rejected_completion_id",
)
"""Columns that say what a row is about, beside its key."""

VERDICTS = ("change", "came_or_went")
"""Columns that say what became of a row."""

FEW_ROWS = 200_000
"""Rows that differ, up to which they are looked up one by one."""

UNKNOWN = ("unknown",)
"""Nothing that was recorded changed: someone wrote past the commits."""


@dataclass(frozen=True)
class TableDiff:
    """What differs between two versions of one table.

    columns: column → changed rows in which it differs. because: kinds of cause (``("judge",)``) →
    change → rows. causes: what changed, kind by kind. rows: key, change and kinds of each row that
    differs.
    """

    table: str
    key: str
    versions: tuple[int, int]
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    because: Mapping[tuple[str, ...], Mapping[str, int]]
    causes: tuple[Cause, ...]
    rows: pl.DataFrame = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "versions": list(self.versions),
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "columns": dict(self.columns),
            "because": [
                {"causes": list(kinds), **counts} for kinds, counts in self.because.items()
            ],
            "causes": [vars(cause) for cause in self.causes],
            "rows": self.rows.to_dicts(),
        }


def diff(workshop: Workshop, table: str, before: int, after: int) -> TableDiff:
    """What differs between two versions of the lake in one table of the recipe.

    Errors: `QueryError` where the recipe has no such table.
    """
    if table not in workshop.stages:
        raise QueryError(
            f"recipe {workshop.recipe.name} has no table {table!r}"
            f"{did_you_mean(table, workshop.stages)}"
        )
    differ = _Differ(workshop, before, after)
    try:
        return differ.diff(table)
    finally:
        differ.close()


class _Differ:
    def __init__(self, workshop: Workshop, before: int, after: int) -> None:
        self.workshop, self.lake = workshop, workshop.lake
        self.schema = workshop.recipe.name
        self.sides = (before, after)
        self._known_columns: dict[tuple[str, int], dict[str, str]] = {}
        self._known_commits: dict[int, list[dict[str, Any]]] = {}
        self._known_sides: dict[str, tuple[str, str]] = {}
        self._temporary: list[str] = []
        self.states = [State.of(self._commits(version)) for version in self.sides]

    def diff(self, table: str) -> TableDiff:
        key = self.workshop.stages[table].key
        rows, columns = self._differing_by_column(table, key)
        counts = dict(rows["change"].value_counts().iter_rows())
        own = causes_by_table(table, *self.states)
        rows = self._with_causes(rows, table, key, own)
        because: dict[tuple[str, ...], dict[str, int]] = {}
        told = rows.group_by(pl.col("because").list.join(" "), "change").len().sort(pl.all())
        for kinds, change, count in told.iter_rows():
            because.setdefault(tuple(kinds.split()), {})[change] = count
        return TableDiff(
            table=table,
            key=key,
            versions=self.sides,
            added=counts.get("added", 0),
            removed=counts.get("removed", 0),
            changed=counts.get("changed", 0),
            columns=columns,
            because=because,
            causes=tuple(sorted({cause for causes in own.values() for cause in causes})),
            rows=rows.select(key, "change", "because"),
        )

    def close(self) -> None:
        """Forgets what was looked up on the way."""
        if self.lake.is_open:
            for name in self._temporary:
                self.lake.execute(f"DROP TABLE IF EXISTS {name}")

    # -- what ---------------------------------------------------------------------------------

    def _differing(self, table: str, key: str) -> pl.DataFrame:
        """key, change, whether the row came, went, or was dropped or kept on one side only, and the
        ids that it is about."""
        return self.lake.frame(f"{self._differing_sql(table, key)} ORDER BY 1")

    def _differing_by_column(self, table: str, key: str) -> tuple[pl.DataFrame, dict[str, int]]:
        """The same, and the columns in which changed rows differ, each with how many do. Both of
        one look at the rows: where a million differ, to join them takes most of the time."""
        known = [self._columns(table, version) for version in self.sides]
        # A row whose column has another type has changed by it, also where the value is equal.
        own = [c for c in known[1] if c not in (key, "row_hash")]
        own += [key] if self._is_retyped(table, key) else []
        compared = [c for c in own if known[0].get(c) == known[1][c]]
        joined = f"joined_{random.getrandbits(32):08x}"
        self.lake.execute(
            f"CREATE TEMP TABLE {joined} AS {self._differing_sql(table, key, compared)}"
        )
        self._temporary.append(joined)
        told = [f"differs_{place}" for place in range(len(compared))]
        counted = "".join(f", count(*) FILTER ({name})" for name in told)
        ((changed, *counts),) = self.lake.execute(
            f"SELECT count(*){counted} FROM {joined} WHERE change = 'changed'"
        )
        columns = dict.fromkeys(own, changed) | dict(zip(compared, counts, strict=True))
        without = f" EXCLUDE ({', '.join(told)})" if told else ""
        rows = self.lake.frame(f"SELECT *{without} FROM {joined} ORDER BY 1")
        return rows, {column: count for column, count in columns.items() if count}

    def _differing_sql(self, table: str, key: str, compared: Sequence[str] = ()) -> str:
        """The SELECT of the rows that differ, with whether they do in each column ``compared``, as
        ``differs_0`` and so on."""
        old, new = self._sides(table)
        name = quote_name(key)
        about = [column for column in ENTITY_COLUMNS if column in self._columns(table)]
        ids = [
            f", coalesce(b.{quote_name(c)}, a.{quote_name(c)}) AS {quote_name(c)}"
            for c in about
            if c != key
        ]
        reason = ["drop_reason"] if "drop_reason" in self._columns(table) else []
        chosen = [self._id(table, c) for c in dict.fromkeys([key, *about, *reason])]
        # Values are told by a hash of 64 bits: to join a million texts would take gigabytes.
        chosen += [f"hash({quote_name(c)}) AS hash_{n}" for n, c in enumerate(compared)]
        differs = [f", a.hash_{n} <> b.hash_{n} AS differs_{n}" for n in range(len(compared))]
        is_turned = "(a.drop_reason IS NULL) <> (b.drop_reason IS NULL)" if reason else "false"
        return (
            f"SELECT coalesce(b.{name}, a.{name}) AS {name},"
            " CASE WHEN a.row_hash IS NULL THEN 'added' WHEN b.row_hash IS NULL THEN 'removed'"
            " ELSE 'changed' END AS change,"
            " a.row_hash IS NULL OR b.row_hash IS NULL OR coalesce("
            f"{is_turned}, false) AS came_or_went{''.join([*ids, *differs])}"
            f" FROM (SELECT {', '.join(chosen)}, row_hash FROM {old}) a"
            f" FULL JOIN (SELECT {', '.join(chosen)}, row_hash FROM {new}) b"
            f" ON a.{name} = b.{name} WHERE a.row_hash IS DISTINCT FROM b.row_hash"
        )

    # -- why ----------------------------------------------------------------------------------

    def _with_causes(
        self, rows: pl.DataFrame, table: str, key: str, own: Mapping[str, frozenset[Cause]]
    ) -> pl.DataFrame:
        kinds_of = {name: {cause.kind for cause in causes} for name, causes in own.items()}
        all_kinds = sorted(set().union(*kinds_of.values()))
        if len(all_kinds) <= 1 or rows.is_empty():
            because = pl.lit(pl.Series([tuple(all_kinds) or UNKNOWN], dtype=pl.List(pl.String)))
            return rows.with_columns(because.first().alias("because"))
        about = self._about(rows, key)
        touched: dict[str, set[str]] = {}
        came_or_went: set[str] = set()
        for name, kinds in kinds_of.items():
            if kinds and name != table:
                some, whole = self._touched(name, about)
                came_or_went |= whole
                for row in some:
                    touched.setdefault(row, set()).update(kinds)
        # Where what a row rests on is new or gone, the table's own rules were not asked.
        for row in set(rows[key]) - came_or_went:
            touched.setdefault(row, set()).update(kinds_of[table])
        because = [sorted(touched.get(row, ())) or all_kinds for row in rows[key]]
        return rows.with_columns(pl.Series("because", because, dtype=pl.List(pl.String)))

    def _about(self, rows: pl.DataFrame, key: str) -> pl.DataFrame:
        """row, id: each row with the ids it is about and all that those were derived from."""
        columns = [c for c in rows.columns if c not in VERDICTS]
        about = pl.concat(
            [rows.select(pl.col(key).alias("row"), pl.col(c).alias("id")) for c in columns]
        ).drop_nulls()
        found, frontier = about.unique(), about.unique()
        while not frontier.is_empty():
            edges = self._edges_from(frontier.select("id").unique())
            parents = frontier.join(edges, left_on="id", right_on="child_id").select(
                "row", pl.col("parent_id").alias("id")
            )
            frontier = parents.unique().join(found, on=["row", "id"], how="anti")
            found = pl.concat([found, frontier])
        return found

    def _touched(self, table: str, about: pl.DataFrame) -> tuple[set[str], set[str]]:
        """The rows that are about a prompt or completion of which ``table`` says otherwise, and
        those of them whose own row there came or went."""
        if table not in self.workshop.stages:
            return set(), set()
        differing = self._differing(table, self.workshop.stages[table].key)
        return (
            _rows_about(about, differing),
            _rows_about(about, differing.filter("came_or_went")),
        )

    # -- versions -----------------------------------------------------------------------------

    def _commits(self, version: int) -> Iterable[Mapping[str, Any]]:
        if not self._columns(COMMITS.name, version):
            return []
        if version not in self._known_commits:
            found = self.lake.frame(f"SELECT * FROM {self._at(COMMITS.name, version)}")
            self._known_commits[version] = found.to_dicts()
        return self._known_commits[version]

    def _edges_from(self, children: pl.DataFrame) -> pl.DataFrame:
        """What the ``id``s were derived from, at either version."""
        with self.lake.temporary("children", children) as ids:
            parts = [
                self.lake.frame(
                    f"SELECT child_id, parent_id FROM {relation}"
                    f" WHERE kind = 'derived_from' AND child_id IN (SELECT id FROM {ids})"
                )
                for relation in self._relations_of_edges()
            ]
        nothing = pl.DataFrame(schema={"child_id": pl.String, "parent_id": pl.String})
        return pl.concat(parts or [nothing]).unique()

    def _relations_of_edges(self) -> list[str]:
        """In which all edges of both versions stand; none where neither has any."""
        first, last = min(self.sides), max(self.sides)
        there = [side for side in (first, last) if self._columns(EDGES.name, side)]
        if len(there) < 2:
            return [self._at(EDGES.name, side) for side in there]
        # Those of the first that are not among the last's are among the changes.
        return list(dict.fromkeys((self._at(EDGES.name, last), *self._sides(EDGES.name))))

    def _columns(self, table: str, version: int | None = None) -> dict[str, str]:
        """Column → type of the table at a version (or at either); none where it was not there."""
        if version is None:
            return {c: kind for v in self.sides for c, kind in self._columns(table, v).items()}
        place = (table, version)
        if place not in self._known_columns:
            self._known_columns[place] = columns_at(self.lake, self.schema, table, version)
        return self._known_columns[place]

    def _is_retyped(self, table: str, column: str) -> bool:
        types = [self._columns(table, version).get(column) for version in self.sides]
        return None not in types and types[0] != types[1]

    def _id(self, table: str, column: str) -> str:
        """A column of ids in a SELECT: of two types, it is compared as it is written."""
        name = quote_name(column)
        return f"CAST({name} AS VARCHAR) AS {name}" if self._is_retyped(table, column) else name

    def _sides(self, table: str) -> tuple[str, str]:
        """The table at the two versions, as relations, with at least the rows that differ."""
        if table not in self._known_sides:
            whole = tuple(self._at(table, version) for version in self.sides)
            self._known_sides[table] = self._changed_sides(table) or (whole[0], whole[1])
        return self._known_sides[table]

    def _changed_sides(self, table: str) -> tuple[str, str] | None:
        """The rows that differ alone; None where they cannot be told, or are so many that it is
        quicker to compare all."""
        first, last = min(self.sides), max(self.sides)
        columns = self._columns(table, last)
        if first == last or not columns:
            return None
        if not has_same_columns(self.lake, self.schema, table, first, last):
            return None
        if self._written_between(table, first, last) > 2 * FEW_ROWS:
            return None
        rows = signed_rows(self.lake, self.schema, table, first, last)
        net = f"net_{random.getrandbits(32):08x}"
        self.lake.execute(
            f"CREATE TEMP TABLE {net} AS SELECT row_hash, count(*) AS told "
            f"FROM {rows} GROUP BY row_hash HAVING sum({SIGN}) <> 0"
        )
        self._temporary.append(net)
        ((count, is_told_once),) = self.lake.execute(
            f"SELECT count(*), coalesce(bool_and(told = 1), true) FROM {net}"
        )
        if count > FEW_ROWS or not is_told_once:
            return None
        chosen = ", ".join(map(quote_name, columns))
        went, came = (
            f"(SELECT {chosen} FROM {rows} WHERE {SIGN} = {sign} "
            f"AND row_hash IN (SELECT row_hash FROM {net}))"
            for sign in (-1, 1)
        )
        return (went, came) if self.sides[0] == first else (came, went)

    def _written_between(self, table: str, first: int, last: int) -> int:
        """How many rows its commits wrote and removed: more than differ, where one wrote again
        what another had removed."""
        versions = versions_of_commits(self.lake, self.schema)
        return sum(
            commit["rows_new"] + commit["rows_gone"]
            for commit in self._commits(last)
            if commit["table_name"] == table
            and first < versions.get((table, commit["number"]), -1) <= last
        )

    def _at(self, table: str, version: int) -> str:
        """The table at a version as a relation; an empty one where it was not there."""
        if self._columns(table, version):
            return relation_at(self.schema, table, version)
        there = list(self._columns(table)) or ["row_hash"]
        return f"(SELECT {', '.join(f'NULL AS {quote_name(c)}' for c in there)} WHERE false)"


def _rows_about(about: pl.DataFrame, differing: pl.DataFrame) -> set[str]:
    ids = pl.concat([differing[c].alias("id") for c in differing.columns if c not in VERDICTS])
    return set(about.join(ids.to_frame().unique(), on="id", how="semi")["row"])
