from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from synth_assets.console.tables import (
    count_of,
    money,
    print_findings,
    print_frame,
    print_plan,
    print_status,
)
from synth_assets.stages.checking import Finding
from synth_assets.stages.forecast import Range
from synth_assets.stages.planning import PlanRow
from synth_assets.stages.status import TableStatus
from synth_assets_tests.console.terminal import shown

NAMES = ("self_instruct_prompts", "scored_completions", "evolved_prompts")


def plan_row(table: str, calls: int = 1, cost_usd: float | None = 0.5) -> PlanRow:
    return PlanRow(
        table=table,
        state="out_of_date",
        calls_at_least=calls,
        calls=calls,
        calls_likely=calls,
        input_tokens=Range(1_000_000, 1_098_000, 1_200_000),
        output_tokens=Range(11_000_000, 12_244_000, 13_000_000),
        cost_usd=None if cost_usd is None else Range(cost_usd, cost_usd, cost_usd),
        seconds=Range(60, 90, 7200),
        because="its code changed",
    )


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_a_plan_never_cuts_a_name_or_a_number(width: int) -> None:
    rows = [plan_row(name, calls=1_234_567) for name in NAMES]
    text = shown(lambda console: print_plan(console, rows), width=width)
    for word in (*NAMES, "out of date", "1,234,567", "12,244,000"):
        assert text.count(word) >= 1
    assert "…" not in text


def test_a_plan_fits_a_terminal_of_80_columns() -> None:
    text = shown(lambda console: print_plan(console, [plan_row(name) for name in NAMES]))
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_plan_sums_up_and_never_takes_an_unknown_price_for_zero() -> None:
    rows = [plan_row("completions", 7, 1.25), plan_row("ratings", 5, None)]
    last = shown(lambda console: print_plan(console, rows), width=200).splitlines()[-1]
    assert last == (
        "At most 12 calls, about 1.25 USD and what ratings cost, whose price is not known, "
        "about 3 min (2 min to 4.0 h). No call was made."
    )


def test_a_plan_tells_how_many_calls_are_likely_where_they_hang_on_replies() -> None:
    row = replace(plan_row("completions", 900), calls_at_least=110, calls_likely=240)
    last = shown(lambda console: print_plan(console, [row]), width=200).splitlines()[-1]
    assert last.startswith("At most 900 calls (at least 110, likely 240), about 0.5000 USD")


def test_a_plan_of_a_recipe_that_asks_nothing_is_one_line() -> None:
    text = shown(lambda console: print_plan(console, []))
    assert text == "At most 0 calls, about 0.00 USD, about 0 s. No call was made.\n"


def test_a_plan_tells_the_interval_and_the_calls_that_are_certain() -> None:
    row = replace(plan_row("completions", 9), calls_at_least=4, cost_usd=Range(0.2, 1.5, 3))
    last = shown(lambda console: print_plan(console, [row]), width=200).splitlines()[-1]
    assert last == (
        "At most 9 calls (at least 4), about 1.50 (0.2000 to 3.00) USD, about 90 s (60 s to 2.0 h)."
        " No call was made."
    )


@pytest.mark.parametrize("width", [30, 80])
def test_a_status_folds_its_causes_and_keeps_its_names(width: int) -> None:
    causes = ("its templates changed", "mutated_prompts is out of date")
    statuses = {name: TableStatus(name, "out_of_date", causes, 2, 12_345) for name in NAMES}
    text = shown(lambda console: print_status(console, statuses), width=width)
    for name in NAMES:
        assert name in text
    assert text.count("12,345") == text.count("templates") == 3
    assert "…" not in text


def test_a_cause_from_a_file_is_shown_as_text() -> None:
    statuses = {"sft_set": TableStatus("sft_set", "out_of_date", ("[red]\x1b[2J",), 1, 1)}
    text = shown(lambda console: print_status(console, statuses), is_terminal=True)
    assert "[red]\ufffd[2J" in text


def test_findings_are_whole_lines_with_their_level() -> None:
    found = [Finding("ok", "sql", "fine"), Finding("error", "seeds", "x" * 200 + "[/b]")]
    lines = shown(lambda console: print_findings(console, found)).splitlines()
    assert lines == ["  ok      sql: fine", f"  error   seeds: {'x' * 200}[/b]"]


def test_rows_of_a_query_are_a_table_of_plain_text() -> None:
    frame = pl.DataFrame({"id": [1, None], "text": ["a\n\x1b[2Jb [bold]", "x" * 99]})
    text = shown(lambda console: print_frame(console, frame))
    assert "a \ufffd[2Jb [bold]" in text
    assert "x" * 30 in text and "…" in text
    assert text.endswith("2 rows\n")


def test_the_name_of_a_column_is_plain_text_too() -> None:
    frame = pl.DataFrame({"\x1b[2J[red]": [1]})
    assert "\ufffd[2J[red]" in shown(lambda console: print_frame(console, frame))


def test_rows_too_wide_for_the_terminal_are_blocks_of_lines() -> None:
    frame = pl.DataFrame({f"a_rather_long_name_{number}": [number] for number in range(9)})
    lines = shown(lambda console: print_frame(console, frame)).splitlines()
    assert lines[:2] == ["row 1", "  a_rather_long_name_0  0"]
    assert lines[-1] == "1 row"


def test_no_rows_are_said_to_be_none() -> None:
    empty = pl.DataFrame(schema={"a": pl.Int64})
    assert shown(lambda console: print_frame(console, empty)).endswith("0 rows\n")


def test_many_rows_are_not_all_printed() -> None:
    frame = pl.DataFrame({"a": range(100_000)})
    text = shown(lambda console: print_frame(console, frame))
    assert text.endswith("100,000 rows, the first 200 shown; --json gives all\n")
    assert len(text.splitlines()) < 220


def test_small_sums_of_money_are_not_rounded_to_nothing() -> None:
    assert [money(each) for each in (None, 0.0, 0.0012, 1.5)] == [
        "unknown",
        "0.00",
        "0.0012",
        "1.50",
    ]


def test_one_is_not_many() -> None:
    assert [count_of(number, "call") for number in (0, 1, 2000)] == [
        "0 calls",
        "1 call",
        "2,000 calls",
    ]
