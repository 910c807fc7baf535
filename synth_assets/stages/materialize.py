"""Brings a stage's rounds up to date: a stage and a workshop in, commits and a report out.

Each round is committed on its own, so that a failure leaves the rounds before it as they are.
Rows are checked before they are committed; where a blocking check fails, nothing reaches the
table, and the rows go to ``<table>__rejected``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from synth_assets.errors import CheckFailed, RepliesPending, SynthError
from synth_assets.identity import content_id
from synth_assets.llm.call_stats import CallStats
from synth_assets.schemas import EDGES
from synth_assets.stages.recall import Checked, checked
from synth_assets.stages.row_checks import CheckResult
from synth_assets.stages.rows_to_check import CommittedChange, StagedChange
from synth_assets.stages.stage import Made, Stage
from synth_assets.stages.units import changed_units
from synth_assets.stages.workshop import Round, Work, Workshop
from synth_assets.store.commits import Commit, Provenance, StagedCommit, slice_hash
from synth_assets.store.lake import Lake, quote_name
from synth_assets.store.staging import Before, StagedTable, Units, stage_frame

IS_AS_COMMITTED = (
    "is_as_committed",
    "The rows in the lake are the ones that the last commit recorded; nobody wrote past it.",
    True,
)
NEVER_MADE = pl.DataFrame({"problem": ["the table was never made"]})


@dataclass
class StageReport:
    """What bringing a stage up to date did."""

    rounds_made: list[int] = field(default_factory=list)
    rounds_skipped: list[int] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    checks: dict[str, CheckResult] = field(default_factory=dict)
    notes: dict[str, float | int | str] = field(default_factory=dict)
    stats: CallStats = field(default_factory=CallStats)

    def add_checks(self, results: Sequence[CheckResult]) -> None:
        """Keeps, for each check, a failure of any round before a pass."""
        for result in results:
            known = self.checks.get(result.name)
            if known is None or (known.passed and not result.passed):
                self.checks[result.name] = result

    def add_notes(self, notes: dict[str, float | int | str]) -> None:
        """Sums counts over rounds; anything else is the newest round's."""
        for name, value in notes.items():
            known = self.notes.get(name)
            if isinstance(value, int) and isinstance(known, int):
                self.notes[name] = known + value
            else:
                self.notes[name] = value


def bring_up_to_date(
    workshop: Workshop, stage: Stage, *, on_round: Callable[[StageReport], None] | None = None
) -> StageReport:
    """Makes every round of the stage that is not current.

    Errors: `CheckFailed` where a blocking check fails, with the rows kept apart; whatever a call
    raises. Rounds committed before stay committed; ``on_round`` sees the report after each.
    `RepliesPending` comes at the end, when every other round is up to date.
    """
    report = StageReport()
    pending: list[RepliesPending] = []
    known = workshop.log.latest()
    for round in workshop.rounds_of(stage):
        provenance = workshop.provenance(stage, round)
        commit = known.get((stage.name, round.number))
        if commit is not None and not is_due(workshop, stage, commit, provenance):
            report.rounds_skipped.append(round.number)
            continue
        try:
            made = _make_round(workshop, stage, round, provenance, report)
        except RepliesPending as error:
            pending.append(error)
            continue
        if made == commit:  # it was made again, and nothing came out otherwise
            report.rounds_skipped.append(round.number)
            continue
        report.commits.append(made)
        report.rounds_made.append(round.number)
        if on_round is not None:
            on_round(report)
    if pending:
        raise RepliesPending(
            "; ".join(dict.fromkeys(map(str, pending))),
            batches=sorted({batch for error in pending for batch in error.batches}),
            count=sum(error.count for error in pending),
        )
    return report


def is_due(workshop: Workshop, stage: Stage, commit: Commit, provenance: Provenance) -> bool:
    """True where a committed round has to be made again."""
    if stage.is_always_made or stage.is_to_be_refreshed(workshop.options):
        return True
    if not commit.is_made_from(provenance):
        return True
    return stage.asks and (workshop.options.retry_failed or commit.failed_replies > 0)


def check_committed(workshop: Workshop, stage: Stage, *, anew: bool) -> list[CheckResult]:
    """Every check of the stage on the whole table as it lies in the lake.

    anew: all are run, and nothing is remembered; else what passed on the same rows is told again,
        and what passes now is remembered.
    """
    schema, lake = workshop.recipe.name, workshop.lake
    if not lake.has(schema, stage.name):
        return [
            CheckResult(name, f"{description} The table was never made.", is_blocking, NEVER_MADE)
            for name, description, is_blocking in stage.check_names()
        ]
    with lake.reading(), ExitStack() as opened:
        commits = [c for (table, _), c in workshop.log.latest().items() if table == stage.name]
        counted = [c.items_parsed for c in commits if c.items_parsed is not None]
        rows = sum(commit.row_count for commit in commits)
        found = checked(
            workshop,
            stage,
            Lake.relation(schema, stage.name),
            sum(counted) if counted else None,
            None if anew else workshop.log.recorded_hash(stage.name),
            None if anew else CommittedChange(lake, schema, stage.name, rows, opened),
        )
    if commits:
        number = max(commit.number for commit in commits)
        workshop.log.keep_passed(stage.name, found.passed, number, found.read_at)
    return found.results


def check_is_as_committed(workshop: Workshop, stage: Stage) -> CheckResult:
    """The table's content hash is the one its last commit recorded: nobody wrote past us. The rows
    are read only where the lake's versions tell of another writer."""
    recorded = workshop.log.table_hash(stage.name)
    found = workshop.log.recorded_hash(stage.name) or slice_hash(
        workshop.lake, workshop.recipe.name, stage.name, "true", []
    )
    differs = recorded is not None and recorded != found
    shown = pl.DataFrame({"committed": [recorded], "found": [found]} if differs else {})
    return CheckResult(*IS_AS_COMMITTED, shown)


def _make_round(
    workshop: Workshop, stage: Stage, round: Round, provenance: Provenance, report: StageReport
) -> Commit:
    known = workshop.log.latest().get((stage.name, round.number))
    with (
        changed_units(workshop, stage, round, known, provenance) as units,
        workshop.work(stage, round, units) as work,
    ):
        try:
            made = stage.make(work)
        finally:
            report.stats = report.stats + work.stats
        if units is not None and (made.shown_with or made.companions):
            raise SynthError(
                f"stage {stage.name} is made {units.column} by {units.column}, and so cannot tell "
                "what was shown with what, nor make other tables; declare it without a unit"
            )
        staged = stage.stage_rows(work, made)
        staged.sorted_by = stage.unit
        staged.keeps_rounds = workshop.reads_rounds_of(stage)
        if units is not None and known is not None:
            staged.before = Before(known.content_hash, known.row_count, known.round_hashes)
        companions: list[StagedTable] = []
        try:
            with work.lake.reading():
                companions += _edges(work, stage, staged, made)
                companions += [
                    stage_frame(work.lake, work.recipe.name, table, rows, scope)
                    for table, rows, scope in made.companions
                ]
                items_parsed = _items_parsed(made, staged)
                found = _checked(work, stage, staged, items_parsed, known)
            _refuse_bad_rows(work, stage, staged, found, report)
            report.add_notes(dict(made.notes))
            commit = workshop.log.commit(
                StagedCommit(
                    staged,
                    provenance,
                    round.number,
                    items_parsed,
                    work.stats.failed,
                    companions,
                    found.passed,
                    found.read_at,
                ),
                run_id=workshop.run_id,
            )
        finally:
            for table in (staged, *companions):
                table.drop()
    return commit


def _items_parsed(made: Made, staged: StagedTable) -> int | None:
    """Items that the round's rows rest on; of the rows that stand, each is one."""
    if made.items_parsed is None or staged.units is None:
        return made.items_parsed
    return made.items_parsed + staged.standing_rows()


def _checked(
    work: Work, stage: Stage, staged: StagedTable, items_parsed: int | None, known: Commit | None
) -> Checked:
    """Every check on the round's rows as they are after the commit."""
    content, _ = staged.content()
    change = None
    if known is not None and staged.units is not None:
        change = StagedChange(work.workshop.log, staged, known)
    return checked(work.workshop, stage, staged.relation_after, items_parsed, content, change)


def _refuse_bad_rows(
    work: Work, stage: Stage, staged: StagedTable, found: Checked, report: StageReport
) -> None:
    """Errors: `CheckFailed` where a blocking check fails."""
    results = found.results
    report.add_checks(results)
    failed = [result for result in results if result.is_blocking and not result.passed]
    if not failed:
        return
    rejected = f"{stage.name}__rejected"
    _keep_rejected(work.lake, staged, rejected, ", ".join(result.name for result in failed))
    shown = "; ".join(
        f"{result.name} ({result.offending.height} rows: {result.description})" for result in failed
    )
    raise CheckFailed(
        f"{work.recipe.name}.{stage.name}"
        + (f", round {work.round}" if work.round else "")
        + f": {shown} Nothing was committed; the rows are in {work.recipe.name}.{rejected}",
        results,
    )


def _keep_rejected(lake: Lake, staged: StagedTable, table: str, because: str) -> None:
    """Writes the staged rows to ``<table>__rejected`` in a transaction of their own, in the place
    of those that were refused there before."""
    schema = staged.schema
    columns = {**staged.types_with_hash, "rejected_because": "VARCHAR"}
    lake.ensure_table(schema, columns, table)
    target, names = Lake.relation(schema, table), ", ".join(map(quote_name, columns))
    where = " AND ".join(f"{quote_name(name)} = ?" for name in staged.scope) or "true"

    def write(connection: Any) -> None:
        connection.execute(f"DELETE FROM {target} WHERE {where}", list(staged.scope.values()))
        connection.execute(
            f"INSERT INTO {target} ({names}) SELECT *, ? FROM {staged.relation}", [because]
        )

    lake.transaction(write)


def _edges(work: Work, stage: Stage, staged: StagedTable, made: Made) -> list[StagedTable]:
    """The lineage that a round's rows bring, staged to travel in the same transaction."""
    if stage.parents is None:
        return []
    pairs = [
        ("derived_from", child, parent)
        for child, parent in stage.parents(staged.frame()).unique(maintain_order=True).iter_rows()
    ] + [
        ("shown_with", call_id, shown)
        for call_id, ids in sorted(made.shown_with.items())
        for shown in ids
    ]
    rows = [
        {
            "edge_id": content_id("edge", stage.name, kind, child, parent),
            "table_name": stage.name,
            "round": work.round,
            "kind": kind,
            "child_id": child,
            "parent_id": parent,
        }
        for kind, child, parent in dict.fromkeys(pairs)
    ]
    scope = {"table_name": stage.name, **({"round": work.round} if stage.by_round else {})}
    edges = EDGES.frame(rows)
    units = None
    if staged.units is not None:
        units = Units("child_id", f"{staged.relation}_ids")
        staged.keep_ids(units)
    found = stage_frame(work.lake, work.recipe.name, EDGES, edges, scope, units)
    found.sorted_by = "child_id"
    return [found]
