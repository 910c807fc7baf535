"""Commits: staged rows and what they were made from in, one atomic commit and its record out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import polars as pl

from synth_assets.identity import canonical_json, content_id
from synth_assets.schemas import COMMITS
from synth_assets.store.content_hash import OF_NOTHING, content_hash_sql
from synth_assets.store.lake import Lake, run_all
from synth_assets.store.outcomes import (
    Outcome,
    Outcomes,
    keep_outcomes,
    outcome_changes,
    outcomes_of,
    remember_outcomes,
    write_outcomes,
)
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import StagedColumns, StagedDiff, StagedTable
from synth_assets.store.writes import state_of, versions_of_commits, writes_after, wrote_alone

AS_A_WHOLE = 0
"""The round of a commit of a table that is not made round by round."""

RECORDED_LIBRARIES = ("synth-assets", "duckdb", "polars", "math-verify", "rapidfuzz", "sqlglot")


@dataclass(frozen=True)
class Provenance:
    """What a table, or one round of it, is made from.

    fingerprint_parts: name → hash of each part of the stage's identity (``parameters``,
        ``templates``, ``code`` …), so that a change can be named.
    inputs: input table → content hash of the slice that was read.
    """

    fingerprint: str
    fingerprint_parts: Mapping[str, str]
    inputs: Mapping[str, str]


def changed_parts(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of the parts of a fingerprint that differ. ``rendered`` (a SQL model at the recipe's
    thresholds) follows from ``variables`` and ``sql``, so it is named only where neither is."""
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if {"variables", "sql"} & set(names):
        names = [name for name in names if name != "rendered"]
    return names


@dataclass(frozen=True)
class Commit:
    """The record of one commit."""

    table_name: str
    round: int
    fingerprint: str
    fingerprint_parts: Mapping[str, str]
    inputs: Mapping[str, str]
    content_hash: str
    table_hash: str
    round_hashes: Mapping[str, str] | None
    row_count: int
    rows_new: int
    rows_gone: int
    items_parsed: int | None
    failed_replies: int
    number: int
    run_id: str

    def hash_of(self, round: int | None) -> str | None:
        """Content hash of the whole table, or of a round of it, after the commit; None where the
        commit does not say it."""
        if round is None:
            return self.table_hash
        if self.round == round:
            return self.content_hash
        if self.round != AS_A_WHOLE or self.round_hashes is None:
            return None
        return self.round_hashes.get(str(round), OF_NOTHING)

    def is_made_from(self, provenance: Provenance) -> bool:
        return self.fingerprint == provenance.fingerprint and dict(self.inputs) == dict(
            provenance.inputs
        )


@dataclass
class StagedCommit:
    """One table's rows with what travels in the same transaction (its edges)."""

    table: StagedTable
    provenance: Provenance
    round: int = 0
    items_parsed: int | None = None
    failed_replies: int = 0
    companions: Sequence[StagedTable] = field(default_factory=tuple)
    passed: Mapping[str, str] = field(default_factory=dict)
    """Check → what its pass on the table's rows rests on; kept where these are all of the table."""
    checked_at: int | None = None
    """The version of the lake in which the checks read other tables."""


class CommitLog:
    """The commits of one recipe."""

    def __init__(self, lake: Lake, recipe: str) -> None:
        self.lake = lake
        self.recipe = recipe
        self._latest: dict[tuple[str, int], Commit] | None = None

    def latest(self) -> dict[tuple[str, int], Commit]:
        """(table, round) → its newest commit. Read once: one run at a time works on a recipe."""
        if self._latest is None:
            self._latest = self._read_latest()
        return self._latest

    def _read_latest(self) -> dict[tuple[str, int], Commit]:
        if not self.lake.has(self.recipe, COMMITS.name):
            return {}
        place, state = ("commits", self.recipe), state_of(self.lake, self.recipe, COMMITS.name)
        known = self.lake.remembered.get(place)
        if known is None or known[0] != state:
            newest = (
                f"number IN (SELECT max(number) FROM {Lake.relation(self.recipe, COMMITS.name)} "
                "GROUP BY table_name, round)"
            )
            rows = self.lake.read(self.recipe, COMMITS, newest).sort("number")
            commits = [_commit(row) for row in rows.iter_rows(named=True)]
            known = (state, {(commit.table_name, commit.round): commit for commit in commits})
            self.lake.remembered[place] = known
        return known[1]

    def table_hash(self, table: str) -> str | None:
        """Content hash of the whole table as last committed; None before the first commit."""
        commits = [c for (name, _), c in self.latest().items() if name == table]
        return max(commits, key=lambda c: c.number).table_hash if commits else None

    def version_of(self, table: str, number: int) -> int | None:
        """The version of the lake that a commit of the table made; None where it was vacuumed."""
        return versions_of_commits(self.lake, self.recipe).get((table, number))

    def recorded_hash(self, table: str, round: int | None = None) -> str | None:
        """Content hash of the table, or of one of its rounds, as the newest commit recorded it;
        None where that is not known to hold: someone else wrote since, or its version is gone."""
        commits = [
            commit
            for (name, number), commit in self.latest().items()
            if name == table and (round in (None, number) or number == AS_A_WHOLE)
        ]
        newest = max(commits, key=lambda commit: commit.number, default=None)
        with self.lake.reading():
            version = None if newest is None else self.version_of(table, newest.number)
            if newest is None or version is None:
                return None
            later = writes_after(self.lake, self.recipe, table, version)
        if later is None or any(
            round is None
            or write.round in (round, AS_A_WHOLE)
            or not write.is_of(self.recipe, table)
            for write in later
        ):
            return None
        return newest.hash_of(round)

    def keep_passed(self, table: str, passed: Mapping[str, str], number: int, read_at: int) -> None:
        """Remembers checks that passed on the whole table as its commit ``number`` left it."""
        known = outcomes_of(self.lake, self.recipe, table)
        keep_outcomes(self.lake, self.recipe, table, _outcomes(passed, known, number, read_at))

    def recorded_hash_at(self, table: str, round: int | None, version: int) -> str | None:
        """`recorded_hash` as it was at a version of the lake. Looked up once: what was is so for as
        long as its versions are kept."""
        place = ("hash_at", self.recipe, table, round, version)
        if place not in self.lake.remembered:
            self.lake.remembered[place] = self._find_hash_at(table, round, version)
        return self.lake.remembered[place]

    def _find_hash_at(self, table: str, round: int | None, version: int) -> str | None:
        versions = versions_of_commits(self.lake, self.recipe)
        made = {
            at: number for (name, number), at in versions.items() if name == table and at <= version
        }
        rows = self.lake.read(self.recipe, COMMITS, "table_name = ?", [table])
        commits = {commit.number: commit for commit in map(_commit, rows.iter_rows(named=True))}
        for at in sorted(made, reverse=True):
            commit = commits[made[at]]
            if round in (None, commit.round) or commit.round == AS_A_WHOLE:
                later = writes_after(self.lake, self.recipe, table, at)
                if later is None or any(
                    round is None
                    or write.round in (round, AS_A_WHOLE)
                    or not write.is_of(self.recipe, table)
                    for write in later
                    if write.version <= version
                ):
                    return None
                return commit.hash_of(round)
        return None

    def commit(self, staged: StagedCommit, *, run_id: str) -> Commit:
        """Writes rows, companions and record in one transaction.

        Equal rows write nothing; the record is then written alone, and only where what the rows
        were made from has changed.
        """
        with self.lake.reading():
            content, row_count = staged.table.content()
            round_hashes = staged.table.round_hashes()
            diffs = [table.prepare() for table in (staged.table, *staged.companions)]
            columns = StagedColumns.of(COMMITS).types
            changes = self.lake.pending_changes(self.recipe, columns, COMMITS.name)
            changes += outcome_changes(self.lake, self.recipe)
            checked = outcomes_of(self.lake, self.recipe, staged.table.table)
            read_at = self.lake.version()
            table_hash_after = self._table_hash_after(staged, diffs[0])
        known = self.latest().get((staged.table.table, staged.round))
        unchanged = all(diff.is_empty for diff in diffs)
        if (
            unchanged
            and known
            and known.is_made_from(staged.provenance)
            and known.items_parsed == staged.items_parsed
            and known.failed_replies == staged.failed_replies
        ):
            return known
        record = self._record(staged, content, row_count, diffs[0], run_id)
        if round_hashes is not None:
            record["round_hashes"] = canonical_json(dict(round_hashes))
        written: dict[str, Outcome] = {}

        def write(connection: Any) -> dict[str, Any]:
            written.clear()  # of a try that another commit ended
            run_all(connection, changes)
            for diff in diffs:
                diff.write(connection)
            target = self.lake.relation(self.recipe, COMMITS.name)
            table_hash = table_hash_after or diffs[0].table_hash(connection)
            number = connection.execute(
                f"SELECT coalesce(max(number), 0) + 1 FROM {target}"
            ).fetchall()[0][0]
            full = {**record, "table_hash": table_hash, "number": number}
            full["commit_id"] = content_id(
                "commit", canonical_json({name: str(value) for name, value in full.items()})
            )
            names = COMMITS.polars.names()
            connection.execute(
                f"INSERT INTO {target} ({', '.join(map(quote_name, names))}) "
                f"VALUES ({', '.join('?' for _ in names)})",
                [full[name] for name in names],
            )
            passed: Outcomes = {}
            if table_hash == content:
                passed = _outcomes(staged.passed, checked, number, staged.checked_at)
            if passed and passed != checked:
                write_outcomes(
                    connection, self.recipe, staged.table.table, passed, checked, read_at
                )
                written.update(passed)
            connection.execute(
                "CALL lake.set_commit_message(?, ?, extra_info => ?)",
                [
                    "synth_assets",
                    f"{self.recipe}.{staged.table.table}"
                    + (f" round {staged.round}" if staged.round else ""),
                    canonical_json(
                        {
                            "recipe": self.recipe,
                            "number": number,
                            "table": staged.table.table,
                            "round": staged.round,
                            "run_id": run_id,
                            "fingerprint": staged.provenance.fingerprint,
                            "inputs": dict(staged.provenance.inputs),
                            "content_hash": content,
                        }
                    ),
                ],
            )
            return full

        commit = _commit(self.lake.transaction(write))
        # One run at a time works on a recipe, so that nobody else's commit can be missing here.
        place = (commit.table_name, commit.round)
        others = {key: known for key, known in self.latest().items() if key != place}
        self._latest = {**others, place: commit}
        self._remember(commit, written)
        return commit

    def _remember(self, commit: Commit, written: Outcomes) -> None:
        """Spares the next table of the run another look at what this one just wrote, where nobody
        else wrote since what was known."""
        version = self.version_of(commit.table_name, commit.number)
        place = ("commits", self.recipe)
        known = self.lake.remembered.get(place)
        if version is None:
            return
        if known and wrote_alone(self.lake, self.recipe, COMMITS.name, known[0], version):
            latest = {**known[1], (commit.table_name, commit.round): commit}
            self.lake.remembered[place] = (version, latest)
        if written:
            remember_outcomes(self.lake, self.recipe, commit.table_name, written, version)

    def _table_hash_after(self, staged: StagedCommit, diff: StagedDiff) -> str | None:
        """Content hash of the whole table once it is written, from the one before it; None where
        that is not known."""
        before = self.recorded_hash(staged.table.table)
        return None if before is None else diff.hash_after(before)

    def _record(
        self, staged: StagedCommit, content: str, row_count: int, diff: StagedDiff, run_id: str
    ) -> dict[str, Any]:
        return {
            "recipe": self.recipe,
            "table_name": staged.table.table,
            "round": staged.round,
            "fingerprint": staged.provenance.fingerprint,
            "fingerprint_parts": canonical_json(dict(staged.provenance.fingerprint_parts)),
            "inputs": canonical_json(dict(staged.provenance.inputs)),
            "content_hash": content,
            "round_hashes": None,
            "row_count": row_count,
            "rows_new": diff.rows_new,
            "rows_gone": diff.rows_gone,
            "items_parsed": staged.items_parsed,
            "failed_replies": staged.failed_replies,
            "run_id": run_id,
            "versions": canonical_json(library_versions()),
            "committed_at": datetime.now(UTC).replace(tzinfo=None),
        }


def _outcomes(
    passed: Mapping[str, str], known: Outcomes, number: int, read_at: int | None
) -> Outcomes:
    """Checks that passed now, at commit ``number``; as known where one rests on just the same."""
    return {
        check: known[check]
        if check in known and known[check].rests_on == rests_on
        else Outcome(rests_on, number, read_at)
        for check, rests_on in passed.items()
    }


@cache
def library_versions() -> dict[str, str]:
    """Versions of the libraries that can change a table."""
    return {name: version(name) for name in RECORDED_LIBRARIES}


def slice_hash(lake: Lake, schema: str, table: str, where: str, parameters: Sequence[Any]) -> str:
    """Content hash of the rows of a table that ``where`` (SQL of ours) selects."""
    if not lake.has(schema, table):
        return OF_NOTHING
    place = ("hash", schema, table, where, *parameters)
    return remembered_hash(
        lake, place, [(schema, table)], content_hash_sql(lake.relation(schema, table), where),
        parameters,
    )  # fmt: skip


def remembered_hash(
    lake: Lake,
    place: tuple[Any, ...],
    tables: Sequence[tuple[str, str]],
    sql: str,
    parameters: Sequence[Any],
) -> str:
    """The hash that ``sql`` selects; read once for one state of the (schema, table)s it reads."""
    state = [state_of(lake, *table) for table in tables]
    known = lake.remembered.get(place)
    if known is None or known[0] != state:
        known = (state, lake.execute(sql, parameters)[0][0])
        lake.remembered[place] = known
    return known[1]


def _commit(row: Mapping[str, Any]) -> Commit:
    values = {name: row[name] for name in Commit.__dataclass_fields__}
    for name in ("fingerprint_parts", "inputs", "round_hashes"):
        values[name] = None if values[name] is None else json.loads(values[name])
    return Commit(**values)


def commits_frame(lake: Lake, recipe: str) -> pl.DataFrame:
    """Every commit of a recipe, oldest first."""
    return lake.read(recipe, COMMITS).sort("number")
