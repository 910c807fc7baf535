"""What a run left behind: a recipe, a lake and an outcome in, a summary for people or programs
out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from synth_assets.console.plain_text import plain
from synth_assets.console.tables import money, names_table, print_whole
from synth_assets.errors import LakeError
from synth_assets.graph.runs import RunOutcome
from synth_assets.methods.retraction import RETRACTED
from synth_assets.project import name_to_type
from synth_assets.recipe import Recipe
from synth_assets.schemas import JUDGMENTS
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

SHOWN_CHARACTERS = 1_500


def summarise(recipe: Recipe, home: Home, outcome: RunOutcome) -> dict[str, Any]:
    """recipe, round, status, calls, cost, seconds, rows (table → kept, dropped by reason),
    exports; the shape that ``run --json`` prints."""
    summary: dict[str, Any] = {
        "recipe": recipe.name,
        "round": None,
        "status": outcome.status,
        "run_id": outcome.run_id,
        "calls_made": outcome.stats.made,
        "calls_cached": outcome.stats.cached,
        "cost_usd": outcome.stats.cost_usd,
        "calls_without_price": outcome.stats.calls_without_price,
        "seconds": round(outcome.seconds, 2),
        "rows": {},
        "exports": [],
        "errors": list(dict.fromkeys(outcome.errors)),
    }
    try:
        with Lake(home, read_only=True) as lake:
            summary["round"] = _newest_round(lake, recipe.name)
            summary["rows"] = _rows(lake, recipe)
    except LakeError as error:
        summary["errors"].append(str(error))
    folder = home.exports / recipe.name
    if (folder / "README.md").exists():
        summary["exports"] = [str(folder)]
    return summary


def _newest_round(lake: Lake, recipe: str) -> int | None:
    if not lake.has(recipe, "rounds"):
        return None
    return lake.frame(f"SELECT max(round) AS newest FROM {Lake.relation(recipe, 'rounds')}").item()


def _rows(lake: Lake, recipe: Recipe) -> dict[str, Any]:
    """Table → rows kept, and dropped by reason."""
    counts: dict[str, Any] = {}
    for stage in recipe_stages(recipe).values():
        if not lake.has(recipe.name, stage.name):
            continue
        relation = Lake.relation(recipe.name, stage.name)
        reason = "CAST(NULL AS VARCHAR)"
        if "drop_reason" in stage.table.polars:
            reason = "drop_reason"
        elif stage.keeps_withdrawn or stage.name == JUDGMENTS.name:
            reason = f"CASE WHEN status = '{RETRACTED}' THEN status END"
        found = lake.frame(
            f"SELECT {reason} AS reason, count(*) AS rows FROM {relation} GROUP BY 1 "
            "ORDER BY rows DESC, reason"
        )
        counts[stage.name] = _kept_and_dropped(dict(found.iter_rows()))
    if "dropped_rows" in counts and "completions" in counts:
        found = lake.frame(
            f"SELECT reason, count(*) AS rows FROM {Lake.relation(recipe.name, 'dropped_rows')} "
            "WHERE stage = 'completions' GROUP BY 1 ORDER BY rows DESC, reason"
        )
        dropped = dict(found.iter_rows())
        of_all = counts["completions"]["kept"] + sum(counts["completions"]["dropped"].values())
        kept = of_all - sum(dropped.values())
        counts["completions"] = {"kept": kept, "dropped": dropped}
    return counts


def _kept_and_dropped(found: Mapping[str | None, int]) -> dict[str, Any]:
    return {
        "kept": found.get(None, 0),
        "dropped": {reason: n for reason, n in found.items() if reason is not None},
    }


def print_summary(console: Console, recipe: Recipe, home: Home, summary: Mapping[str, Any]) -> None:
    """The summary for people, with one example and one pair in full, and what to type next."""
    table = names_table("table")
    for heading in ("kept", "dropped"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("because", overflow="fold")
    for name, counts in summary["rows"].items():
        dropped = counts["dropped"]
        table.add_row(
            name,
            f"{counts['kept']:,}",
            f"{sum(dropped.values()):,}" if dropped else "",
            ", ".join(f"{reason} {count:,}" for reason, count in dropped.items()),
        )
    if summary["rows"]:
        print_whole(console, table)
    if summary["status"] == "done":
        _print_examples(console, recipe, home)
    unpriced = summary["calls_without_price"]
    number = "" if summary["round"] is None else f"Round {summary['round']}: "
    console.print(
        f"{number}{summary['calls_made']:,} calls made, "
        f"{summary['calls_cached']:,} reused, {money(summary['cost_usd'])} USD"
        + (f" and {unpriced:,} calls of unknown price" if unpriced else "")
        + f", {summary['seconds']:.1f} s, {summary['status']}"
    )
    for folder in summary["exports"]:
        console.print(f"Exports: {folder}", soft_wrap=True, markup=False)
    if summary["status"] == "done":
        console.print(_next_step(recipe), soft_wrap=True)


def _next_step(recipe: Recipe) -> Text:
    """What to type next."""
    name = name_to_type(recipe.path)
    if recipe.name.endswith("_trial"):
        steps = {f"run {name}": "makes the whole; what this trial asked is not asked again"}
    else:
        steps = {
            "ui": "shows the graph",
            f"run {name} --round new": "adds a round",
            f"status {name}": "tells what is out of date",
        }
    text = Text("Next: ")
    for number, (command, effect) in enumerate(steps.items()):
        text.append("; " if number else "").append(f"synth-assets {command}", "bold")
        text.append(f" {effect}")
    return text


def _print_examples(console: Console, recipe: Recipe, home: Home) -> None:
    with Lake(home, read_only=True) as lake:
        if lake.has(recipe.name, "sft_set"):
            rows = lake.frame(
                f"SELECT example_id, messages FROM {Lake.relation(recipe.name, 'sft_set')} "
                "ORDER BY mean_rating DESC NULLS LAST, example_id LIMIT 1"
            ).to_dicts()
            for row in rows:
                console.print(Text(f"\nAn SFT example, {row['example_id']}", "bold"))
                _print_turns(console, row["messages"])
        if lake.has(recipe.name, "dpo_set"):
            rows = lake.frame(
                f"SELECT pair_id, prompt, chosen, rejected, margin "
                f"FROM {Lake.relation(recipe.name, 'dpo_set')} "
                "ORDER BY margin DESC NULLS LAST, pair_id LIMIT 1"
            ).to_dicts()
            for row in rows:
                console.print(Text(f"\nA preference pair, {row['pair_id']}", "bold"))
                _print_turns(console, row["prompt"])
                _print_turns(console, row["chosen"], "chosen")
                _print_turns(console, row["rejected"], "rejected")
    console.print()


def _print_turns(
    console: Console, messages: list[dict[str, str]], label: str | None = None
) -> None:
    """Turns as plain text: a model's text is never read as markup or as terminal control."""
    for message in messages:
        text = plain(message["content"])
        if len(text) > SHOWN_CHARACTERS:
            text = text[:SHOWN_CHARACTERS] + " …"
        console.print(Text(f"  {label or message['role']}", "cyan"))
        console.print(Padding(Text(text), (0, 0, 0, 4)))
