"""A connection and a compiled SELECT in, a frame or the verdict of a data test out."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl

from synth_assets.errors import SqlModelError
from synth_assets.sql.data_tests import DataTest, Verdict

SHOWN_ROWS = 20


@dataclass(frozen=True)
class DataTestResult:
    """What a data test found: how many rows offend, the first of them, and what that means."""

    test: DataTest
    offending: int
    sample: pl.DataFrame
    """The first rows that offend; without columns where none does."""

    @property
    def verdict(self) -> Verdict:
        return self.test.verdict(self.offending)

    @property
    def passed(self) -> bool:
        return self.verdict == "pass"


def fetch(connection: duckdb.DuckDBPyConnection, sql: str, where: str = "query") -> pl.DataFrame:
    """The rows of one compiled SELECT. Errors: `SqlModelError` naming ``where``."""
    try:
        return connection.execute(sql).pl()
    except duckdb.Error as error:
        raise SqlModelError(f"{where}: failed ({str(error).splitlines()[0]})") from error


def run_data_test(
    connection: duckdb.DuckDBPyConnection, test: DataTest, sql: str
) -> DataTestResult:
    """Runs the SELECT that `SqlProject.compile_test` made of ``test``."""
    where = test.shown
    if test.limit is not None:
        sql = f"SELECT * FROM ({sql}) AS found LIMIT {test.limit}"
    counted = fetch(connection, f"SELECT count(*) AS offending FROM ({sql}) AS found", where)
    offending = int(counted.item())
    if not offending:
        return DataTestResult(test, 0, pl.DataFrame())
    sample = fetch(connection, f"SELECT * FROM ({sql}) AS found LIMIT {SHOWN_ROWS}", where)
    return DataTestResult(test, offending, sample)
