"""Runs whose process is gone: found by their lock, which dies with it, and reported as failed.

After kill -9 Dagster leaves a run STARTED, with its slot in the queue, for ever; two of them fill
the queue, and run monitoring does not find those started from a command line.
"""

import dagster as dg

from synth_assets.graph.resources import run_lock_path
from synth_assets.store.home import Home
from synth_assets.store.locks import is_free


def report_dead_runs(instance: dg.DagsterInstance, home: Home) -> list[str]:
    """Reports every run that nobody works on any more as failed; gives their ids."""
    reported: list[str] = []
    folder = home.locks / "runs"
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if not is_free(path):
            continue
        run = instance.get_run_by_id(path.name)
        if run is not None and not run.is_finished:
            instance.report_run_failed(
                run,
                "The process of this run is gone (killed, or the machine stopped). What was "
                "committed and paid for is kept; run again to go on from there.",
            )
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            reported.append(run.run_id)
        run_lock_path(home, path.name).unlink(missing_ok=True)
    return reported


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports runs whose process is gone as failed, so that they hold no slot.",
)
def dead_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    reported = report_dead_runs(context.instance, Home.from_environment())
    if reported:
        return dg.SkipReason(f"reported as failed: {', '.join(reported)}")
    return dg.SkipReason("every run that is under way has its process")
