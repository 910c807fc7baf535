"""Plans, statuses, findings and query results in, tables for a terminal out.

Names are never cut: a narrow terminal folds the last column instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from synth_assets.console.plain_text import one_line, plain
from synth_assets.stages.forecast import Range

if TYPE_CHECKING:
    import polars as pl

    from synth_assets.sql.unit_tests import UnitResult
    from synth_assets.stages.checking import Finding
    from synth_assets.stages.planning import PlanRow
    from synth_assets.stages.status import TableStatus

CELL_WIDTH = 60
NARROWEST_CELL = 12
WIDEST_TABLE = 1_000
SHOWN_ROWS = 200
STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


def print_plan(console: Console, rows: Sequence[PlanRow]) -> None:
    """Calls at most; about how many tokens, how much money and time, in all with an interval."""
    if rows:
        table = names_table("table", "state")
        for heading in ("calls", "tokens in", "tokens out", "USD"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(
                row.table,
                row.state.replace("_", " "),
                f"{row.calls:,}",
                f"{row.input_tokens.likely:,.0f}",
                f"{row.output_tokens.likely:,.0f}",
                money(row.cost_usd.likely if row.cost_usd else None),
            )
        print_whole(console, table)
    calls = sum(row.calls for row in rows)
    unknown = [row.table for row in rows if row.cost_usd is None]
    cost = sum((row.cost_usd for row in rows if row.cost_usd is not None), Range())
    seconds = sum((row.seconds for row in rows), Range())
    fewest = sum(row.calls_at_least for row in rows)
    likely = sum(row.calls_likely for row in rows)
    between_them = f", likely {likely:,}" if likely < calls else ""
    console.print(
        f"At most {calls:,} calls"
        f"{f' (at least {fewest:,}{between_them})' if fewest < calls else ''}, "
        f"about {between(cost, money)} USD"
        + (f" and what {', '.join(unknown)} cost, whose price is not known" if unknown else "")
        + f", about {between(seconds, duration)}. No call was made.",
        highlight=False,
        soft_wrap=True,
    )


def print_status(console: Console, statuses: Mapping[str, TableStatus]) -> None:
    """What is out of date, and why."""
    table = names_table("table", "state")
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("because", overflow="fold")
    for name, status in statuses.items():
        style = "green" if status.is_current else "yellow"
        table.add_row(
            name,
            Text(status.state.replace("_", " "), style),
            f"{status.rows:,}",
            Text(plain("; ".join(status.causes))),
        )
    print_whole(console, table)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """What `check` found."""
    for finding in findings:
        line = Text(f"  {finding.level:<8}", STYLES[finding.level])
        line.append(f"{finding.part}: ", "bold").append(plain(finding.message), "default")
        console.print(line, soft_wrap=True)


def print_unit_tests(console: Console, results: Sequence[UnitResult]) -> None:
    """The unit tests that failed, with what differs, and how many there were."""
    failed = [result for result in results if result.differences]
    for result in failed:
        line = Text("  failed  ", STYLES["error"])
        line.append(f"{result.case.model}: ", "bold").append(plain(result.case.name), "default")
        console.print(line.append(f"  ({plain(str(result.case.path))})"), soft_wrap=True)
        for difference in result.differences:
            console.print(Text(f"    {plain(difference)}"), soft_wrap=True)
    shown = f"{count_of(len(results), 'unit test')}, {len(failed)} failed"
    console.print(shown, markup=False)


def print_frame(console: Console, frame: pl.DataFrame) -> None:
    """Rows of a query; texts are shortened and shown as they are, never as markup. Where the
    columns do not fit side by side, a row is a block of lines."""
    names = [one_line(name) for name in frame.columns]
    rows = list(islice(frame.iter_rows(), SHOWN_ROWS))
    if len(names) * (NARROWEST_CELL + 3) <= console.width:
        columns = (Column(Text(name), overflow="fold") for name in names)
        table = Table(*columns, box=box.SIMPLE_HEAD)
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        console.print(table)
    else:
        for number, row in enumerate(rows, start=1):
            console.print(Text(f"row {number}", "bold"))
            for name, value in zip(names, row, strict=True):
                line = Text(f"  {name}  ", "cyan").append(_cell(value), "default")
                console.print(line, soft_wrap=True)
    console.print(count_of(frame.height, "row"), end="")
    more = frame.height - len(rows)
    console.print(f", the first {len(rows)} shown; --json gives all" if more else "")


def names_table(*headings: str) -> Table:
    """A table whose first columns are names, which are never broken; see `print_whole`."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def print_whole(console: Console, table: Table) -> None:
    """Prints a table of `names_table`. In a terminal too narrow for its names and numbers the
    lines are longer than the terminal, rather than cut."""
    for column in table.columns:
        if column.no_wrap:
            column.min_width = max(cell_len(str(cell)) for cell in (column.header, *column.cells))
    wide = console.options.update(max_width=WIDEST_TABLE)
    needed = Measurement.get(console, wide, table).minimum
    if needed > console.width:
        table.width = needed
    console.print(table, crop=False, no_wrap=True, overflow="ignore")


def count_of(number: int, thing: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def money(amount: float | None) -> str:
    """US dollars; a price that is not known is said, never taken as zero."""
    if amount is None:
        return "unknown"
    return f"{amount:.2f}" if amount >= 1 or amount == 0 else f"{amount:.4f}"


def duration(seconds: float) -> str:
    """``0 s``, ``42 s``, ``3 min``, ``5.2 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def between(amount: Range, shown: Callable[[float], str]) -> str:
    """What is likely, and the interval where there is one."""
    likely, low, high = shown(amount.likely), shown(amount.low), shown(amount.high)
    return likely if low == high else f"{likely} ({low} to {high})"


def _cell(value: object) -> str:
    return "" if value is None else one_line(str(value), CELL_WIDTH)
