"""A stage, a round and its last commit in; what the round is to be made anew for out: the units
whose inputs changed since, or all.

Rows are compared by their unit and ``row_hash`` with the version of the lake that the commit made,
so no text is read. All are made anew wherever it is not certain that the others still stand.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from synth_assets.errors import LakeError
from synth_assets.stages.stage import Input, Stage
from synth_assets.stages.workshop import Round, Workshop
from synth_assets.store.commits import Commit, Provenance, hash_of_nothing, slice_hash
from synth_assets.store.lake import Lake
from synth_assets.store.past import columns_at, relation_at
from synth_assets.store.sql_types import plain_type, quote_name
from synth_assets.store.staging import StagedColumns, Units, content_hash_sql


@contextmanager
def changed_units(
    workshop: Workshop, stage: Stage, round: Round, commit: Commit | None, now: Provenance
) -> Iterator[Units | None]:
    """The units for which the round is to be made anew, for the length of the block; None for all.

    now: what the round would be made from.
    """
    changed = _changed_inputs(workshop, stage, round, commit, now)
    if commit is None or changed is None:
        yield None
        return
    version = workshop.log.version_of(stage.name, commit.number)
    assert version is not None and stage.unit is not None
    lake, relation = workshop.lake, f"units_{random.getrandbits(32):08x}"
    name = quote_name(stage.unit)
    selects = [_differing(workshop, item, round.number, name, version) for item in changed]
    lake.execute(f"CREATE TEMP TABLE {relation} AS {' UNION '.join(selects)}")
    try:
        ((nameless,),) = lake.execute(f"SELECT count(*) FROM {relation} WHERE {name} IS NULL")
        yield None if nameless else Units(stage.unit, relation)
    finally:
        if lake.is_open:
            lake.execute(f"DROP TABLE IF EXISTS {relation}")


def _changed_inputs(
    workshop: Workshop, stage: Stage, round: Round, commit: Commit | None, now: Provenance
) -> list[Input] | None:
    """The inputs that changed since the commit; None where more than they, or not they alone, may
    decide what is to be made anew."""
    if (
        commit is None
        or stage.unit is None
        or not stage.by_round
        or commit.fingerprint != now.fingerprint
        or set(commit.inputs) != set(now.inputs)
        or commit.failed_replies
        or workshop.options.retry_failed
        or commit.items_parsed not in (None, commit.row_count)
    ):
        return None
    version = workshop.log.version_of(stage.name, commit.number)
    if version is None or not _stands(workshop, stage, round, commit):
        return None
    changed = [item for item in stage.inputs if commit.inputs[item.label] != now.inputs[item.label]]
    is_known = all(
        item.slice == "own"
        and _hash_at(workshop, item, round.number, version) == commit.inputs[item.label]
        for item in changed
    )
    only_tables = {item.label for item in stage.inputs} == set(now.inputs)
    return changed if changed and is_known and only_tables else None


def _stands(workshop: Workshop, stage: Stage, round: Round, commit: Commit) -> bool:
    """Whether the round's rows in the lake are those of the commit, with the columns of today."""
    lake, schema = workshop.lake, workshop.recipe.name
    found = {n: plain_type(t) for n, t in lake.column_types(schema, stage.name).items()}
    declared = StagedColumns.of(stage.table).types_with_hash
    if found != {name: plain_type(kind) for name, kind in declared.items()}:
        return False
    standing = workshop.log.recorded_hash(stage.name, round.number) or slice_hash(
        lake, schema, stage.name, "round = ?", [round.number]
    )
    return standing == commit.content_hash


def _hash_at(workshop: Workshop, item: Input, round: int, version: int) -> str | None:
    """Content hash of an input's slice at a version; None where it cannot be read any more."""
    lake, schema = workshop.lake, workshop.recipe.name
    where, values = workshop.where(item, round)
    try:
        if not columns_at(lake, schema, item.table, version):
            return hash_of_nothing(lake)
        relation = relation_at(schema, item.table, version)
        return lake.execute(content_hash_sql(relation, where), values)[0][0]
    except LakeError:
        return None


def _differing(workshop: Workshop, item: Input, round: int, unit: str, version: int) -> str:
    """The SELECT of the units of which an input has other rows than at the version."""
    lake, schema = workshop.lake, workshop.recipe.name
    now = Lake.relation(schema, item.table)
    sides = [now]
    if columns_at(lake, schema, item.table, version):
        sides.append(relation_at(schema, item.table, version))
    rows = [
        f"SELECT {unit}, row_hash, count(*) AS copies FROM {side} WHERE round = {int(round)} "
        "GROUP BY ALL"
        for side in sides
    ]
    if len(rows) == 1:
        return f"SELECT DISTINCT {unit} FROM ({rows[0]})"
    return " UNION ".join(f"SELECT {unit} FROM ({a} EXCEPT {b})" for a, b in (rows, rows[::-1]))
