"""The command line ``synth-assets``: words for people on standard error, or one JSON value with
``--json`` on standard output."""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from synth_assets.console.command import FAILED, as_json, explained, named_recipe
from synth_assets.console.history_commands import (
    diff_command,
    rebuild_command,
    restore_command,
    tag_command,
    vacuum_command,
    versions_command,
    what_if_command,
)
from synth_assets.console.messages import (
    people,
    print_error,
    print_json,
    terminal_of_ones_own,
)
from synth_assets.errors import QueryError, RecipeError, SynthError
from synth_assets.project import find_recipe, project_folder, recipe_paths
from synth_assets.store.home import Home

if TYPE_CHECKING:
    from synth_assets.stages.status import TableStatus

LOOPBACK = "127.0.0.1"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="synth-assets")
def main() -> None:
    """Manufactures post-training data for language models as a graph of versioned tables.

    State lies under SYNTH_HOME (default .synth/); recipes under recipes/.
    """


@main.command()
@click.argument("recipe_name", metavar="RECIPE")
@click.option("--round", "open_round", type=click.Choice(["new"]), help="Open the next round.")
@click.option("--select", multiple=True, help="Only these tables; +TABLE, TABLE+ for neighbours.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="A trial with at most N seeds and candidates a method, kept apart under RECIPE_trial; "
    "what it asks, the real run need not ask again.",
)
@click.option("--retry-failed", is_flag=True, help="Ask again what was cut, refused or failed.")
@click.option(
    "--full-refresh",
    is_flag=True,
    help="Make incremental SQL models as a whole, as dbt does, and run every check anew.",
)
@click.option(
    "--regenerate",
    type=click.IntRange(min=1),
    default=None,
    metavar="ROUND",
    help="Generate a round's prompts anew with today's parameters.",
)
@as_json
@explained
def run(
    recipe_name: str,
    open_round: str | None,
    select: tuple[str, ...],
    limit: int | None,
    retry_failed: bool,
    full_refresh: bool,
    regenerate: int | None,
    as_json: bool,
) -> None:
    """Bring every table of RECIPE up to date, through Dagster."""
    from synth_assets.console.run_screen import RunScreen
    from synth_assets.console.summary import print_summary, summarise
    from synth_assets.graph.runs import RunWishes, run_recipe
    from synth_assets.stages.checking import what_stops_a_run
    from synth_assets.stages.trial import trial_recipe

    recipe = named_recipe(recipe_name)
    if limit is not None:
        recipe = trial_recipe(recipe, limit)
    problems = what_stops_a_run(recipe)
    if problems:
        raise RecipeError("\n".join(f"{recipe.path}: {problem}" for problem in problems))
    home = Home.from_environment()
    _let_sigterm_interrupt()
    wishes = RunWishes(open_round == "new", regenerate or 0, retry_failed, full_refresh, select)
    with terminal_of_ones_own() as console, RunScreen(console, recipe) as screen:
        outcome = run_recipe(recipe, home, wishes, screen.watch)
    summary = summarise(recipe, home, outcome)
    if as_json:
        print_json(summary)
    else:
        print_summary(people, recipe, home, summary)
    for message in summary["errors"]:
        print_error(message)
    sys.exit(outcome.exit_code)


@main.command()
@click.argument("recipe_name", metavar="RECIPE")
@as_json
@explained
def plan(recipe_name: str, as_json: bool) -> None:
    """Tell the calls and cost of a run of RECIPE; make none.

    The calls are an upper bound. Tokens and USD are about what that many calls would take, by the
    mean of earlier ones.
    """
    from synth_assets.console.tables import print_plan
    from synth_assets.stages.planning import plan_recipe

    recipe = named_recipe(recipe_name)
    rows = plan_recipe(recipe, Home.from_environment())
    if as_json:
        print_json([row.as_json() for row in rows])
    else:
        print_plan(people, rows)


@main.command()
@click.argument("recipe_name", metavar="[RECIPE]", required=False)
@as_json
@explained
def check(recipe_name: str | None, as_json: bool) -> None:
    """Find what is wrong with a recipe before anything is paid.

    Looks at the recipe, its files, models, templates and SQL; without RECIPE at every recipe.
    """
    from synth_assets.console.tables import print_findings
    from synth_assets.stages.checking import check_recipe

    paths = [find_recipe(recipe_name)] if recipe_name else recipe_paths()
    if not paths:
        raise RecipeError(f"{project_folder() / 'recipes'}: holds no recipe")
    findings = {str(path): check_recipe(path) for path in paths}
    if as_json:
        print_json({path: [f.as_json() for f in found] for path, found in findings.items()})
    else:
        for path, found in findings.items():
            people.print(Text(Path(path).name, "bold"))
            print_findings(people, found)
    wrong = any(f.level == "error" for found in findings.values() for f in found)
    sys.exit(2 if wrong else 0)


@main.command()
@click.argument("recipe_name", metavar="RECIPE")
@as_json
@explained
def status(recipe_name: str, as_json: bool) -> None:
    """Tell which tables of RECIPE are out of date, and why."""
    from synth_assets.console.tables import print_status
    from synth_assets.stages.bystander import has_lake, looking_at
    from synth_assets.stages.status import table_statuses

    recipe, home = named_recipe(recipe_name), Home.from_environment()
    with looking_at(recipe, home) as workshop:
        statuses = table_statuses(workshop)
    if as_json:
        print_json({name: _status_json(status) for name, status in statuses.items()})
        return
    print_status(people, statuses)
    if not has_lake(home):
        people.print(f"Nothing was made yet in {home.path}", markup=False, soft_wrap=True)


@main.command()
@click.argument("sql")
@click.option("--at", "version", help="A version of the lake: its number, or a tag.")
@as_json
@explained
def query(sql: str, version: str | None, as_json: bool) -> None:
    """Run one SELECT on the lake, read-only.

    Tables are RECIPE.TABLE, such as quickstart.sft_set; calls are llm.calls.
    """
    from synth_assets.console.lake_recipes import of_unknown_recipes
    from synth_assets.console.tables import print_frame
    from synth_assets.store.query import query_lake

    home = Home.from_environment()
    try:
        frame = query_lake(home, sql, at=version)
    except QueryError as error:
        raise QueryError(f"{error}{of_unknown_recipes(sql, home)}") from error
    if as_json:
        print_json(frame.to_dicts())
    else:
        print_frame(Console(highlight=False), frame)


@main.group()
def sql() -> None:
    """Look after the SQL models."""


@sql.command("test")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@as_json
@explained
def sql_test(folder: Path | None, as_json: bool) -> None:
    """Run the unit tests of the SQL models: rows given, rows expected.

    FOLDER is a SQL project, in dbt's layout or ours; without it the project's own dbt_like_sql.
    Nothing is read from the lake, and nothing is written.
    """
    from synth_assets.console.tables import print_unit_tests
    from synth_assets.project import sql_folder
    from synth_assets.sql.project import SqlProject
    from synth_assets.sql.unit_tests import run_unit_tests

    results = list(run_unit_tests(SqlProject.load(folder or sql_folder())))
    failed = [result for result in results if result.differences]
    if as_json:
        print_json({"passed": len(results) - len(failed), "failed": [r.as_json() for r in failed]})
    else:
        print_unit_tests(people, results)
    sys.exit(FAILED if failed else 0)


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@explained
def ui(port: int) -> None:
    """Open the Dagster UI on loopback, with this lake's history.

    Ctrl-C stops it. The server has no login, so it listens to this machine only.
    """
    from synth_assets.graph.instance import workspace_file
    from synth_assets.graph.web_server import serve

    _refuse_taken_port(port)
    home = Home.from_environment()
    os.environ["SYNTH_HOME"] = str(home.path)
    os.environ["SYNTH_PROJECT"] = str(project_folder())
    people.print(f"http://{LOOPBACK}:{port}  (Ctrl-C stops it)")
    sys.exit(serve(ui_command(workspace_file(home), port), home, people.print))


for command in (
    versions_command,
    diff_command,
    tag_command,
    restore_command,
    vacuum_command,
    what_if_command,
    rebuild_command,
):
    main.add_command(command)


def ui_command(workspace: Path, port: int) -> list[str]:
    """The server that ``ui`` starts and watches."""
    # Dagster recommends `dg dev`, which is a package more and does the same here.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    dagster = ["-m", "synth_assets.graph.dev_server", "dev", "-w", str(workspace)]
    return [sys.executable, *quiet, *dagster, "--host", LOOPBACK, "--port", str(port)]


def _refuse_taken_port(port: int) -> None:
    """Dagster would start its daemon and die of a stack trace."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            raise SynthError(
                f"port {port} cannot be used ({error.strerror}); stop what listens there, or give "
                f"another with --port {port + 1 if port < 65535 else 3000}"
            ) from error


def _status_json(status: TableStatus) -> dict[str, Any]:
    return {name: value for name, value in asdict(status).items() if name != "table"}


def _let_sigterm_interrupt() -> None:
    """SIGTERM ends a run as Ctrl-C does: cleanly, with what was done kept."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


@main.command()
@click.argument("recipe_name", metavar="RECIPE")
@click.argument("row_id", metavar="ID")
@as_json
@explained
def why(recipe_name: str, row_id: str, as_json: bool) -> None:
    """Tell where a row came from and what became of it.

    ID is the id of any row of any table, of a call, or as it stands in exported rows; its first 8
    characters will do where no other id begins so.
    """
    from synth_assets.console.lineage_tree import print_trace
    from synth_assets.lineage.trace import trace_row
    from synth_assets.store.lake import Lake

    recipe = named_recipe(recipe_name)
    with Lake(Home.from_environment(), read_only=True) as lake:
        trace = trace_row(lake, recipe, row_id)
    if as_json:
        print_json(trace)
    else:
        print_trace(Console(highlight=False), trace)


@main.command()
@click.argument("recipe_name", metavar="RECIPE")
@click.argument("source", metavar="ID|SOURCE")
@click.option("--reason", required=True, help="Why, for the journal; it is never erased.")
@click.option("--through-context", is_flag=True, help="Also what was written with it as example.")
@click.option("--erase", is_flag=True, help="Remove the text itself, from old versions too.")
@click.option("--yes", is_flag=True, help="Act without asking.")
@as_json
@explained
def retract(
    recipe_name: str,
    source: str,
    reason: str,
    through_context: bool,
    erase: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Withdraw a row, a seed file or a model, and its descent.

    Shows first what it would reach, and asks. No model is called.
    """
    from synth_assets.console.retraction import print_affected, print_retracted
    from synth_assets.graph.retraction import Retraction

    with Retraction.of(named_recipe(recipe_name), Home.from_environment(), source) as retraction:
        plan = retraction.plan(through_context=through_context, erase=erase)
        if not as_json:
            print_affected(people, plan)
        if not yes and (as_json or not _agrees(erase)):
            if as_json:
                print_json({"status": "planned", **plan.as_json()})
            return
        done = retraction.carry_out(plan, reason)
    if as_json:
        print_json({"status": "done", **plan.as_json(), **done.as_json()})
    else:
        print_retracted(people, plan, done)
    sys.exit(FAILED if done.left_in else 0)


def _agrees(erase: bool) -> bool:
    """A person's yes; without a terminal to ask at, no."""
    words = "Erase it, for good, from every version?" if erase else "Withdraw it?"
    if sys.stdin.isatty() and click.confirm(words, default=False, err=True):
        return True
    people.print("Nothing was changed; --yes acts without asking.")
    return False


if __name__ == "__main__":
    main()
