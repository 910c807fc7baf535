"""A stage's checks and a relation in, their results out: run, or told again as they were found.

What a check finds is a function of the check and of the rows that it reads. So a pass is remembered
with a hash of these, and holds for as long as the hash is the same. Where nobody can tell (someone
wrote past the commits, or a version was vacuumed), the check is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from synth_assets.identity import content_hash
from synth_assets.schemas import CALLS
from synth_assets.stages.row_checks import CheckResult
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import Workshop
from synth_assets.store.commits import library_versions
from synth_assets.store.content_hash import OF_NOTHING
from synth_assets.store.outcomes import outcomes_of
from synth_assets.store.staging import StagedTable

SCHEME = "outcomes-1"
"""Version of what an outcome is said to rest on."""


@dataclass(frozen=True)
class Checked:
    """results: of every check, in their order. passed: check → what its pass rests on, for those
    of which this can be told."""

    results: list[CheckResult]
    passed: Mapping[str, str]


def checked(
    workshop: Workshop,
    stage: Stage,
    relation: str,
    items_parsed: int | None,
    content: str | None,
    standing: Standing | None = None,
) -> Checked:
    """Every check of the stage on a relation.

    content: hash of the relation's rows; None where it is not known to be theirs: then all are run.
    standing: where the relation is a table with some rows in the place of others.
    """
    anew = workshop.options.full_refresh
    names = [name for name, _, _ in stage.check_names()]
    with workshop.lake.reading():  # what the checks read is what their passes are said to rest on
        rests_on = _rests_on(workshop, stage, items_parsed, content)
        known = {} if anew else _recalled(workshop, stage, rests_on)
        to_run = [name for name in names if name not in known]
        near = {} if anew or standing is None else _run_near(workshop, stage, standing, to_run)
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
    found = {**ran, **known}
    return Checked(
        [found[name] for name in names],
        {name: hash for name, hash in rests_on.items() if found[name].passed},
    )


@dataclass(frozen=True)
class Standing:
    """Rows staged in the place of some of a table. before: content hash of the whole table before;
    items_parsed: as its commit recorded them."""

    staged: StagedTable
    before: str
    items_parsed: int | None


def _run_near(
    workshop: Workshop, stage: Stage, standing: Standing, names: Sequence[str]
) -> dict[str, str]:
    """Check → the relation that is enough to run it on, for those that passed on the table as it
    was before, and hold no more rows against each other than those."""
    before = _rests_on(workshop, stage, standing.items_parsed, standing.before)
    passed = _recalled(workshop, stage, before)
    definitions = stage.check_definitions(workshop)
    return {
        name: standing.staged.near(columns)
        for name in names
        if name in passed and (columns := definitions[name].alone) is not None
    }


def _rests_on(
    workshop: Workshop, stage: Stage, items_parsed: int | None, content: str | None
) -> dict[str, str]:
    """Check → hash of all that decides its outcome, where that is known."""
    if content is None:
        return {}
    found: dict[str, str] = {}
    versions = library_versions()
    for name, check in stage.check_definitions(workshop).items():
        read = {table: _content_of(workshop, table) for table in check.tables}
        if check.hash is not None and None not in read.values():
            found[name] = content_hash(SCHEME, check.hash, content, items_parsed, read, versions)
    return found


def _content_of(workshop: Workshop, table: str) -> str | None:
    """Hash of a table's rows as its commits recorded it, where nobody else wrote to it since; of
    calls, which have no commits, none is known."""
    if table == CALLS.name:
        return None
    if not workshop.lake.has(workshop.recipe.name, table):
        return OF_NOTHING
    return workshop.log.recorded_hash(table)


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
