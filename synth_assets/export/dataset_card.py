"""The dataset card: what an export holds in, README.md with its front matter out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import yaml

from synth_assets.export import axolotl, huggingface, llamafactory, openai, trl
from synth_assets.export.folder import FileFacts
from synth_assets.export.markdown import escape, fenced, fenced_json, table
from synth_assets.export.rows import META
from synth_assets.quality.collapse import gap_recovered
from synth_assets.recipe import Recipe

USES = {
    "sft": "supervised fine-tuning (SFT)",
    "preference": "preference pairs (DPO and its kin)",
    "unpaired_preference": "labelled completions (KTO)",
    "sft_control": "a control: as many completions, drawn at random; train a second student on it",
}
KINDS = {"sft": "sft", "preference": "dpo", "sft_control": "sft_control"}
TAGGED = ("sft", "preference")
EXAMPLE_CHARACTERS = 600
TABLE_ROWS = 100


@dataclass(frozen=True)
class CardFacts:
    """What the card describes.

    files: path → facts, of all parts; schemas: Arrow schema by config; meta: the ``meta`` of all
    rows by config; example: a first row; versions: table → content hash; health and dropped: rows
    of quality and of drop reasons, shown as they are.
    """

    recipe: Recipe
    simulated: bool
    files: Mapping[str, FileFacts]
    schemas: Mapping[str, pa.Schema]
    meta: Mapping[str, pl.DataFrame]
    example: Mapping[str, Any] | None
    versions: Mapping[str, str]
    health: pl.DataFrame | None = None
    dropped: pl.DataFrame | None = None

    def splits(self, config: str) -> dict[str, str]:
        return huggingface.splits_of(self.files, config)

    @property
    def configs(self) -> list[str]:
        return [config for config in huggingface.CONFIGS if self.splits(config)]

    @property
    def row_count(self) -> int:
        return sum(
            self.files[path]["rows"]
            for config in self.configs
            for path in self.splits(config).values()
        )


def write_dataset_card(facts: CardFacts) -> str:
    """The text of README.md; the same facts give the same text."""
    sections = (
        _introduction(facts),
        _contents(facts),
        _making(facts),
        _quality(facts),
        _weak_to_strong(facts),
        _licences(facts),
        _loading(facts),
        _columns(facts),
        _lineage(facts),
        _example(facts),
    )
    body = "\n\n".join(section for section in sections if section)
    return f"---\n{_front_matter(facts)}---\n\n{body}\n"


def _front_matter(facts: CardFacts) -> str:
    recipe = facts.recipe
    tags = ["synthetic", *(["simulated"] if facts.simulated else []), "synth-assets"]
    tags += [KINDS[config] for config in facts.configs if config in TAGGED]
    metadata: dict[str, Any] = {
        "pretty_name": recipe.name,
        **huggingface.licence_metadata(recipe.export.licence),
        "language": list(recipe.export.languages),
        "size_categories": [huggingface.size_category(facts.row_count)],
        "task_categories": ["text-generation"],
        "tags": tags,
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": ["original"],
    }
    if facts.configs:
        metadata["configs"] = huggingface.configs_metadata(facts.files)
        metadata["dataset_info"] = huggingface.dataset_info(facts.files, facts.schemas)
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)


def _introduction(facts: CardFacts) -> str:
    recipe = facts.recipe
    lines = [f"# {recipe.name}", "<!-- Written by synth_assets; the next export replaces it. -->"]
    if facts.simulated:
        lines.append(
            "> **This data is simulated.** Its teachers are offline programs that imitate a "
            "model's skill and faults, not language models. It shows how the pipeline works; a "
            "model trained on it learns nothing of use."
        )
    else:
        lines.append("> This data is synthetic: language models wrote its completions.")
    if recipe.description.strip():
        lines.append(recipe.description.strip())
    if recipe.owner:
        lines.append(f"Owner: {escape(recipe.owner)}.")
    return "\n\n".join(lines)


def _contents(facts: CardFacts) -> str:
    if not facts.configs:
        return "## Contents\n\nNothing has been exported: no row passed the recipe's rules yet."
    rows = [
        (config, split, facts.files[path]["rows"], USES[config])
        for config in facts.configs
        for split, path in facts.splits(config).items()
    ]
    return (
        "## Contents\n\n"
        + table(("config", "split", "rows", "for"), rows)
        + "\n\nA prompt and all its rewrites stand on one side of the split. A split without rows "
        "is left out, and so is a pair whose sides are tied."
    )


def _making(facts: CardFacts) -> str:
    if not facts.configs:
        return ""
    counts = []
    for name, columns in (
        ("model", ("model", "chosen_model", "rejected_model")),
        ("method", ("method",)),
        ("round", ("round",)),
    ):
        for config in facts.configs:
            for column in columns:
                if column in facts.meta[config].columns:
                    counts += [
                        (name, value, config, column, rows)
                        for value, rows in _count(facts.meta[config], column)
                    ]
    return "## How it was made\n\n" + table(("what", "which", "config", "as", "rows"), counts)


def _count(meta: pl.DataFrame, column: str) -> list[tuple[Any, int]]:
    counted = meta.group_by(column).len().sort("len", column, descending=[True, False])
    return counted.head(TABLE_ROWS).rows()


def _quality(facts: CardFacts) -> str:
    parts = []
    if facts.dropped is not None and facts.dropped.height:
        parts.append("## What was dropped, and why\n\n" + _frame(facts.dropped))
    if facts.health is not None and facts.health.height:
        parts.append("## Health of the rounds\n\n" + _frame(facts.health))
    return "\n\n".join(parts)


def _weak_to_strong(facts: CardFacts) -> str:
    """What the recipe says a student reached; the share is of the two other numbers' gap."""
    said = facts.recipe.export.weak_to_strong
    if said is None:
        return ""
    recovered = gap_recovered(said.weak, said.student, said.ceiling)
    shown = "not known" if recovered is None else f"{recovered:.3f}"
    numbers = [
        (name, "not known" if value is None else value)
        for name, value in (
            ("weak teacher", said.weak),
            ("student", said.student),
            ("ceiling", said.ceiling),
        )
    ]
    return (
        "## Weak to strong\n\n"
        + table(("who", escape(said.measure)), numbers)
        + f"\n\nPerformance gap recovered, (student - weak) / (ceiling - weak): **{shown}**. "
        "The numbers are as the recipe says; they were not measured here."
    )


def _frame(frame: pl.DataFrame) -> str:
    header = [escape(name) for name in frame.columns]
    shown = table(header, frame.head(TABLE_ROWS).iter_rows())
    more = frame.height - TABLE_ROWS
    return shown if more <= 0 else f"{shown}\n\n{more} more rows are not shown."


def _licences(facts: CardFacts) -> str:
    declared = facts.recipe.export.licence
    lines = [
        f"The recipe declares the licence {escape(declared)} for this dataset."
        if declared
        else "The recipe declares no licence for this dataset; ask its owner before you use it."
    ]
    rows = [
        (config, "not declared" if licence is None else licence, count)
        for config in facts.configs
        for licence, count in _count(facts.meta[config], "licence")
    ]
    if rows:
        lines.append("Licences of the sources that the rows come from:")
        lines.append(table(("config", "licence", "rows"), rows))
    lines.append("The terms of the models that wrote the texts may bind their use as well.")
    return "## Licences\n\n" + "\n\n".join(lines)


def _loading(facts: CardFacts) -> str:
    if not facts.configs:
        return ""
    parts = ["## How to load it", "### datasets and TRL"]
    for config in facts.configs:
        snippet = trl.snippet(config, facts.splits(config))
        parts.append(fenced(snippet, "python"))
    trainable = [c for c in facts.configs if c in KINDS and "train" in facts.splits(c)]
    if trainable:
        parts.append("### Axolotl")
    for config in trainable:
        splits = facts.splits(config)
        snippet = axolotl.snippet(config, splits["train"], splits.get("test"))
        parts.append(fenced(snippet, "yaml"))
    if trainable:
        parts.append("### LLaMA-Factory")
    for config in trainable:
        snippet = llamafactory.snippet(
            facts.recipe.name, KINDS[config], has_test="test" in facts.splits(config)
        )
        parts.append(fenced(snippet, "yaml"))
    uploads = [openai.file_name(KINDS[config], "train") for config in trainable]
    if uploads:
        parts.append("### OpenAI and those that take its form")
        parts.append(fenced(openai.snippet(uploads), "python"))
    return "\n\n".join(parts)


def _columns(facts: CardFacts) -> str:
    parts = []
    for config in facts.configs:
        rows = [(f"meta.{column.name}", column.description) for column in META[config]]
        parts.append(f"### {config}\n\n" + table(("column", "what it holds"), rows))
    return "## Columns\n\n" + "\n\n".join(parts) if parts else ""


def _lineage(facts: CardFacts) -> str:
    text = (
        "## Lineage\n\nEvery id in `meta` resolves in the lake that this export was made from, "
        "as in:\n\n"
        + fenced(
            f'synth-assets query "select * from {facts.recipe.name}.completions '
            "where completion_id = '…'\"",
            "sh",
        )
    )
    if not facts.versions:
        return text
    versions = table(("table", "content hash"), sorted(facts.versions.items()))
    return f"{text}\n\nVersions of the tables it was made from:\n\n{versions}"


def _example(facts: CardFacts) -> str:
    if facts.example is None:
        return ""
    return "## An example\n\nTexts are shortened.\n\n" + fenced_json(_shorten(facts.example))


def _shorten(value: Any) -> Any:
    if isinstance(value, str) and len(value) > EXAMPLE_CHARACTERS:
        return value[:EXAMPLE_CHARACTERS] + "…"
    if isinstance(value, Mapping):
        return {key: _shorten(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    return value
