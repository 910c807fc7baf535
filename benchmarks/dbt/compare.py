"""The project shop run by dbt-duckdb and by this package; whether their tables are equal out.

Usage: ``python -m benchmarks.dbt.compare ENVIRONMENT``, where ENVIRONMENT is a virtual environment
that holds dbt-duckdb. Two runs each, the second on other seeds, so that the incremental models add
to what is there. Ends with 1 where a table differs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from synth_assets.sql.project import SqlProject
from synth_assets.sql.run_project import run_project

SHOP = Path(__file__).parents[2] / "synth_assets_tests" / "sql" / "shop"
PROFILE = """shop:
  target: here
  outputs:
    here: {{type: duckdb, path: '{path}', threads: 1}}
"""
QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
LONGEST_S = 300


def main(environment: Path) -> int:
    """Runs both, prints what they took and what differs; gives the exit code."""
    with TemporaryDirectory(prefix="bench_dbt_") as folder:
        project = Path(folder) / "shop"
        shutil.copytree(SHOP, project)
        theirs, ours = Path(folder) / "dbt.duckdb", Path(folder) / "ours.duckdb"
        (project / "profiles.yml").write_text(PROFILE.format(path=theirs))
        dbt = [str((environment / "bin" / "dbt").absolute())]
        print(_versions(environment))
        differing = 0
        for number, seeds in enumerate(("seeds", "more_seeds"), start=1):
            for path in sorted((SHOP / seeds).glob("*.csv")):
                shutil.copy(path, project / "seeds")
            steps = [
                _timed(lambda step=step: _run([*dbt, step], project))
                for step in ("seed", "run", "test")
            ]
            own_s = _timed(lambda: _run_ours(project, ours))
            shown = ", ".join(f"{s:.1f}" for s in steps)
            print(f"run {number}: dbt seed, run, test {shown} s; this package {own_s:.2f} s")
            differing += compare(theirs, ours)
    print("all tables are equal" if not differing else f"{differing} tables differ")
    return 1 if differing else 0


def compare(theirs: Path, ours: Path) -> int:
    """Prints each relation with its rows and whether it is equal; gives how many are not."""
    differing = 0
    with duckdb.connect() as connection:
        # Under the name it had when dbt wrote it into the views.
        connection.execute(f"ATTACH '{theirs}' AS dbt (READ_ONLY)")
        connection.execute(f"ATTACH '{ours}' AS ours (READ_ONLY)")
        names = {side: _columns(connection, side) for side in ("dbt", "ours")}
        for name in sorted(names["dbt"].keys() | names["ours"].keys()):
            columns = [names[side].get(name) for side in ("dbt", "ours")]
            if columns[0] != columns[1]:
                print(f"  {name}: columns differ: dbt {columns[0]}, this package {columns[1]}")
                differing += 1
                continue
            missing, surplus, rows = (
                connection.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0][0]
                for sql in (
                    f"FROM dbt.main.{name} EXCEPT ALL FROM ours.main.{name}",
                    f"FROM ours.main.{name} EXCEPT ALL FROM dbt.main.{name}",
                    f"FROM ours.main.{name}",
                )
            )
            differing += bool(missing or surplus)
            print(
                f"  {name}: {rows} rows, "
                + (f"{missing} + {surplus} differ" if missing + surplus else "equal")
            )
    return differing


def _columns(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """Relation → its columns with their types, in order."""
    rows = connection.execute(
        "SELECT table_name, list(column_name || ' ' || data_type ORDER BY ordinal_position) "
        "FROM information_schema.columns WHERE table_catalog = ? GROUP BY table_name",
        [database],
    ).fetchall()
    return dict(rows)


def _run_ours(project: Path, database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        failed = run_project(SqlProject.load(project), connection).failed
    if failed:
        raise SystemExit(f"tests failed: {', '.join(result.test.name for result in failed)}")


def _run(command: list[str], project: Path) -> None:
    done = subprocess.run(
        [*command, "--profiles-dir", ".", "--quiet"],
        check=False, cwd=project, env=QUIET, capture_output=True, text=True, timeout=LONGEST_S,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")


def _versions(environment: Path) -> str:
    code = (
        "from importlib.metadata import version as v; import sys; "
        "print('dbt-core', v('dbt-core'), 'dbt-duckdb', v('dbt-duckdb'), 'duckdb', v('duckdb'), "
        "'Python', sys.version.split()[0])"
    )
    python = str(environment / "bin" / "python")
    theirs = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return f"{theirs.stdout.strip()}; this package with duckdb {duckdb.__version__}"


def _timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` took."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
