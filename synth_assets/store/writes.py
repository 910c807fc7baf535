"""A table in, the versions of the lake that may have changed its rows out: read from what DuckLake
notes of each version, so that no row is read.

Whoever wrote is noted, whatever program it was. Of a version that was vacuumed nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synth_assets.store.attachment import CATALOG
from synth_assets.store.lake import Lake

KEEPS_ROWS = frozenset({"merge_adjacent", "rewrite_delete"})
"""Kinds of change that write files anew and leave every row as it was."""


@dataclass(frozen=True)
class Write:
    """One version that may have changed a table's rows. recipe, table, round, number: of the
    commit of ours that made it; None for anyone else's."""

    version: int
    recipe: str | None
    table: str | None
    round: int | None
    number: int | None


def writes_to(lake: Lake, schema: str, table: str) -> list[Write]:
    """The versions that may have changed the table's rows, oldest first."""
    return _all_writes(lake).get((schema, table), [])


def state_of(lake: Lake, schema: str, table: str) -> int:
    """A number that is another after each write to the table; of the newest version where nothing
    is known of the table's own."""
    writes = writes_to(lake, schema, table)
    return writes[-1].version if writes else -lake.version()


def _all_writes(lake: Lake) -> dict[tuple[str, str], list[Write]]:
    """(schema, table) → its writes; read again when the lake has a new version."""
    version = lake.version()
    known = lake.remembered.get("writes")
    if known is not None and known[0] == version:
        return known[1]
    names = {
        str(id): (schema, table)
        for id, schema, table in lake.execute(
            f"SELECT t.table_id, s.schema_name, t.table_name FROM {CATALOG}.ducklake_table t "
            f"JOIN {CATALOG}.ducklake_schema s ON s.schema_id = t.schema_id "
            "WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL"
        )
    }
    found: dict[tuple[str, str], list[Write]] = {}
    for number, changes, author, extra in lake.execute(
        "SELECT snapshot_id, changes, author, commit_extra_info FROM lake.snapshots() "
        "ORDER BY snapshot_id"
    ):
        write = _write(number, author, extra)
        for place in _places(changes, names):
            found.setdefault(place, []).append(write)
    lake.remembered["writes"] = (version, found)
    return found


def _write(version: int, author: str | None, extra: str | None) -> Write:
    ours = json.loads(extra) if author == "synth_assets" and extra else {}
    return Write(version, *(ours.get(name) for name in ("recipe", "table", "round", "number")))


def _places(
    changes: Mapping[str, Sequence[str]], names: Mapping[str, tuple[str, str]]
) -> set[tuple[str, str]]:
    """The tables that the changes of one version touch. An id that is no table's is left out."""
    ids = [id for kind, told in changes.items() if kind not in KEEPS_ROWS for id in told]
    return {names[id] for id in ids if id in names}
