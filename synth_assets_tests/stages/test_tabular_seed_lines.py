"""One changed row of a table of seeds asks for its prompt alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets import seed_files
from synth_assets.stages import seed_lines
from synth_assets_tests.stages.bench import Bench, bench

ANSWERED: dict[str, Any] = {
    "prompts": {"self_instruct": None},
    "completions": {"teachers": ["teacher"], "per_prompt": 1},
}


def sum_of(number: int) -> str:
    return f'"What is the sum of\nforty, and {number}?"'


def write_csv(made: Bench, *rows: str, header: str = "prompt,reference") -> None:
    (made.folder / "seeds.csv").write_text("\n".join([header, *rows, ""]))


def read_lines(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The lines that are read of the files from now on, where not all are."""
    lines: list[object] = []
    read = seed_files.read_seed_prompts
    monkeypatch.setattr(
        seed_lines,
        "read_seed_prompts",
        lambda recipe, only: lines.append(only) or read(recipe, only),
    )
    return lines


def assert_seeds_are_as_read(made: Bench) -> None:
    read = seed_files.read_seed_prompts(made.recipe).sort("prompt_id")
    found = made.read("seed_prompts", "drop_reason IS DISTINCT FROM 'no_longer_in_its_file'")
    assert found.equals(read)


def test_a_changed_line_inside_a_row_of_csv_asks_for_that_row_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(tmp_path, seeds={"prompts": ["seeds.csv"]}, **ANSWERED) as made:
        write_csv(made, *(f"{sum_of(n)},46" for n in range(8)))
        assert made.run(until="completions")["completions"].stats.made == 8
        lines = read_lines(monkeypatch)
        write_csv(made, *(f"{sum_of(90 if n == 3 else n)},46" for n in range(8)))
        reports = made.run(until="completions", open_round="by_hand")
        assert reports["completions"].stats.made == 1
        assert lines[0] == {"seeds.csv": {8}}, "the row begins a line before the one that changed"
        assert_seeds_are_as_read(made)


def test_another_header_has_every_row_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(tmp_path, seeds={"prompts": ["seeds.csv"]}, **ANSWERED) as made:
        write_csv(made, *(f"{sum_of(n)},46" for n in range(8)))
        made.run(until="seed_prompts")
        lines = read_lines(monkeypatch)
        write_csv(made, *(f"{sum_of(n)},46" for n in range(8)), header="prompt,category")
        made.run(until="seed_prompts")
        assert lines == []
        assert made.read("seed_prompts")["category"].unique().to_list() == ["46"]
        assert_seeds_are_as_read(made)


def test_a_changed_row_of_parquet_asks_for_its_prompt_alone(tmp_path: Path) -> None:
    def write(changed: int | None) -> None:
        prompts = [sum_of(90 if n == changed else n) for n in range(8)]
        pl.DataFrame({"prompt": prompts}).write_parquet(tmp_path / "seeds.parquet")

    with bench(tmp_path, seeds={"prompts": ["seeds.parquet"]}, **ANSWERED) as made:
        write(None)
        assert made.run(until="completions")["completions"].stats.made == 8
        write(3)
        reports = made.run(until="completions", open_round="by_hand")
        assert reports["completions"].stats.made == 1
        assert_seeds_are_as_read(made)
