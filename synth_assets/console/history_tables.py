"""Versions, differences and what-ifs in, tables for a terminal out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from synth_assets.console.plain_text import plain
from synth_assets.console.tables import count_of, names_table, print_whole
from synth_assets.history.diff import TableDiff
from synth_assets.history.rebuilding import Rebuilt
from synth_assets.history.versions import Version
from synth_assets.history.what_if import WhatIf

SHOWN_ROWS = 20


def print_versions(console: Console, versions: Sequence[Version]) -> None:
    """A line for each version, and what tagged ones hold that was withdrawn since."""
    table = names_table("version", "when", "run", "round")
    for heading in ("rows", "new", "gone"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("content", no_wrap=True)
    table.add_column("fingerprint", no_wrap=True)
    table.add_column("changed", overflow="fold")
    for each in versions:
        table.add_row(
            " ".join((str(each.version or "vacuumed"), *each.tags)),
            f"{each.when:%Y-%m-%d %H:%M:%S}",
            each.run_id[:8],
            str(each.round) if each.round else "",
            f"{each.rows:,}",
            f"{each.rows_new:,}",
            f"{each.rows_gone:,}",
            each.content_hash[:12],
            each.fingerprint[:12],
            Text(plain(", ".join(each.changed))),
        )
    print_whole(console, table)
    for held in (held for each in versions for held in each.withdrawn):
        console.print(
            f"{held.tag} holds {count_of(held.rows, 'row')} withdrawn since, by retraction "
            f"{held.retraction_id}",
            markup=False,
            soft_wrap=True,
        )


def print_diff(console: Console, diff: TableDiff) -> None:
    """What differs, why, and the first rows."""
    before, after = diff.versions
    console.print(
        f"{diff.table}, version {before} to {after}: {diff.added:,} added, {diff.removed:,} "
        f"removed, {diff.changed:,} changed",
        markup=False,
    )
    if diff.columns:
        counts = ", ".join(f"{name} {count:,}" for name, count in _most_first(diff.columns))
        console.print(f"  columns: {counts}", markup=False, soft_wrap=True)
    for kinds, counts in diff.because.items():
        said = ", ".join(f"{count:,} {change}" for change, count in sorted(counts.items()))
        console.print(f"  because of {' and '.join(kinds)}: {said}", markup=False)
    for cause in diff.causes:
        console.print(f"    {cause.kind}: {cause.table}, its {cause.part}", markup=False)
    table = names_table(diff.key, "change", "because")
    for row, change, because in diff.rows.head(SHOWN_ROWS).iter_rows():
        table.add_row(Text(plain(str(row))), change, ", ".join(because))
    if diff.rows.height:
        print_whole(console, table)
    if diff.rows.height > SHOWN_ROWS:
        console.print(f"the first {SHOWN_ROWS} of {diff.rows.height:,} shown; --json gives all")


def print_what_if(console: Console, answers: Sequence[WhatIf]) -> None:
    """Both sets, now and as they would be."""
    table = names_table("set")
    for heading in ("now", "then", "added", "removed", "rating now", "then"):
        table.add_column(heading, justify="right", no_wrap=True)
    for answer in answers:
        now, then = answer.rows
        rating_now, rating_then = answer.mean_rating
        table.add_row(
            answer.table,
            f"{now:,}",
            f"{then:,}",
            f"{answer.added:,}",
            f"{answer.removed:,}",
            "" if rating_now is None else f"{rating_now:.2f}",
            "" if rating_then is None else f"{rating_then:.2f}",
        )
    print_whole(console, table)
    for answer in answers:
        if answer.reasons:
            said = ", ".join(f"{name} {count:,}" for name, count in _most_first(answer.reasons))
            console.print(f"  removed from {answer.table}: {said}", markup=False, soft_wrap=True)
    console.print("No call was made and nothing was written.")


def print_rebuilt(console: Console, tables: Sequence[Rebuilt]) -> None:
    """A line for each table: equal, or both hashes."""
    shown = names_table("table", "content")
    for each in tables:
        verdict = Text("equal", "green")
        if not each.is_equal:
            verdict = Text(
                f"tagged {each.tagged[:12]}, rebuilt {(each.rebuilt or 'none')[:12]}", "red"
            )
        shown.add_row(each.table, verdict)
    print_whole(console, shown)
    equal = sum(each.is_equal for each in tables)
    console.print(f"{equal} of {len(tables)} tables are equal; no call was made.")


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
