"""Runs from a command line, through Dagster: a recipe and wishes in, what the run did out."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import dagster as dg

from synth_assets.errors import LakeError, RecipeError
from synth_assets.graph.assets import FULL_REFRESH_TAG, RETRY_FAILED_TAG
from synth_assets.graph.automation import rounds_op
from synth_assets.graph.dead_runs import report_dead_runs
from synth_assets.graph.instance import open_instance
from synth_assets.graph.progress import RunEvent, watchers
from synth_assets.graph.recipe_graph import recipe_definitions, shared_definitions
from synth_assets.llm.call_stats import CallStats
from synth_assets.recipe import Recipe
from synth_assets.stages.materialize import StageReport
from synth_assets.store.home import Home

EXIT_CODES = {
    **dict.fromkeys(("RecipeError", "TemplateError", "SqlModelError"), 2),
    "CheckFailed": 3,
    "BudgetExceeded": 4,
    "RepliesPending": 5,
}
INTERRUPTED = 130
INTERRUPTED_WORDS = "interrupted; what was done is kept, and the next run goes on there"


@dataclass
class RunOutcome:
    """What a run did. exit_code: 0 done, 1 failed, 2 wrong recipe, 3 a blocking check failed,
    4 out of budget, 5 replies are due at a batch endpoint, 130 interrupted."""

    run_id: str
    exit_code: int
    seconds: float
    errors: list[str] = field(default_factory=list)
    reports: dict[str, StageReport] = field(default_factory=dict)
    stats: CallStats = field(default_factory=CallStats)

    @property
    def status(self) -> str:
        if self.exit_code == 0:
            return "done"
        known = {INTERRUPTED: "interrupted", EXIT_CODES["RepliesPending"]: "pending"}
        return known.get(self.exit_code, "failed")


@dataclass(frozen=True)
class RunWishes:
    """open_round: begin the next round. select: tables, ``+`` before or after one for all that
    it rests on or that rests on it; empty for all."""

    open_round: bool = False
    regenerate: int = 0
    retry_failed: bool = False
    full_refresh: bool = False
    select: Sequence[str] = ()


def run_recipe(
    recipe: Recipe, home: Home, wishes: RunWishes, watch: Callable[[RunEvent], None]
) -> RunOutcome:
    """Runs the recipe's job in this process; the run stands in the UI's history.

    Errors: `LakeError` where ``home`` is not the one that the environment names: that is where the
    assets write, however a run is started.
    """
    written = Home.from_environment()
    if home != written:
        raise LakeError(
            f"a run writes into the home that SYNTH_HOME names, {written.path}, and not into "
            f"{home.path}; set SYNTH_HOME to it (and SYNTH_LAKE_CATALOG, SYNTH_LAKE_DATA as they "
            "are meant). Nothing was changed"
        )
    with open_instance(home) as instance:
        report_dead_runs(instance, home)
        return _run(instance, recipe, wishes, watch)


def _run(
    instance: dg.DagsterInstance,
    recipe: Recipe,
    wishes: RunWishes,
    watch: Callable[[RunEvent], None],
) -> RunOutcome:
    definitions = dg.Definitions.merge(
        recipe_definitions(recipe),
        shared_definitions(),
        dg.Definitions(loggers={"console": silent_logger}),
    )
    job = definitions.resolve_job_def(recipe.name)
    keys = _selected_keys(recipe, wishes.select, definitions)
    outcome = RunOutcome(run_id=str(uuid4()), exit_code=1, seconds=0.0)
    _cancel_when_interrupted(instance, outcome.run_id)

    asked: dict[tuple[str, int], CallStats] = {}
    pending: list[str] = []

    def listen(event: RunEvent) -> None:
        if event.kind == "asking" and event.stats is not None:
            asked[event.table, event.round] = event.stats
        if event.kind == "finished" and event.report is not None:
            outcome.reports[event.table] = event.report
        if event.kind == "pending":
            pending.append(event.message)
        watch(event)

    started = time.monotonic()
    watchers.append(listen)
    try:
        result = job.execute_in_process(
            instance=instance,
            run_config=_run_config(recipe, wishes, keys),
            tags=_tags(wishes),
            asset_selection=keys,
            raise_on_error=False,
            run_id=outcome.run_id,
        )
        outcome.exit_code = _exit_code(result, outcome.errors)
        if outcome.exit_code == 0 and pending:
            outcome.exit_code = EXIT_CODES["RepliesPending"]
            outcome.errors += pending
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        outcome.exit_code = INTERRUPTED
        outcome.errors.append(INTERRUPTED_WORDS)
    finally:
        watchers.remove(listen)
        # Not of the reports: a table that failed has none, and its calls were paid for too.
        outcome.stats = sum(asked.values(), CallStats())
        outcome.seconds = time.monotonic() - started
    return outcome


def _tags(wishes: RunWishes) -> dict[str, str]:
    asked = {RETRY_FAILED_TAG: wishes.retry_failed, FULL_REFRESH_TAG: wishes.full_refresh}
    return {tag: "true" for tag, is_asked in asked.items() if is_asked}


def _cancel_when_interrupted(instance: dg.DagsterInstance, run_id: str) -> None:
    """Without this word, a run that Ctrl-C or SIGTERM ends stands as failed, not as cancelled: the
    signal alone does not tell Dagster that someone asked for it."""

    def listen(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or event.event_type != dg.DagsterEventType.STEP_FAILURE:
            return
        source = event.step_failure_data.error_source
        run = instance.get_run_by_id(run_id)
        if run is not None and source is not None and source.value == "INTERRUPT":
            instance.report_run_canceling(run)

    instance.add_event_listener(run_id, listen)


def _silence(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("synth_assets.silent")
    logger.addHandler(logging.NullHandler())
    return logger


silent_logger = dg.LoggerDefinition(
    _silence, description="Says nothing: the command line shows a run in its own words."
)


def _run_config(
    recipe: Recipe, wishes: RunWishes, keys: list[dg.AssetKey] | None
) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if wishes.open_round:
        config["open_round"] = "by_hand"
    if wishes.regenerate:
        config["regenerate"] = wishes.regenerate
    quiet: dict[str, Any] = {"loggers": {"console": {}}}
    if not config:
        return quiet
    if keys is not None and dg.AssetKey([recipe.name, "rounds"]) not in keys:
        raise RecipeError("--round and --regenerate need the table rounds; add it to --select")
    return {**quiet, "ops": {rounds_op(recipe): {"config": config}}}


def _selected_keys(
    recipe: Recipe, select: Sequence[str], definitions: dg.Definitions
) -> list[dg.AssetKey] | None:
    if not select:
        return None
    graph = definitions.resolve_asset_graph()
    known = {key.path[-1]: key for key in graph.get_all_asset_keys()}
    selection: dg.AssetSelection | None = None
    for wish in select:
        table = wish.strip("+")
        if table not in known:
            raise RecipeError(
                f"--select {wish}: recipe {recipe.name} has no table {table!r}; it has "
                f"{', '.join(sorted(known))}"
            )
        part: dg.AssetSelection = dg.AssetSelection.assets(known[table])
        if wish.startswith("+"):
            part = part.upstream()
        if wish.endswith("+"):
            part = part | dg.AssetSelection.assets(known[table]).downstream()
        selection = part if selection is None else selection | part
    assert selection is not None
    return sorted(selection.resolve(graph))


def _exit_code(result: dg.ExecuteInProcessResult, errors: list[str]) -> int:
    if result.success:
        return 0
    if any(event.event_type == dg.DagsterEventType.RUN_CANCELED for event in result.all_events):
        errors.append(INTERRUPTED_WORDS)
        return INTERRUPTED
    codes: list[int] = []
    for event in result.all_events:
        if event.event_type != dg.DagsterEventType.STEP_FAILURE:
            continue
        failure = event.step_failure_data
        user = failure.user_failure_data
        if user is not None:
            errors.append(user.description or "failed")
            kind = user.metadata.get("error")
            codes.append(EXIT_CODES.get(str(kind.value) if kind else "", 1))
        elif failure.error is not None:
            cause = failure.error.cause or failure.error
            errors.append(f"{event.step_key}: {cause.message.strip()}")
            codes.append(1)
    if not codes:
        errors.append("the run failed before its first table; see it in the UI")
    return codes[0] if codes else 1
