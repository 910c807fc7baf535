"""Names for versions of the lake: a name in, the version and what was kept with it out."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from synth_assets.errors import QueryError
from synth_assets.identity import canonical_json
from synth_assets.recipe_errors import did_you_mean
from synth_assets.schemas import TAGS
from synth_assets.store.calls import SCHEMA as SHARED_SCHEMA
from synth_assets.store.lake import Lake, run_all
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import StagedColumns

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Tag:
    """One tagged version. contents: ``recipe`` (text), ``templates`` and ``sql`` (file → text),
    ``packages`` (name → version), ``tables`` (table → content hash), ``code`` (table → hash)."""

    tag: str
    recipe: str
    version: int
    tagged_at: datetime
    note: str | None
    contents: Mapping[str, Any]
    erased: str | None
    """What was erased from the tagged version since; None where it is whole."""


def tags_of(lake: Lake) -> list[Tag]:
    """Every tag of the lake, oldest first."""
    rows = lake.read(SHARED_SCHEMA, TAGS).sort("tagged_at").to_dicts()
    return [Tag(**{**row, "contents": json.loads(row["contents"])}) for row in rows]


def find_tag(lake: Lake, name: str) -> Tag:
    """Errors: `QueryError` where there is no such tag."""
    tags = {tag.tag: tag for tag in tags_of(lake)}
    if name not in tags:
        raise QueryError(
            f"there is no tag {name!r}{did_you_mean(name, tags) or ';'} "
            f"Known: {', '.join(tags) or 'none'}; `synth-assets tag RECIPE NAME` makes one"
        )
    return tags[name]


def tags_by_version(lake: Lake) -> dict[int, list[str]]:
    """Version → its tags."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for tag in tags_of(lake):
        found[tag.version].append(tag.tag)
    return dict(found)


def resolve_version(lake: Lake, text: str) -> int:
    """The number of a version given by number or by tag. Errors: `QueryError`."""
    if not re.fullmatch(r"\d+", text):
        tag = find_tag(lake, text)
        if tag.erased:
            raise QueryError(
                f"the version of tag {text!r} is gone: {tag.erased} was erased from it"
            )
        return tag.version
    version = int(text)
    known = {number for (number,) in lake.execute("SELECT snapshot_id FROM lake.snapshots()")}
    if version not in known:
        raise QueryError(
            f"there is no version {version}; it was vacuumed or never was. The newest is "
            f"{lake.version()}; `synth-assets versions RECIPE TABLE` lists them"
        )
    return version


def write_tag(lake: Lake, tag: Tag) -> None:
    """Keeps a tag, in the place of one of the same name."""
    row = {**vars(tag), "contents": canonical_json(dict(tag.contents))}
    changes = lake.pending_changes(SHARED_SCHEMA, StagedColumns.of(TAGS).types, TAGS.name)
    table, names = Lake.relation(SHARED_SCHEMA, TAGS.name), TAGS.polars.names()

    def write(connection: Any) -> None:
        run_all(connection, changes)
        connection.execute(f"DELETE FROM {table} WHERE tag = ?", [tag.tag])
        connection.execute(
            f"INSERT INTO {table} ({', '.join(map(quote_name, names))}) "
            f"VALUES ({', '.join('?' for _ in names)})",
            [row[column] for column in names],
        )

    lake.transaction(write)
