"""A table's commits in, its versions out: when, by which run, how many rows, what had changed.

A version is the number of a snapshot of the whole lake, which every commit makes; so one number
names the state of all tables at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from synth_assets.errors import QueryError
from synth_assets.recipe_errors import did_you_mean
from synth_assets.schemas import COMMITS, RETRACTIONS
from synth_assets.store.commits import changed_parts, commits_frame
from synth_assets.store.lake import Lake
from synth_assets.store.tags import Tag, tags_of


@dataclass(frozen=True)
class Withdrawn:
    """Rows of a table in a tagged version that were withdrawn since."""

    tag: str
    retraction_id: str
    rows: int


@dataclass(frozen=True)
class Version:
    """One commit of one table.

    version: number of the lake's snapshot; None once it was vacuumed. round: 0 where the table is
    made as a whole. content_hash: of the whole table. rows: of the round, after the commit.
    changed: what differed from the commit before (``templates``, ``code``, ``seed_prompts`` …).
    tags: of versions in which the table is as this commit left it. withdrawn: what those hold.
    """

    version: int | None
    number: int
    round: int
    when: datetime
    run_id: str
    rows: int
    rows_new: int
    rows_gone: int
    content_hash: str
    fingerprint: str
    changed: tuple[str, ...]
    tags: tuple[str, ...]
    withdrawn: tuple[Withdrawn, ...]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "when": self.when.isoformat(timespec="seconds") + "Z"}


def versions(lake: Lake, recipe: str, table: str) -> list[Version]:
    """Every commit of ``recipe.table``, newest first.

    Errors: `QueryError` where the recipe has made no such table.
    """
    commits = commits_frame(lake, recipe).to_dicts()
    made = sorted({row["table_name"] for row in commits})
    if table not in made:
        raise QueryError(
            f"recipe {recipe} has made no table {table!r}{did_you_mean(table, made) or '.'} "
            f"It has made: {', '.join(made) or 'nothing yet'}"
        )
    snapshots = snapshot_of_commits(lake, recipe)
    before: dict[int, dict[str, Any]] = {}
    found: list[Version] = []
    for row in commits:
        if row["table_name"] != table:
            continue
        snapshot = snapshots.get(row["number"])
        found.append(
            Version(
                version=snapshot,
                number=row["number"],
                round=row["round"],
                when=row["committed_at"],
                run_id=row["run_id"],
                rows=row["row_count"],
                rows_new=row["rows_new"],
                rows_gone=row["rows_gone"],
                content_hash=row["table_hash"],
                fingerprint=row["fingerprint"],
                changed=_changed(before.get(row["round"]), row),
                tags=(),
                withdrawn=(),
            )
        )
        before[row["round"]] = row
    return _with_tags(lake, recipe, table, found)[::-1]


def snapshot_of_commits(lake: Lake, recipe: str) -> dict[int, int]:
    """Number of each commit of the recipe → the snapshot that it made, where that is still
    there."""
    rows = lake.execute(
        "SELECT CAST(commit_extra_info ->> 'number' AS BIGINT), snapshot_id"
        " FROM lake.snapshots()"
        " WHERE author = 'synth_assets' AND (commit_extra_info ->> 'recipe') = ?",
        [recipe],
    )
    return {number: snapshot for number, snapshot in rows if number is not None}


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[str, ...]:
    if before is None:
        return ("first",)
    parts = changed_parts(*(json.loads(row["fingerprint_parts"]) for row in (before, after)))
    inputs = changed_parts(*(json.loads(row["inputs"]) for row in (before, after)))
    names = [*parts, *(name.partition("[")[0] for name in inputs)]
    return tuple(dict.fromkeys(names)) or ("replies",)


def _with_tags(lake: Lake, recipe: str, table: str, found: list[Version]) -> list[Version]:
    """Each tag at the newest commit that its version holds, the commit's own version vacuumed or
    not."""
    written = _written_at(lake, recipe)
    tags_of_commit: dict[int, list[Tag]] = {}
    for tag in tags_of(lake):
        older = [each.number for each in found if written[each.number] <= tag.version]
        if older:
            tags_of_commit.setdefault(max(older), []).append(tag)
    withdrawn = _withdrawn(lake, recipe, table)
    with_tags: list[Version] = []
    for each in found:
        tags = sorted(tags_of_commit.get(each.number, ()), key=lambda tag: tag.tag)
        standing = {tag.tag for tag in tags if tag.recipe == recipe and not tag.erased}
        held = tuple(each for each in withdrawn if each.tag in standing)
        with_tags.append(replace(each, tags=tuple(tag.tag for tag in tags), withdrawn=held))
    return with_tags


def _written_at(lake: Lake, recipe: str) -> dict[int, int]:
    """Number of each commit → the version of the lake that it made, still there or not."""
    relation = Lake.relation(recipe, COMMITS.name)
    return dict(lake.execute(f"SELECT number, snapshot_id FROM {relation}"))


def _withdrawn(lake: Lake, recipe: str, table: str) -> list[Withdrawn]:
    """What the journal of retractions says of the table in tagged versions."""
    if not lake.has(recipe, RETRACTIONS.name):
        return []
    return [
        Withdrawn(tag, row["retraction_id"], affected[table])
        for row in lake.read(recipe, RETRACTIONS).to_dicts()
        for tag, affected in json.loads(row["tagged"] or "{}").items()
        if table in affected
    ]
