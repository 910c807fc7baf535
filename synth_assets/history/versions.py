"""A table's commits in, its versions out: when, by which run, how many rows, what had changed.

A version is the number of a snapshot of the whole lake, which every commit makes; so one number
names the state of all tables at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from synth_assets.errors import QueryError
from synth_assets.recipe_errors import did_you_mean
from synth_assets.store.commits import changed_parts, commits_frame
from synth_assets.store.lake import Lake
from synth_assets.store.tags import tags_by_version


@dataclass(frozen=True)
class Version:
    """One commit of one table.

    version: number of the lake's snapshot; None once it was vacuumed. round: 0 where the table is
    made as a whole. content_hash: of the whole table. rows: of the round, after the commit.
    changed: what differed from the commit before (``templates``, ``code``, ``seed_prompts`` …).
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
    tags = tags_by_version(lake)
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
            )
        )
        before[row["round"]] = row
    return _with_tags(found, tags)[::-1]


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


def _with_tags(found: list[Version], tags: Mapping[int, list[str]]) -> list[Version]:
    """Each tag at the newest commit that its version holds."""
    held: dict[int, list[str]] = {}
    for version, names in tags.items():
        older = [each.number for each in found if each.version and each.version <= version]
        if older:
            held.setdefault(max(older), []).extend(names)
    return [
        Version(**{**vars(each), "tags": tuple(sorted(held.get(each.number, ())))})
        for each in found
    ]
