"""What is out of date, and why: stages and a lake in, one line a table out. Follows inputs all
the way, where Dagster's own staleness goes one step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from synth_assets.errors import SynthError
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import Workshop
from synth_assets.store.commits import Commit, Provenance, changed_parts

State = Literal["current", "out_of_date", "never_made"]


@dataclass(frozen=True)
class TableStatus:
    """One table's state. causes: what changed, in words; empty where it is current."""

    table: str
    state: State
    causes: tuple[str, ...]
    rounds: int
    rows: int

    @property
    def is_current(self) -> bool:
        return self.state == "current"


def table_statuses(workshop: Workshop) -> dict[str, TableStatus]:
    """The state of every table of the recipe, in the order of the pipeline."""
    statuses: dict[str, TableStatus] = {}
    known = workshop.log.latest()
    for stage in workshop.stages.values():
        # Each by itself: an error of DuckDB's ends the look in which it came, and not the others.
        statuses[stage.name] = _status(workshop, stage, known, statuses)
    return statuses


def _status(
    workshop: Workshop,
    stage: Stage,
    known: dict[tuple[str, int], Commit],
    upstream: dict[str, TableStatus],
) -> TableStatus:
    commits = [c for (table, _), c in known.items() if table == stage.name]
    rows = sum(c.row_count for c in commits)
    if not commits:
        return TableStatus(stage.name, "never_made", ("it was never materialized",), 0, 0)
    causes: list[str] = []
    for round in workshop.rounds_of(stage):
        commit = known.get((stage.name, round.number))
        if commit is None:
            causes.append(f"round {round.number} was never made")
            continue
        if stage.is_always_made:
            continue
        try:
            causes += _changes(commit, workshop.provenance(stage, round))
        except SynthError as error:  # a file or a template that cannot be read
            causes.append(str(error))
        if commit.failed_replies:
            causes.append(f"{commit.failed_replies} failed replies can be asked again")
    causes += [
        f"{item.table} is out of date"
        for item in stage.inputs
        if item.table in upstream and not upstream[item.table].is_current
    ]
    unique = tuple(dict.fromkeys(causes))
    state: State = "out_of_date" if unique else "current"
    return TableStatus(stage.name, state, unique, len(commits), rows)


def _changes(commit: Commit, now: Provenance) -> Iterable[str]:
    """What differs between what a commit was made from and what there is now."""
    for part in changed_parts(commit.fingerprint_parts, now.fingerprint_parts):
        yield f"its {part} changed"
    for name in sorted(set(commit.inputs) | set(now.inputs)):
        if commit.inputs.get(name) != now.inputs.get(name):
            yield "a file changed" if name == "files" else f"{name.partition('[')[0]} changed"
