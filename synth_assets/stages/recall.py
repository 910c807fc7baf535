"""A stage's checks and a relation in, their results out: run, or told again as they were found.

What a check finds is a function of the check and of the rows that it reads. So a pass is remembered
with a hash of these, and holds for as long as the hash is the same. Where nobody can tell (someone
wrote past the commits, or a version was vacuumed), the check is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import polars as pl

from synth_assets.identity import content_hash
from synth_assets.schemas import CALLS
from synth_assets.stages.row_checks import CheckResult
from synth_assets.stages.rows_to_check import Change, RowsToCheck, is_small
from synth_assets.stages.stage import CheckDefinition, Stage
from synth_assets.stages.workshop import Workshop
from synth_assets.store.commits import library_versions
from synth_assets.store.content_hash import OF_NOTHING
from synth_assets.store.outcomes import Outcome, outcomes_of
from synth_assets.store.past import columns_at
from synth_assets.store.writes import is_kept

SCHEME = "outcomes-2"
"""Version of what an outcome is said to rest on."""


@dataclass(frozen=True)
class Checked:
    """results: of every check, in their order. passed: check → what its pass rests on, for those
    of which this can be told. read_at: the version of the lake in which other tables were read."""

    results: list[CheckResult]
    passed: Mapping[str, str]
    read_at: int


def checked(
    workshop: Workshop,
    stage: Stage,
    relation: str,
    items_parsed: int | None,
    content: str | None,
    change: Change | None = None,
) -> Checked:
    """Every check of the stage on a relation.

    content: hash of the relation's rows; None where it is not known to be theirs: then all are run.
    change: what the relation is beside the table as it was, where that is known.
    """
    anew = workshop.options.full_refresh
    names = [name for name, _, _ in stage.check_names()]
    # What the checks read is what their passes are said to rest on.
    with workshop.lake.reading(), ExitStack() as opened:
        definitions = stage.check_definitions(workshop)
        rests_on = _rests_on(workshop, definitions, items_parsed, content)
        known = {} if anew else _recalled(workshop, stage, rests_on)
        to_run = [name for name in names if name not in known]
        near: dict[str, str] = {}
        is_known = content is not None and not anew
        if change is not None and is_known and to_run and not is_small(change):
            rows = RowsToCheck(workshop, change, opened)
            near = dict(_near(workshop, stage, rows, definitions, to_run))
        ran = {
            result.name: result
            for where in sorted({near.get(name, relation) for name in to_run})
            for result in stage.check(
                workshop,
                where,
                items_parsed,
                [name for name in to_run if near.get(name, relation) == where],
            )
        }
        read_at = workshop.lake.version()
    found = {**ran, **known}
    return Checked(
        [found[name] for name in names],
        {name: hash for name, hash in rests_on.items() if found[name].passed},
        read_at,
    )


def _near(
    workshop: Workshop,
    stage: Stage,
    rows: RowsToCheck,
    definitions: Mapping[str, CheckDefinition],
    names: Sequence[str],
) -> Iterator[tuple[str, str]]:
    """Check → the relation that is enough to run it on, for those that passed before."""
    outcomes = outcomes_of(workshop.lake, workshop.recipe.name, stage.name)
    for name in names:
        outcome, check = outcomes.get(name), definitions[name]
        if outcome is None or outcome.read_version is None or check.alone is None:
            continue
        then = _as_it_was(workshop, stage, check, outcome)
        if then is None:
            continue
        relation = rows.of(check, then, outcome.read_version)
        if relation is not None:
            yield name, relation


def _as_it_was(
    workshop: Workshop, stage: Stage, check: CheckDefinition, outcome: Outcome
) -> int | None:
    """The version in which the table was committed that the check passed on; None where that, or
    what it read beside, cannot be told any more."""
    version = workshop.log.version_of(stage.name, outcome.number)
    if (
        version is None
        or outcome.read_version is None
        or not is_kept(workshop.lake, outcome.read_version)
    ):
        return None
    content = workshop.log.recorded_hash_at(stage.name, None, version)
    read = {table: _content_of(workshop, table, outcome.read_version) for table in check.tables}
    if content is None or _hash_of(check, content, read, None) != outcome.rests_on:
        return None
    return version


def _rests_on(
    workshop: Workshop,
    definitions: Mapping[str, CheckDefinition],
    items_parsed: int | None,
    content: str | None,
) -> dict[str, str]:
    """Check → hash of all that decides its outcome, where that is known."""
    if content is None:
        return {}
    found: dict[str, str] = {}
    for name, check in definitions.items():
        read = {table: _content_of(workshop, table) for table in check.tables}
        hash = _hash_of(check, content, read, items_parsed)
        if hash is not None:
            found[name] = hash
    return found


def _hash_of(
    check: CheckDefinition, content: str, read: Mapping[str, str | None], items_parsed: int | None
) -> str | None:
    """Items parsed are no matter of a single row."""
    if check.hash is None or None in read.values():
        return None
    items = items_parsed if check.alone is None else None
    return content_hash(SCHEME, check.hash, content, items, read, library_versions())


def _content_of(workshop: Workshop, table: str, version: int | None = None) -> str | None:
    """Hash of a table's rows as its commits recorded it, now or at a version, where nobody else
    wrote to it since; of calls, which have no commits, none is known."""
    lake, schema = workshop.lake, workshop.recipe.name
    if table == CALLS.name:
        return None
    if version is None:
        return workshop.log.recorded_hash(table) if lake.has(schema, table) else OF_NOTHING
    if not columns_at(lake, schema, table, version):
        return OF_NOTHING
    return workshop.log.recorded_hash_at(table, None, version)


def _recalled(
    workshop: Workshop, stage: Stage, rests_on: Mapping[str, str]
) -> dict[str, CheckResult]:
    if not rests_on:
        return {}
    outcomes = outcomes_of(workshop.lake, workshop.recipe.name, stage.name)
    found: dict[str, CheckResult] = {}
    for name, description, is_blocking in stage.check_names():
        outcome = outcomes.get(name)
        if outcome is None or outcome.rests_on != rests_on.get(name):
            continue
        version = workshop.log.version_of(stage.name, outcome.number)
        if version is not None:
            found[name] = CheckResult(name, description, is_blocking, pl.DataFrame(), version)
    return found
