"""A table in, the versions of the lake that may have changed its rows out: read from what DuckLake
notes of each version, so that no row is read.

Whoever wrote is noted, whatever program it was. Of a version that was vacuumed nothing is known.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synth_assets.store.attachment import CATALOG
from synth_assets.store.lake import Lake

KEEPS_ROWS = frozenset({"merge_adjacent", "rewrite_delete"})
"""Kinds of change that write files anew and leave every row as it was."""
_QUOTED = r'"(?:[^"]|"")*"'
_CHANGE = re.compile(rf"(?P<kind>\w+):(?:(?P<id>\d+)|{_QUOTED}(?:\.{_QUOTED})?)")


@dataclass(frozen=True)
class Write:
    """One version that may have changed a table's rows. recipe, table, round, number: of the
    commit of ours that made it; None for anyone else's."""

    version: int
    recipe: str | None
    table: str | None
    round: int | None
    number: int | None

    def is_of(self, recipe: str, table: str) -> bool:
        """Whether a commit of that table made it."""
        return (self.recipe, self.table) == (recipe, table)


def writes_after(lake: Lake, schema: str, table: str, version: int) -> list[Write] | None:
    """The versions after this one that may have changed the table's rows, oldest first; None where
    one that came after was vacuumed, since it may have been another."""
    noted = _noted(lake)
    newer = len(noted.versions) - bisect_right(noted.versions, version)
    if newer != max(0, noted.newest - version):
        return None
    return [w for w in noted.writes.get((schema, table), ()) if w.version > version]


def state_of(lake: Lake, schema: str, table: str) -> int:
    """A number that is another after each write to the table; of the newest version where nothing
    is known of the table's own."""
    noted = _noted(lake)
    writes = noted.writes.get((schema, table))
    return writes[-1].version if writes else -noted.newest


def wrote_alone(lake: Lake, schema: str, table: str, state: int, version: int) -> bool:
    """Whether ``version`` is the one write to the table since it had that `state_of`."""
    later = writes_after(lake, schema, table, abs(state))
    return later is not None and [write.version for write in later] == [version]


def is_kept(lake: Lake, version: int) -> bool:
    """Whether the version of the lake is there, and was not vacuumed."""
    versions = _noted(lake).versions
    place = bisect_right(versions, version)
    return place > 0 and versions[place - 1] == version


def versions_of_commits(lake: Lake, recipe: str) -> Mapping[tuple[str, int], int]:
    """(table, number) of each commit of the recipe → the version of the lake that it made."""
    return _noted(lake).commits.get(recipe, {})


@dataclass(frozen=True)
class _Noted:
    """newest: the lake's newest version. versions: all that are kept, oldest first.
    writes: (schema, table) → its writes. commits: recipe → (table, number) → version.
    names: id of a table → (schema, table)."""

    newest: int = -1
    versions: Sequence[int] = ()
    writes: Mapping[tuple[str, str], list[Write]] = field(default_factory=dict)
    commits: Mapping[str, Mapping[tuple[str, int], int]] = field(default_factory=dict)
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def _noted(lake: Lake) -> _Noted:
    """What DuckLake notes; of a lake that was read before, the new versions alone are read. From
    the catalog itself: ``lake.snapshots()`` takes six times as long."""
    version = lake.version()
    known: _Noted = lake.remembered.get("writes", _Noted())
    if known.newest == version:
        return known
    if known.newest > version:
        known = _Noted()
    rows = lake.execute(
        "SELECT s.snapshot_id, c.changes_made, c.author, c.commit_extra_info "
        f"FROM {CATALOG}.ducklake_snapshot s LEFT JOIN {CATALOG}.ducklake_snapshot_changes c "
        "ON c.snapshot_id = s.snapshot_id AND c.snapshot_id > ? "
        "WHERE s.snapshot_id <= ? ORDER BY s.snapshot_id",
        [known.newest, version],
    )
    versions = [number for number, *_ in rows]
    kept = set(versions)
    found = {
        place: [write for write in writes if write.version in kept]
        for place, writes in known.writes.items()
    }
    commits = {
        recipe: {commit: number for commit, number in of.items() if number in kept}
        for recipe, of in known.commits.items()
    }
    new = [row for row in rows if row[0] > known.newest]
    changed = [_changed_ids(changes or "") for _, changes, *_ in new]
    names = known.names
    if any(not ids <= names.keys() for ids in changed):
        names = _names(lake)
    for (number, _, author, extra), ids in zip(new, changed, strict=True):
        write = _write(number, author, extra)
        if write.recipe and write.table and write.number is not None:
            commits.setdefault(write.recipe, {})[write.table, write.number] = number
        for place in {names[id] for id in ids if id in names}:
            found.setdefault(place, []).append(write)
    noted = _Noted(version, versions, found, commits, names)
    lake.remembered["writes"] = noted
    return noted


def _names(lake: Lake) -> dict[str, tuple[str, str]]:
    return {
        str(id): (schema, table)
        for id, schema, table in lake.execute(
            f"SELECT t.table_id, s.schema_name, t.table_name FROM {CATALOG}.ducklake_table t "
            f"JOIN {CATALOG}.ducklake_schema s ON s.schema_id = t.schema_id "
            "WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL"
        )
    }


def _write(version: int, author: str | None, extra: str | None) -> Write:
    ours = json.loads(extra) if author == "synth_assets" and extra else {}
    return Write(version, *(ours.get(name) for name in ("recipe", "table", "round", "number")))


def _changed_ids(changes: str) -> set[str]:
    """The ids of what the changes of one version touch, as DuckLake writes them: ``kind:id`` or
    ``kind:"name"``, with commas between."""
    return {
        told["id"]
        for told in _CHANGE.finditer(changes)
        if told["id"] and told["kind"] not in KEEPS_ROWS
    }
