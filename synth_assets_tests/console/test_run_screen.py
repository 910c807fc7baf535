from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from synth_assets.console.run_screen import RunScreen, live_words
from synth_assets.graph.progress import RunEvent
from synth_assets.llm.call_stats import CallStats
from synth_assets.recipe import Recipe
from synth_assets.stages.materialize import StageReport
from synth_assets.stages.row_checks import CheckResult
from synth_assets_tests.console.terminal import shown
from synth_assets_tests.recipes import write_recipe


def screen(recipe: Recipe, *events: RunEvent, **how: Any) -> str:
    def show(console: Console) -> None:
        with RunScreen(console, recipe) as watching:
            for event in events:
                watching.watch(event)

    return shown(show, **how)


def finished(report: StageReport, rows: pl.DataFrame) -> RunEvent:
    return RunEvent("finished", "mutated_prompts", report=report, rows=rows)


def test_a_recipes_description_is_text_and_not_markup(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, description="Small [/bold] tasks\n\x1b[2Jof [red]ours")
    assert screen(recipe) == "tiny  Small [/bold] tasks \ufffd[2Jof [red]ours\n"


def test_a_finished_table_is_one_line_that_accounts_for_its_rows(tmp_path: Path) -> None:
    rows = pl.DataFrame({"drop_reason": [None, "too_short"], "copies": [2, 1]})
    problem = pl.DataFrame({"id": ["a"]})
    report = StageReport(
        rounds_made=[1],
        checks={"something_is_kept": CheckResult("something_is_kept", "x", False, problem)},
        notes={"seeds_that_wait": "2 seeds wait for a new round"},
        stats=CallStats(made=1, cached=5),
    )
    line = screen(write_recipe(tmp_path), finished(report, rows)).splitlines()[1]
    assert line.split("   ")[-1] == (
        "2 kept, 1 dropped; 1 call, 5 reused; warnings: something_is_kept; "
        "2 seeds wait for a new round"
    )
    assert line.startswith("  mutated_prompts ")


def test_a_table_that_was_current_is_said_to_be_unchanged(tmp_path: Path) -> None:
    line = screen(
        write_recipe(tmp_path), finished(StageReport(), pl.DataFrame({"copies": [1]}))
    ).splitlines()[1]
    assert line.endswith("1 row; unchanged")


def test_without_a_terminal_no_line_is_written_over(tmp_path: Path) -> None:
    events = (
        RunEvent("started", "completions"),
        RunEvent("asking", "completions", stats=CallStats(made=3), round=1),
        finished(StageReport(rounds_made=[1]), pl.DataFrame({"copies": [1]})),
    )
    text = screen(write_recipe(tmp_path), *events)
    assert "\x1b" not in text and "\r" not in text
    assert len(text.splitlines()) == 2  # the table was quick: no line of progress


def test_a_terminal_sees_the_calls_as_they_are_made(tmp_path: Path) -> None:
    events = (
        RunEvent("started", "completions"),
        RunEvent("asking", "completions", stats=CallStats(made=3, cached=2, total=9), round=1),
        finished(StageReport(rounds_made=[1]), pl.DataFrame({"copies": [1]})),
    )
    text = screen(write_recipe(tmp_path), *events, is_terminal=True, width=120)
    assert "completions, round 1" in text and "5 of 9, 2 reused" in text
    assert "\x1b[?25h" in text  # the cursor is given back


def test_live_words_tell_what_is_known_and_leave_out_the_rest() -> None:
    stats = CallStats(made=40, cached=10, total=100, seconds=8.0, cost_usd=2.0, retries=3, failed=1)
    assert live_words(stats) == (
        "50 of 100, 10 reused, 1 failed, 3 tried again, 5 calls/s, 0 tokens, "
        "2.00 USD of about 4.00, 8 s left"
    )
    assert live_words(CallStats(total=None)) == "0, 0 reused, 0 tokens, 0.00 USD"
    first_of_steps = CallStats(made=50, total=50, most=200, seconds=10.0)
    assert live_words(first_of_steps).startswith("50 of at most 200, ")
    assert live_words(first_of_steps).endswith("30 s left")
    assert live_words(CallStats(made=210, total=210, most=200)).startswith("210 of 210, ")
    of_unknown_price = CallStats(made=2, total=4, calls_without_price=2)
    assert "0.00 USD and 2 calls of unknown price" in live_words(of_unknown_price)
