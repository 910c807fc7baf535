"""A planned or finished withdrawal in, words for people out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from synth_assets.console.plain_text import plain
from synth_assets.console.tables import count_of, names_table, print_whole

if TYPE_CHECKING:
    from rich.table import Table

    from synth_assets.graph.retraction import Done, Plan
    from synth_assets.lineage.withdrawal import Withdrawal


def print_affected(console: Console, plan: Plan) -> None:
    """What would be reached, table by table, today and in the tagged versions."""
    withdrawal = plan.withdrawal
    table = names_table("table")
    table.add_column("rows", justify="right", no_wrap=True)
    for name, rows in withdrawal.affected.items():
        table.add_row(name, f"{rows:,}")
    if plan.erased is not None:
        table.add_row("llm.calls", f"{len(plan.erased.calls):,}")
    kind = withdrawal.kind.replace("_", " ")
    deed = "Erasing" if plan.erased is not None else "Withdrawing"
    console.print(f"{deed} the {kind} {plain(withdrawal.target)} reaches:", markup=False)
    print_whole(console, table)
    if withdrawal.tagged:
        console.print("Tagged versions that hold rows of it:", markup=False)
        print_whole(console, _tagged_table(withdrawal))


def _tagged_table(withdrawal: Withdrawal) -> Table:
    table = names_table("tag", "table")
    table.add_column("rows", justify="right", no_wrap=True)
    for tagged in withdrawal.tagged:
        for name, rows in tagged.affected.items():
            table.add_row(tagged.tag, name, f"{rows:,}")
    return table


def print_retracted(console: Console, plan: Plan, done: Done) -> None:
    """What was done, and what is still to do."""
    retracted = done.retracted
    said = f"Withdrawn, as {retracted.retraction_id} in retractions; the sets"
    said += " and the exports are without it." if retracted.has_exports else " are without it."
    if plan.erased is None:
        said += " In the other tables its rows stay, marked as retracted."
    if retracted.versions_gone:
        first, last = retracted.versions_gone
        said += f" Versions {first} to {last} of the lake held it and are gone"
        gone = [t.tag for t in plan.withdrawal.tagged if first <= t.version <= last]
        said += f", the tagged {', '.join(gone)} among them." if gone else "."
    elif plan.withdrawal.tagged:
        tags = ", ".join(tagged.tag for tagged in plan.withdrawal.tagged)
        said += f" Tagged versions still hold it: {tags}; --erase would remove it there too."
    if retracted.waiting:
        said += f" The next run brings up to date: {', '.join(retracted.waiting)}."
    console.print(said, markup=False, soft_wrap=True)
    if done.left_in:
        console.print(
            f"The text still stands in {count_of(len(done.left_in), 'file')}, of another recipe or "
            "a person's own; withdraw it there too:",
            markup=False,
            soft_wrap=True,
        )
        for path in done.left_in:
            console.print(f"  {plain(str(path))}", markup=False, soft_wrap=True)
