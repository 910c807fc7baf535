"""What the UI shows of a table: frames and reports in, Dagster metadata values out. Small, since
each value is stored twice in the event log; ids and first words only, never whole texts."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from synth_assets.schemas import CALLS, TableSchema
from synth_assets.stages.finishing import COPIES, SHOWN
from synth_assets.stages.materialize import CheckResult, StageReport
from synth_assets.stages.stage import Catalogue
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA

SAMPLE_ROWS = 5
FIRST_WORDS = 8
COST_OF_ALL = (pl.col("cost_usd") * pl.col(COPIES)).sum()
CHART_WIDTH, CHART_BAR, CHART_GAP = 320, 14, 4


def column_schema(table: TableSchema) -> dg.TableSchema:
    """The catalogue's column table, with descriptions."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, str(column.dtype), description=column.description)
            for column in table.columns
        ]
    )


def catalogue_metadata(recipe: str, catalogue: Catalogue) -> dict[str, Any]:
    """The source file and the column lineage: as the UI's own kinds of value, and the lineage as a
    table too, because the open-source UI does not draw it."""
    metadata: dict[str, Any] = {}
    if catalogue.source is not None:
        metadata["dagster/code_references"] = _code_reference(catalogue.source)
    lineage = {column: of for column, of in catalogue.column_lineage.items() if of}
    if lineage:
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(
            deps_by_column={
                column: [
                    dg.TableColumnDep(asset_key=table_key(recipe, table), column_name=of_column)
                    for table, of_column in of
                ]
                for column, of in lineage.items()
            }
        )
        metadata["columns_come_from"] = dg.MetadataValue.md(_lineage_table(lineage))
    return metadata


def table_key(recipe: str, table: str) -> dg.AssetKey:
    """``[recipe, table]``; calls are one table for all recipes."""
    return dg.AssetKey([CALLS_SCHEMA if table == CALLS.name else recipe, table])


def _lineage_table(lineage: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    rows = [
        {"column": column, "comes from": ", ".join(f"{table}.{name}" for table, name in of)}
        for column, of in lineage.items()
    ]
    return markdown_table(pl.DataFrame(rows), longest=400)


def _code_reference(file: Path) -> dg.CodeReferencesMetadataValue:
    with warnings.catch_warnings():
        # In beta since 1.7; the dependency on Dagster is bounded, and a test looks at the value.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.CodeReferencesMetadataValue(
            code_references=[
                dg.LocalFileCodeReference(file_path=str(file), line_number=1, label=file.name)
            ]
        )


def report_metadata(
    report: StageReport, rows: pl.DataFrame, key: str, first: pl.DataFrame
) -> dict[str, Any]:
    """Counts worth plotting, reasons, and a small sample.

    rows: what `finishing.counted_rows` reads. first: the table's first rows with the columns shown.
    """
    metadata: dict[str, Any] = {
        "dagster/row_count": int(rows[COPIES].sum()),
        "rounds_made": len(report.rounds_made),
        "rounds_unchanged": len(report.rounds_skipped),
        "rows_new": sum(commit.rows_new for commit in report.commits),
        "rows_gone": sum(commit.rows_gone for commit in report.commits),
    }
    if "drop_reason" in rows.columns and rows.height:
        metadata |= _drop_metadata(rows)
    for name in ("rating", "mean_rating"):
        is_number = name in rows.columns and rows.schema[name].is_numeric()
        rated = rows.filter(pl.col(name).is_not_null()) if is_number else rows.clear()
        if rated.height:
            total = (rated[name] * rated[COPIES]).sum()
            metadata["mean_rating"] = round(float(total) / int(rated[COPIES].sum()), 4)
    if "usd_per_example" in rows.columns:
        metadata |= _cost_of_an_example(rows)
    elif "stage" in rows.columns and rows.schema.get("cost_usd", pl.String()).is_numeric():
        metadata |= _cost_of_stages(rows)
    stats = report.stats
    if stats.made or stats.cached:
        metadata |= {
            "calls_made": stats.made,
            "calls_reused": stats.cached,
            "calls_failed": stats.failed,
            "input_tokens": stats.input_tokens,
            "output_tokens": stats.output_tokens,
            "cost_usd": float(stats.cost_usd),
        }
        if stats.calls_without_price:
            metadata["calls_without_price"] = stats.calls_without_price
    metadata |= {f"note_{name}": value for name, value in report.notes.items()}
    sample = sample_table(first, key)
    if sample:
        metadata["sample"] = dg.MetadataValue.md(sample)
    return metadata


def _drop_metadata(rows: pl.DataFrame) -> dict[str, Any]:
    reasons = (
        rows.filter(pl.col("drop_reason").is_not_null())
        .group_by("drop_reason")
        .agg(pl.col(COPIES).sum().alias("rows"))
        .sort(pl.col("rows"), "drop_reason", descending=[True, False])
    )
    dropped, all_rows = int(reasons["rows"].sum()), int(rows[COPIES].sum())
    metadata: dict[str, Any] = {
        "rows_kept": all_rows - dropped,
        "rows_dropped": dropped,
        "drop_rate": round(dropped / all_rows, 4),
    }
    if reasons.height:
        metadata["drop_reasons"] = dg.MetadataValue.md(markdown_table(reasons))
        counts = dict(zip(reasons["drop_reason"], reasons["rows"], strict=True))
        metadata["drop_reasons_chart"] = dg.MetadataValue.md(
            f"![rows by reason]({bar_chart(counts)})"
        )
    return metadata


def _cost_of_stages(rows: pl.DataFrame) -> dict[str, Any]:
    """US dollars by stage: over the models, and over all rounds."""
    of_stage = rows.group_by("stage").agg(COST_OF_ALL).sort("stage")
    return _cost_chart(
        "usd_by_stage_chart",
        "US dollars, by stage",
        {str(stage): float(f"{cost:.3g}") for stage, cost in of_stage.iter_rows() if cost > 0},
    )


def _cost_of_an_example(rows: pl.DataFrame) -> dict[str, Any]:
    """US dollars for an accepted example, by method: over the models, and over all rounds."""
    of_method = (
        rows.group_by("method", "round")
        .agg(COST_OF_ALL, pl.col("examples").max())
        .group_by("method")
        .agg(pl.col("cost_usd").sum(), pl.col("examples").sum())
        .filter((pl.col("examples") > 0) & (pl.col("cost_usd") > 0))
        .sort("method", nulls_last=True)
    )
    return _cost_chart(
        "usd_per_example_chart",
        "US dollars an example, by method",
        {
            str(method or "unknown"): float(f"{cost / examples:.3g}")
            for method, cost, examples in of_method.iter_rows()
        },
    )


def _cost_chart(name: str, title: str, costs: Mapping[str, float]) -> dict[str, Any]:
    if not costs:  # offline models cost nothing
        return {}
    return {name: dg.MetadataValue.md(f"![{title}]({bar_chart(costs)})")}


def sample_table(rows: pl.DataFrame, key: str) -> str:
    """A few rows by id and first words: enough to recognise them, too little to bloat the log."""
    frame = rows.head(SAMPLE_ROWS)
    shown = [key, *(name for name in SHOWN if name in frame.columns)]
    if not frame.height or len(shown) == 1:
        return ""
    if "text" in shown:
        frame = frame.with_columns(
            text=pl.col("text").str.split(" ").list.head(FIRST_WORDS).list.join(" ")
        )
    return markdown_table(frame.select(shown))


def markdown_table(frame: pl.DataFrame, longest: int = 80) -> str:
    """A frame as a Markdown table; text from models cannot end a cell or begin markup.

    longest: characters of a value that are shown.
    """
    head = "| " + " | ".join(frame.columns) + " |"
    rule = "|" + "---|" * frame.width
    body = [
        "| " + " | ".join(_cell(value, longest) for value in row) + " |"
        for row in frame.iter_rows()
    ]
    return "\n".join([head, rule, *body])


def _cell(value: object, longest: int) -> str:
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    plain = " ".join(text.split())[:longest]
    for character in "\\`*_{}[]()#+!|<>~":
        plain = plain.replace(character, "\\" + character)
    return plain


def bar_chart(counts: Mapping[str, int] | Mapping[str, float]) -> str:
    """Counts or amounts as a small SVG in a ``data:`` address. Labels are our own words, never a
    model's."""
    from base64 import b64encode
    from xml.sax.saxutils import escape

    largest = max(counts.values(), default=1)
    step = CHART_BAR + CHART_GAP
    bars = []
    for index, (name, count) in enumerate(counts.items()):
        top = index * step
        width = max(1, round(count / largest * 150))
        bars.append(
            f'<text x="0" y="{top + 11}">{escape(name)}</text>'
            f'<rect x="150" y="{top}" width="{width * 0.8:.0f}" height="{CHART_BAR}"/>'
            f'<text x="{155 + width * 0.8:.0f}" y="{top + 11}">{count}</text>'
        )
    height = max(step, step * len(counts))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{CHART_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="11"><style>rect{fill:#4f43dd}text{fill:#555}</style>'
        f"{''.join(bars)}</svg>"
    )
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def check_metadata(result: CheckResult) -> dict[str, Any]:
    """How many rows offend, and which."""
    metadata: dict[str, Any] = {"offending_rows": result.offending.height}
    if result.as_in_version is not None:
        metadata["as_found_in_version"] = result.as_in_version
    if result.offending.height:
        frame = result.offending.head(SAMPLE_ROWS)
        metadata["first_offending"] = dg.MetadataValue.md(
            markdown_table(frame.select(frame.columns[:6]))
        )
    return metadata
