"""What the UI shows of rows: short, and never markup of a model's making."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from synth_assets.graph.metadata import (
    bar_chart,
    check_metadata,
    markdown_table,
    report_metadata,
    sample_table,
)
from synth_assets.stages.materialize import StageReport
from synth_assets.stages.row_checks import CheckResult

EVIL = [
    "a | b | c",
    "two\nlines\r\nand more",
    "`code` and ```fences```",
    "<script>alert(1)</script><img src=x>",
    "![x](http://evil/x.png) [link](javascript:alert(1))",
    "# heading\n\n- list",
    "back\\slash \\| pipe",
    "line\u2028separator\x0bvertical",
]


@pytest.mark.parametrize("text", EVIL)
def test_text_of_a_model_cannot_end_its_cell_or_begin_markup(text: str):
    lines = markdown_table(pl.DataFrame({"id": ["x"], "text": [text]})).splitlines()
    assert len(lines) == 3
    cells = unescaped_pipes(lines[2])
    assert cells == 3
    for mark in "<>[]!`*_#":
        assert f"\\{mark}" in lines[2] or mark not in text
        assert mark not in without_escapes(lines[2])


def unescaped_pipes(line: str) -> int:
    return without_escapes(line).count("|")


def without_escapes(line: str) -> str:
    """The line without each character that a backslash escapes."""
    kept, place = [], 0
    while place < len(line):
        if line[place] == "\\":
            place += 2
            continue
        kept.append(line[place])
        place += 1
    return "".join(kept)


def test_a_cell_is_short_and_a_missing_value_is_empty():
    table = markdown_table(pl.DataFrame({"text": ["word " * 200, None], "value": [0.123456, None]}))
    first, second = table.splitlines()[2:]
    assert len(first) < 110
    assert "0.1235" in first
    assert second == "|  |  |"


def test_a_sample_shows_ids_and_first_words_of_a_few_rows():
    rows = pl.DataFrame(
        {
            "prompt_id": [f"p{n}" for n in range(9)],
            "text": ["one two three four five six seven eight nine ten"] * 9,
        }
    )
    lines = sample_table(rows, "prompt_id").splitlines()
    assert lines[0] == "| prompt_id | text |"
    assert lines[2] == "| p0 | one two three four five six seven eight |"
    assert len(lines) == 2 + 5
    assert sample_table(rows.clear(), "prompt_id") == ""


def metadata_of(rows: pl.DataFrame) -> dict[str, Any]:
    return report_metadata(StageReport(), rows, "id", pl.DataFrame({"id": ["a"]}))


def test_kept_dropped_and_reasons_are_told_with_a_chart():
    rows = pl.DataFrame(
        {"drop_reason": [None, "keyword", "too_long"], "round": [1, 1, 2], "copies": [1, 2, 1]}
    )
    said = metadata_of(rows)
    assert said["dagster/row_count"] == 4
    assert (said["rows_kept"], said["rows_dropped"], said["drop_rate"]) == (1, 3, 0.75)
    assert "| keyword | 2 |" in said["drop_reasons"].value
    assert said["drop_reasons_chart"].value.startswith(
        "![rows by reason](data:image/svg+xml;base64,"
    )


def test_an_empty_table_is_told_without_shares_of_nothing():
    rows = pl.DataFrame(schema={"drop_reason": pl.String, "copies": pl.Int64})
    said = metadata_of(rows)
    assert said["dagster/row_count"] == 0
    assert "drop_rate" not in said


def test_a_mean_counts_each_row_and_leaves_out_what_was_not_rated():
    rows = pl.DataFrame({"rating": [5.0, 2.0, None], "copies": [1, 3, 7]})
    assert metadata_of(rows)["mean_rating"] == 2.75
    assert "mean_rating" not in metadata_of(rows.tail(1))


def labels_of(chart: str) -> list[str | None]:
    """The words and numbers of a chart, from the address that Markdown shows it by."""
    svg = ElementTree.fromstring(b64decode(chart.partition("base64,")[2].rstrip(")")))
    return [node.text for node in svg.iter("{http://www.w3.org/2000/svg}text")]


def costs(*rows: tuple[str | None, int, str, float | None, int]) -> pl.DataFrame:
    """Rows of ``cost_of_accepted``: method, round, model, what it cost, examples of the method."""
    names = ("method", "round", "model", "cost_usd", "examples")
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        usd_per_example=pl.col("cost_usd") / pl.col("examples"), copies=1
    )


def test_the_cost_chart_adds_up_models_and_rounds_of_each_method():
    rows = costs(
        ("evol_instruct", 1, "writer", 3.0, 10),
        ("evol_instruct", 1, "judge", 1.0, 10),  # the same ten examples, not ten more
        ("evol_instruct", 2, "writer", 2.0, 20),
        ("self_instruct", 1, "writer", 1.0, 3),
    )
    said = metadata_of(rows)
    chart = said["usd_per_example_chart"].value
    assert chart.startswith("![US dollars an example, by method](data:image/svg+xml;base64,")
    assert labels_of(chart) == ["evol_instruct", "0.2", "self_instruct", "0.333"]


def test_the_cost_chart_leaves_out_what_cost_nothing_or_brought_nothing():
    rows = costs(
        ("seed", 1, "writer", 0.0, 5),
        ("self_instruct", 1, "writer", 2.0, 0),
        (None, 1, "writer", 1.0, 4),
    )
    said = metadata_of(rows)
    assert labels_of(said["usd_per_example_chart"].value) == ["unknown", "0.25"]
    free = metadata_of(rows.head(1))
    assert "usd_per_example_chart" not in free


def test_what_each_stage_cost_is_a_chart_over_its_models_and_rounds():
    rows = pl.DataFrame(
        {
            "stage": ["completions", "ultrafeedback", "completions", "seed"],
            "round": [1, 1, 2, 1],
            "cost_usd": [1.5, 0.125, 0.5, None],
            "copies": [1, 2, 1, 1],  # two judges that cost the same
        }
    )
    chart = metadata_of(rows)["usd_by_stage_chart"].value
    assert chart.startswith("![US dollars, by stage](data:image/svg+xml;base64,")
    assert labels_of(chart) == ["completions", "2.0", "ultrafeedback", "0.25"]
    assert "usd_by_stage_chart" not in metadata_of(rows.tail(1))


def test_the_chart_is_well_formed_whatever_the_names():
    assert labels_of(bar_chart({'<&"': 3, "b": 1})) == ['<&"', "3", "b", "1"]


def test_a_failed_check_shows_the_first_rows_that_offend():
    rows = pl.DataFrame({"prompt_id": [f"p{n}" for n in range(7)], "text": ["a|b"] * 7})
    said = check_metadata(CheckResult("unique", "", True, rows))
    assert said["offending_rows"] == 7
    assert said["first_offending"].value.count("a\\|b") == 5
    assert check_metadata(CheckResult("unique", "", True, rows.clear())) == {"offending_rows": 0}
