"""What a run tells while it goes on: observations for the UI, events for the command line."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg
import polars as pl

from synth_assets.llm.call_stats import CallStats
from synth_assets.stages.materialize import StageReport
from synth_assets.stages.stage import Stage
from synth_assets.stages.workshop import Workshop

OBSERVATION_EVERY_S = 10.0
"""An observation costs 48 ms and a row in the event log: at most one in ten seconds."""


@dataclass(frozen=True)
class RunEvent:
    """One step of a run, for who watches it in this process."""

    kind: Literal["started", "asking", "round_made", "pending", "finished"]
    table: str
    report: StageReport | None = None
    stats: CallStats | None = None
    round: int = 0
    rows: pl.DataFrame | None = None
    message: str = ""


Watcher = Callable[[RunEvent], None]
watchers: list[Watcher] = []
"""Who watches runs of this process: the command line adds itself for the length of a run."""


@dataclass
class Announcer:
    """Speaks for one stage of one run."""

    context: dg.AssetExecutionContext
    recipe: str
    table: str
    _observed_at: float = field(default_factory=time.monotonic)

    def tell(self, event: RunEvent) -> None:
        for watcher in watchers:
            watcher(event)

    def started(self) -> None:
        self.tell(RunEvent("started", self.table))

    def progress(self, table: str, round: int, stats: CallStats) -> None:
        self.tell(RunEvent("asking", table, stats=stats, round=round))
        now = time.monotonic()
        if now - self._observed_at < OBSERVATION_EVERY_S:
            return
        self._observed_at = now
        self.context.log_event(
            dg.AssetObservation(
                asset_key=dg.AssetKey([self.recipe, table]),
                metadata={"round": round, **live_numbers(stats)},
            )
        )

    def round_made(self, report: StageReport) -> None:
        number = report.rounds_made[-1]
        if number:
            self.context.log.info(f"{self.recipe}.{self.table}: round {number} is committed")
        self.tell(RunEvent("round_made", self.table, report=report, round=number))

    def pending(self, message: str) -> None:
        """Replies are due at a batch endpoint; the table waits for them."""
        self.context.log.info(message)
        self.tell(RunEvent("pending", self.table, message=message))

    def finished(self, report: StageReport | None, rows: pl.DataFrame) -> None:
        self.tell(RunEvent("finished", self.table, report=report, rows=rows))

    def keep_committed(self, workshop: Workshop, stage: Stage) -> None:
        """Records what was committed before a failure, so that the catalogue tells the truth."""
        mine: list[Any] = [
            commit
            for (table, _), commit in workshop.log.latest().items()
            if table == stage.name and commit.run_id == workshop.run_id
        ]
        if not mine:
            return
        newest = max(mine, key=lambda commit: commit.number)
        self.context.log_event(
            dg.AssetMaterialization(
                asset_key=dg.AssetKey([self.recipe, stage.name]),
                description="Rounds committed before the run stopped here",
                metadata={"rounds_made": len(mine), "rows_new": sum(c.rows_new for c in mine)},
                tags=_data_version_tags(newest.table_hash),
            )
        )


def live_numbers(stats: CallStats) -> dict[str, int | float]:
    """The state of the calls as numbers that the UI plots; what cannot be told is left out."""
    numbers: dict[str, int | float | None] = {
        "calls_expected": stats.total,
        "calls_at_most": stats.in_all if stats.may_be_fewer else None,
        "calls_made": stats.made,
        "calls_reused": stats.cached,
        "calls_failed": stats.failed,
        "calls_in_flight": stats.in_flight,
        "tries_again": stats.retries,
        "calls_per_second": _rounded(stats.calls_per_second, 1),
        "input_tokens": stats.input_tokens,
        "output_tokens": stats.output_tokens,
        "cost_usd": _rounded(float(stats.cost_usd), 6),
        "projected_cost_usd": _rounded(stats.projected_cost_usd, 6),
        "seconds_left": _rounded(stats.seconds_left, 0),
    }
    return {name: value for name, value in numbers.items() if value is not None}


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


def _data_version_tags(content: str) -> Mapping[str, str]:
    return {"dagster/data_version": content, "dagster/data_version_is_user_provided": "true"}
