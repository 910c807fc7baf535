"""A run as it goes on: events in, live lines for people out."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from synth_assets.console.plain_text import one_line
from synth_assets.console.tables import count_of, duration, money
from synth_assets.graph.progress import RunEvent
from synth_assets.llm.call_stats import CallStats
from synth_assets.recipe import Recipe
from synth_assets.stages.finishing import COPIES

PLAIN_EVERY_S = 10.0
"""Where standard error is no terminal, progress is a line now and then, not a bar."""


def live_words(stats: CallStats) -> str:
    """What is going on with the calls: done, failed, reused, rate, tokens, money, time left. What
    cannot be told yet is left out."""
    done = f"{stats.answered:,}"
    words = [f"{done} of {_at_most(stats)}{stats.in_all:,}" if stats.in_all else done]
    words.append(f"{stats.cached:,} reused")
    if stats.failed:
        words.append(f"{stats.failed:,} failed")
    if stats.retries:
        words.append(f"{stats.retries:,} tried again")
    if stats.calls_per_second is not None:
        words.append(f"{stats.calls_per_second:,.0f} calls/s")
    words.append(f"{stats.input_tokens + stats.output_tokens:,} tokens")
    spent = f"{money(stats.cost_usd)} USD"
    if stats.calls_without_price:
        spent += f" and {count_of(stats.calls_without_price, 'call')} of unknown price"
    elif stats.projected_cost_usd:
        spent += f" of about {money(stats.projected_cost_usd)}"
    words.append(spent)
    if stats.seconds_left:
        words.append(f"{duration(stats.seconds_left)} left")
    return ", ".join(words)


def _at_most(stats: CallStats) -> str:
    return "at most " if stats.may_be_fewer else ""


class RunScreen:
    """Shows one line a table when it is done, and a live line for the one under way."""

    def __init__(self, console: Console, recipe: Recipe) -> None:
        self._console = console
        self._recipe = recipe
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._started = 0.0
        self._printed = 0.0

    def __enter__(self) -> Self:
        title = Text(self._recipe.name, "bold")
        title.append(f"  {one_line(self._recipe.description)}", "default")
        self._console.print(title, soft_wrap=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def watch(self, event: RunEvent) -> None:
        """Takes one event of the run."""
        if event.kind == "started":
            self._stop()
            self._started = self._printed = time.monotonic()
            if self._console.is_terminal:
                self._show_bar(event.table)
        elif event.kind == "asking" and event.stats is not None:
            self._asking(event, event.stats)
        elif event.kind == "finished":
            self._stop()
            self._console.print(self._done(event), markup=False, soft_wrap=True)

    def _show_bar(self, table: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[words]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(table, total=None, words="")
        self._progress.start()

    def _asking(self, event: RunEvent, stats: CallStats) -> None:
        words = live_words(stats)
        if self._progress is not None:
            self._progress.update(
                self._task,
                description=f"{event.table}, round {event.round}",
                completed=stats.answered,
                total=stats.in_all,
                refresh=True,
                words=words,
            )
        elif time.monotonic() - self._printed > PLAIN_EVERY_S:
            self._printed = time.monotonic()
            line = f"  … {event.table}, round {event.round}: {words}"
            self._console.print(line, markup=False, soft_wrap=True)

    def _done(self, event: RunEvent) -> str:
        rows, report = event.rows, event.report
        seconds = time.monotonic() - self._started
        count = int(rows[COPIES].sum()) if rows is not None else 0
        parts = [count_of(count, "row")]
        if rows is not None and "drop_reason" in rows.columns:
            kept = int(rows.filter(pl.col("drop_reason").is_null())[COPIES].sum())
            parts = [f"{kept:,} kept, {count - kept:,} dropped"]
        if report is not None:
            if not report.rounds_made:
                parts.append("unchanged")
            if report.stats.made or report.stats.cached:
                made = count_of(report.stats.made, "call")
                parts.append(f"{made}, {report.stats.cached:,} reused")
            failed = [name for name, check in report.checks.items() if not check.passed]
            if failed:
                parts.append(f"warnings: {', '.join(failed)}")
            wait = report.notes.get("seeds_that_wait")
            if wait:
                parts.append(str(wait))
        return f"  {event.table:<24} {seconds:6.1f} s   {'; '.join(parts)}"

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
