"""A stage, a round and its last commit in; what the round is to be made anew for out: the units
whose inputs changed since, or all.

What was written and removed since the version of the lake that the commit made is read by unit and
``row_hash``, so that no text is read, nor a row that stands. All are made anew wherever it is not
certain that the others still stand.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from synth_assets.errors import LakeError
from synth_assets.stages.stage import Input, Stage
from synth_assets.stages.workshop import Round, Workshop
from synth_assets.store.commits import Commit, Provenance, slice_hash
from synth_assets.store.content_hash import OF_NOTHING, content_hash_sql
from synth_assets.store.lake import Lake
from synth_assets.store.past import SIGN, columns_at, relation_at, signed_rows
from synth_assets.store.sql_types import plain_type, quote_name
from synth_assets.store.staging import StagedColumns, Units


@contextmanager
def changed_units(
    workshop: Workshop, stage: Stage, round: Round, commit: Commit | None, now: Provenance
) -> Iterator[Units | None]:
    """The units for which the round is to be made anew, for the length of the block; None for all.

    now: what the round would be made from.
    """
    lake = workshop.lake
    with lake.reading():
        changed = _changed_inputs(workshop, stage, round, commit, now)
    if commit is None or changed is None:
        yield None
        return
    assert stage.unit is not None
    relation, name = f"units_{random.getrandbits(32):08x}", quote_name(stage.unit)
    nothing = f"SELECT {name} FROM {Lake.relation(workshop.recipe.name, stage.name)} WHERE false"
    with lake.reading():
        version = workshop.log.version_of(stage.name, commit.number)
        selects = [
            _differing(workshop, item, round.number, name, version)
            for item in changed
            if version is not None
        ]
        lake.execute(f"CREATE TEMP TABLE {relation} AS {' UNION '.join([nothing, *selects])}")
    if version is None:  # it was vacuumed just now
        yield None
        return
    try:
        is_told = _add_units_of_files(workshop, stage, commit, now, relation)
        ((nameless,),) = lake.execute(f"SELECT count(*) FROM {relation} WHERE {name} IS NULL")
        is_told = is_told and not nameless
        is_told = is_told and (stage.widen is None or stage.widen(workshop, relation))
        yield Units(stage.unit, relation) if is_told else None
    finally:
        if lake.is_open:
            for table in (relation, f"{relation}_lines"):
                lake.execute(f"DROP TABLE IF EXISTS {table}")


def _add_units_of_files(
    workshop: Workshop, stage: Stage, commit: Commit, now: Provenance, relation: str
) -> bool:
    """False where the files may say otherwise of any unit."""
    before = commit.inputs.get("files")
    if before == now.inputs.get("files"):
        return True
    told = stage.units_of_files
    return told is not None and before is not None and told(workshop, before, relation)


def _changed_inputs(
    workshop: Workshop, stage: Stage, round: Round, commit: Commit | None, now: Provenance
) -> list[Input] | None:
    """The inputs that changed since the commit; None where more than they, or not they alone, may
    decide what is to be made anew."""
    if (
        commit is None
        or stage.unit is None
        or commit.fingerprint != now.fingerprint
        or set(commit.inputs) != set(now.inputs)
        or not set(now.inputs) <= {"files", *(item.label for item in stage.inputs)}
        or commit.failed_replies
        or workshop.options.retry_failed
        or stage.is_to_be_refreshed(workshop.options)
        or commit.items_parsed not in (None, commit.row_count)
    ):
        return None
    version = workshop.log.version_of(stage.name, commit.number)
    if version is None or not _stands(workshop, stage, round, commit):
        return None
    changed = [item for item in stage.inputs if commit.inputs[item.label] != now.inputs[item.label]]
    is_known = all(
        not item.of_all
        and item.slice == ("own" if stage.by_round else "all")
        and _hash_at(workshop, item, round.number, version) == commit.inputs[item.label]
        for item in changed
    )
    read_other_files = commit.inputs.get("files") != now.inputs.get("files")
    return changed if is_known and (changed or read_other_files) else None


def _stands(workshop: Workshop, stage: Stage, round: Round, commit: Commit) -> bool:
    """Whether the round's rows in the lake are those of the commit, with the columns of today."""
    lake, schema = workshop.lake, workshop.recipe.name
    found = {n: plain_type(t) for n, t in lake.column_types(schema, stage.name).items()}
    declared = StagedColumns.of(stage.table).types_with_hash
    if found != {name: plain_type(kind) for name, kind in declared.items()}:
        return False
    where, values = ("round = ?", [round.number]) if stage.by_round else ("true", [])
    standing = workshop.log.recorded_hash(stage.name, round.number) or slice_hash(
        lake, schema, stage.name, where, values
    )
    return standing == commit.content_hash


def _hash_at(workshop: Workshop, item: Input, round: int, version: int) -> str | None:
    """Content hash of an input's slice at a version: as its commits recorded it where that held
    then, else read; None where it cannot be read any more."""
    lake, schema = workshop.lake, workshop.recipe.name
    is_own = item.slice == "own"
    if not is_own or item.table in workshop.stages:
        recorded = workshop.log.recorded_hash_at(item.table, round if is_own else None, version)
        if recorded is not None:
            return recorded
    where, values = workshop.where(item, round)
    try:
        if not columns_at(lake, schema, item.table, version):
            return OF_NOTHING
        relation = relation_at(schema, item.table, version)
        return lake.execute(content_hash_sql(relation, where), values)[0][0]
    except LakeError:
        return None


def _differing(workshop: Workshop, item: Input, round: int, unit: str, version: int) -> str:
    """The SELECT of the units of which an input has other rows than at the version: of the rows
    written and removed since, those that do not make up for each other."""
    lake, schema = workshop.lake, workshop.recipe.name
    scope = f"round = {int(round)}" if item.slice == "own" else "true"
    if not columns_at(lake, schema, item.table, version):
        return f"SELECT DISTINCT {unit} FROM {Lake.relation(schema, item.table)} WHERE {scope}"
    rows = signed_rows(lake, schema, item.table, version, lake.version())
    return (
        f"SELECT {unit} FROM (SELECT {unit} FROM {rows} WHERE {scope} "
        f"GROUP BY {unit}, row_hash HAVING sum({SIGN}) <> 0)"
    )
