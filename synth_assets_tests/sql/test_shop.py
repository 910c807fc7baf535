"""A project in dbt's own layout, run on a plain DuckDB database: seeds, views, marts, tests, and a
second run on more rows. `make bench-dbt` runs the same files by dbt itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.dbt.compare import compare
from synth_assets.errors import SqlModelError
from synth_assets.sql.project import SqlProject
from synth_assets.sql.run_project import ProjectRun, run_project

SHOP = Path(__file__).parent / "shop"


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    shutil.copytree(SHOP, tmp_path / "shop")
    return tmp_path / "shop"


def run(
    folder: Path, database: duckdb.DuckDBPyConnection, *, full_refresh: bool = False
) -> ProjectRun:
    return run_project(SqlProject.load(folder), database, full_refresh=full_refresh)


def take_more_seeds(folder: Path) -> None:
    for path in (folder / "more_seeds").glob("*.csv"):
        shutil.copy(path, folder / "seeds")


def rows(database: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return database.execute(sql).fetchall()


def test_each_model_is_made_as_its_configuration_says(
    shop: Path, database: duckdb.DuckDBPyConnection
) -> None:
    made = run(shop, database).made
    assert {kind: sum(k == kind for k in made.values()) for kind in made.values()} == {
        "seed": 3, "view": 3, "table": 6
    }  # fmt: skip
    kinds = dict(rows(database, "SELECT table_name, table_type FROM information_schema.tables"))
    assert kinds["stg_orders"] == "VIEW" and kinds["orders"] == "BASE TABLE"
    assert "active_days" not in kinds


def test_the_marts_hold_what_the_seeds_say(shop: Path, database: duckdb.DuckDBPyConnection) -> None:
    run(shop, database)
    sql = "SELECT order_id, paid_by_card::VARCHAR, paid::VARCHAR, nth_order FROM orders ORDER BY 1"
    assert rows(database, sql) == [
        (101, "12.50", "15.00", 1),
        (102, "0.00", "9.99", 1),
        (103, "0.00", "0.00", 2),
        (104, "77.00", "77.00", 1),
        (105, "0.00", None, 1),
        (106, "90.01", "93.34", 3),
    ]
    sql = "SELECT full_name, orders, paid::VARCHAR, is_regular FROM customers ORDER BY customer_id"
    assert rows(database, sql) == [
        ("Amara Okafor", 3, "108.34", True),
        ("Björn Lind", 1, "9.99", False),
        ('Chiara "Kiki" D\'Angelo', 1, "77.00", True),
        ("Dev", 1, "0.00", False),
        ("Esther Abe, Jr.", 0, "0.00", False),
    ]


def test_a_second_run_adds_by_key_merges_and_appends(
    shop: Path, database: duckdb.DuckDBPyConnection
) -> None:
    run(shop, database)
    take_more_seeds(shop)
    made = run(shop, database).made
    assert [name for name, kind in made.items() if kind == "incremental"] == [
        "seen_customers", "payments_log", "order_states"
    ]  # fmt: skip
    # What was paid before the newest payment of the first run would not be seen any more.
    assert rows(database, "SELECT list(payment_id ORDER BY payment_id) FROM payments_log") == [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],)
    ]
    states = dict(rows(database, "SELECT order_id, order_state FROM order_states"))
    assert (states[105], states[103], states[109]) == ("completed", "returned", "placed")
    assert len(states) == 8
    assert rows(database, "SELECT count(*), max(customer_id) FROM seen_customers") == [(6, 6)]


def test_a_run_on_the_same_seeds_changes_no_row(
    shop: Path, database: duckdb.DuckDBPyConnection
) -> None:
    tables = ("payments_log", "order_states", "seen_customers", "customers", "daily_activity")
    run(shop, database)
    before = {name: rows(database, f"FROM {name} ORDER BY ALL") for name in tables}
    run(shop, database)
    assert {name: rows(database, f"FROM {name} ORDER BY ALL") for name in tables} == before


def test_a_full_refresh_forgets_what_only_the_table_knew(
    shop: Path, database: duckdb.DuckDBPyConnection
) -> None:
    run(shop, database)
    seeds = shop / "seeds" / "raw_payments.csv"
    kept = [line for line in seeds.read_text().splitlines() if not line.startswith("9,")]
    seeds.write_text("\n".join(kept) + "\n")
    run(shop, database)
    assert rows(database, "SELECT count(*) FROM payments_log") == [(9,)]
    made = run(shop, database, full_refresh=True).made
    assert made["payments_log"] == "table"
    assert rows(database, "SELECT count(*) FROM payments_log") == [(8,)]


def test_every_test_of_the_project_passes(shop: Path, database: duckdb.DuckDBPyConnection) -> None:
    results = {f"{r.test.model}.{r.test.name}": r for r in run(shop, database).tests}
    assert {name for name, result in results.items() if not result.passed} == set()
    assert results["orders.nearly_every_order_is_paid"].offending == 1
    assert "stg_orders.not_before_ordered_on" in results
    assert "orders.orders_are_paid_as_a_whole" in results


def test_rows_gone_wrong_are_found_and_shown(
    shop: Path, database: duckdb.DuckDBPyConnection
) -> None:
    orders = shop / "seeds" / "raw_orders.csv"
    orders.write_text(orders.read_text() + "110,99,2024-03-01,lost\n111,1,2024-03-02,completed\n")
    found = run(shop, database)
    shown = {result.test.name: result.sample.to_dicts() for result in found.failed}
    assert set(shown) == {
        "relationships_customer_id_in_stg_customers",
        "relationships_customer_id_in_customers",
        "accepted_values_order_state",
        "nearly_every_order_is_paid",
    }
    assert shown["accepted_values_order_state"][0]["order_state"] == "lost"
    warned = [result.test.name for result in found.tests if result.verdict == "warn"]
    assert warned == ["not_null_paid"]


def test_a_model_that_fails_leaves_its_table_as_it_was(
    shop: Path, database: duckdb.DuckDBPyConnection
) -> None:
    run(shop, database)
    before = rows(database, "FROM orders ORDER BY ALL")
    model = shop / "models" / "marts" / "orders.sql"
    model.write_text(model.read_text().replace("o.customer_id,", "1 // (o.order_id - 101) as n,\n"
        "    error(o.order_state) as customer_id,", 1))  # fmt: skip
    with pytest.raises(SqlModelError, match=r"orders\.sql"):
        run(shop, database)
    assert rows(database, "FROM orders ORDER BY ALL") == before


def test_an_unknown_column_after_loops_and_macros_has_its_line(shop: Path) -> None:
    model = shop / "models" / "marts" / "orders.sql"
    text = model.read_text().replace("    p.paid,\n", "    p.payd,\n")
    model.write_text(text)
    line = text[: text.index("p.payd")].count("\n") + 1
    with pytest.raises(
        SqlModelError,
        match=rf"orders\.sql, line {line}: unknown column 'payd'; did you mean 'paid'",
    ):
        SqlProject.load(shop).validate({})


def test_the_project_is_valid_and_a_view_may_become_a_table(
    shop: Path, database: duckdb.DuckDBPyConnection
) -> None:
    SqlProject.load(shop).validate({})
    run(shop, database)
    file = shop / "dbt_project.yml"
    text = file.read_text()
    file.write_text(text.replace("+materialized: view", "+materialized: table"))
    assert run(shop, database).made["stg_orders"] == "table"
    file.write_text(text)
    assert run(shop, database).made["stg_orders"] == "view"


def test_lineage_goes_through_a_dbt_project() -> None:
    project = SqlProject.load(SHOP)
    assert project.lineage("daily_activity")["day"] == [
        ("stg_orders", "ordered_on"), ("stg_payments", "paid_at")
    ]  # fmt: skip
    assert project.lineage("stg_payments")["amount"] == [("raw.raw_payments", "amount_cents")]
    assert project.lineage("customers")["full_name"] == [("stg_customers", "full_name")]


def test_the_comparison_with_dbt_sees_a_cell_a_type_and_a_table(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{name}.duckdb" for name in ("dbt", "ours")]
    for path in paths:
        with duckdb.connect(str(path)) as connection:
            run(shop, connection)
    assert compare(*paths) == 0
    with duckdb.connect(str(paths[1])) as connection:
        connection.execute("UPDATE order_states SET order_state = 'lost' WHERE order_id = 101")
        connection.execute("ALTER TABLE payments_log ALTER order_id TYPE BIGINT")
        connection.execute("DROP TABLE seen_customers")
    capsys.readouterr()
    assert compare(*paths) == 3
    said = capsys.readouterr().out
    assert "order_states: 6 rows, 1 + 1 differ" in said and "orders: 6 rows, equal" in said
