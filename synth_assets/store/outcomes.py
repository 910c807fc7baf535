"""Checks that passed and what each rested on in, the same out as long as they are remembered.

Only a pass is kept: a failure is found anew each time, and no row that offends is written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from synth_assets.identity import content_id
from synth_assets.schemas import CHECK_OUTCOMES
from synth_assets.store.lake import Lake, run_all
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import StagedColumns
from synth_assets.store.writes import state_of, wrote_alone


@dataclass(frozen=True)
class Outcome:
    """A check that passed. rests_on: hash of the check and of the content of all that it read;
    number: of the table's commit in which it was found. read_version: version of the lake in which
    the other tables were read; None in a lake of an older package."""

    rests_on: str
    number: int
    read_version: int | None


Outcomes = Mapping[str, Outcome]
"""Check → its outcome, of one table."""


def outcomes_of(lake: Lake, recipe: str, table: str) -> Outcomes:
    """What is remembered of a table's checks."""
    if not lake.has(recipe, CHECK_OUTCOMES.name):
        return {}
    place, state = ("outcomes", recipe), state_of(lake, recipe, CHECK_OUTCOMES.name)
    known = lake.remembered.get(place)
    if known is None or known[0] != state:
        known = (state, _read(lake, recipe))
        lake.remembered[place] = known
    return known[1].get(table, {})


def remember_outcomes(
    lake: Lake, recipe: str, table: str, outcomes: Outcomes, version: int
) -> None:
    """Spares the next look at what a commit of ours just wrote; ``version`` is the one it made.
    Nothing is remembered where someone else wrote since what was known, or where nothing was."""
    place, name = ("outcomes", recipe), CHECK_OUTCOMES.name
    known = lake.remembered.get(place)
    if known and wrote_alone(lake, recipe, name, known[0], version):
        lake.remembered[place] = (version, {**known[1], table: outcomes})


def _read(lake: Lake, recipe: str) -> dict[str, dict[str, Outcome]]:
    found: dict[str, dict[str, Outcome]] = {}
    for row in lake.read(recipe, CHECK_OUTCOMES).iter_rows(named=True):
        outcome = Outcome(row["rests_on"], row["number"], row["read_version"])
        found.setdefault(row["table_name"], {})[row["check_name"]] = outcome
    return found


def outcome_changes(lake: Lake, recipe: str) -> list[str]:
    """The statements that make the table of outcomes; none where it is there."""
    columns = StagedColumns.of(CHECK_OUTCOMES).types
    return lake.pending_changes(recipe, columns, CHECK_OUTCOMES.name)


def write_outcomes(
    connection: Any, recipe: str, table: str, outcomes: Outcomes, known: Outcomes, read_at: int
) -> None:
    """Puts a table's outcomes in the place of what is there; called inside a transaction.

    known: what was there in the version ``read_at`` of the lake. Where it was nothing and no one
    wrote since, there is nothing to delete, and to find that out by deleting takes 15 ms.
    """
    target, names = Lake.relation(recipe, CHECK_OUTCOMES.name), CHECK_OUTCOMES.polars.names()
    ((now,),) = connection.execute("SELECT id FROM lake.current_snapshot()").fetchall()
    if known or now != read_at:
        connection.execute(f"DELETE FROM {target} WHERE table_name = ?", [table])
    rows = [
        (content_id("outcome", table, check), table, check, *astuple(outcome))
        for check, outcome in sorted(outcomes.items())
    ]
    values = ", ".join(f"({', '.join('?' for _ in names)})" for _ in rows)
    connection.execute(
        f"INSERT INTO {target} ({', '.join(map(quote_name, names))}) VALUES {values}",
        [value for row in rows for value in row],
    )


def keep_outcomes(lake: Lake, recipe: str, table: str, outcomes: Outcomes) -> None:
    """Remembers a table's outcomes in a transaction of their own, where they are others."""
    with lake.reading():
        known, read_at = outcomes_of(lake, recipe, table), lake.version()
        changes = outcome_changes(lake, recipe)
    if not outcomes or outcomes == known:
        return

    def write(connection: Any) -> None:
        run_all(connection, changes)
        write_outcomes(connection, recipe, table, outcomes, known, read_at)

    lake.transaction(write)
