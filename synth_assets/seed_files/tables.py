"""The tables ``seed_prompts`` and ``evaluation_prompts``: a recipe in, one frame each out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from synth_assets.errors import RecipeError
from synth_assets.identity import content_hash, content_id, text_hash
from synth_assets.recipe import Recipe
from synth_assets.schemas import EVALUATION_PROMPTS, SEED_PROMPTS, TableSchema
from synth_assets.seed_files.location import LocatedFile, Section, locate
from synth_assets.seed_files.prompts import (
    MISSING,
    SEED_KEYS,
    Message,
    Place,
    ReadPrompt,
    dig,
    name_keys,
    read_prompt,
)
from synth_assets.seed_files.records import read_records, unit_of

ARROW_MESSAGES = pa.large_list(
    pa.struct([("role", pa.large_string()), ("content", pa.large_string())])
)
ROUND = 0
"""Seeds stand outside the rounds; `rounds` says from which on each is in the pool."""


def read_seed_prompts(
    recipe: Recipe, only: Mapping[str, Collection[int]] | None = None
) -> pl.DataFrame:
    """Every prompt of ``seeds.prompts``, in the order of the recipe, the files and their lines.

    only: file, as the recipe labels it → the lines to read of it; None reads all.
    A prompt met again, and one over ``limits.prompt_characters``, stays a row that carries its
    ``drop_reason``. Errors: `RecipeError`.
    """
    rows: list[tuple[Any, ...]] = []
    occurrences: Counter[str] = Counter()
    for file, line, prompt in _read(recipe, "prompts", SEED_KEYS, only):
        family_id = content_id("prompt", "seed", prompt.messages)
        prompt_id = _numbered_id("seed", family_id, prompt.messages, occurrences)
        drop_reason = None
        if prompt_id != family_id:
            drop_reason = "duplicate_seed"
        elif prompt.characters > recipe.limits.prompt_characters:
            drop_reason = "too_many_characters"
        rows.append(
            (
                prompt_id,
                ROUND,
                prompt.messages,
                prompt.text,
                prompt.instruction,
                text_hash(prompt.text),
                prompt.reference,
                prompt.demonstration,
                prompt.category,
                file.label,
                line,
                prompt.licence or file.declared.licence,
                prompt.origin or file.declared.origin,
                split_of(family_id, recipe.datasets.test_share),
                drop_reason,
            )
        )
    return _frame(SEED_PROMPTS, rows)


def read_evaluation_prompts(recipe: Recipe) -> pl.DataFrame:
    """Every prompt of ``seeds.evaluation``; empty where the recipe names none."""
    rows: list[tuple[Any, ...]] = []
    occurrences: Counter[str] = Counter()
    for file, line, prompt in _read(recipe, "evaluation", ("licence",)):
        base_id = content_id("prompt", "evaluation", prompt.messages)
        rows.append(
            (
                _numbered_id("evaluation", base_id, prompt.messages, occurrences),
                ROUND,
                prompt.messages,
                prompt.text,
                file.label,
                line,
                prompt.licence or file.declared.licence,
            )
        )
    return _frame(EVALUATION_PROMPTS, rows)


def split_of(family_id: str, test_share: float) -> str:
    """``test`` or ``train``, by the family alone, so that a new seed moves no other one."""
    share = int(content_hash("split", family_id)[:16], 16) / 16**16
    return "test" if share < test_share else "train"


def _numbered_id(kind: str, base_id: str, messages: list[Message], seen: Counter[str]) -> str:
    """``base_id`` at its first occurrence; afterwards an id with the occurrence's number."""
    seen[base_id] += 1
    if seen[base_id] == 1:
        return base_id
    return content_id("prompt", kind, messages, seen[base_id])


def _read(
    recipe: Recipe,
    section: Section,
    wanted: tuple[str, ...],
    only: Mapping[str, Collection[int]] | None = None,
) -> Iterator[tuple[LocatedFile, int, ReadPrompt]]:
    for file in locate(recipe, section):
        lines = None if only is None else only.get(file.label, ())
        unseen, unit = dict(file.declared.fields), unit_of(file.label)
        keys: set[str] = set()
        for line, record in read_records(file.path, file.label, lines):
            if unseen:
                keys.update(record)
                unseen = {
                    name: path for name, path in unseen.items() if dig(record, path) is MISSING
                }
            place = Place(file.path, line, unit)
            yield file, line, read_prompt(record, file.declared, place, wanted)
        for name, path in unseen.items() if lines is None else ():
            raise RecipeError(
                f"{recipe.path}: {file.field}.fields.{name} = {path!r}: no {unit} of {file.path} "
                f"has it{name_keys(keys, [path])}"
            )


def _frame(schema: TableSchema, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    columns: list[pl.Series] = []
    for index, (name, dtype) in enumerate(schema.polars.items()):
        values = [row[index] for row in rows]
        if name == "messages":
            # Polars takes 17 times as long as Arrow to build nested columns from Python objects.
            series = pl.Series(name, pa.array(values, type=ARROW_MESSAGES))
        else:
            series = pl.Series(name, values, dtype=dtype)
        columns.append(series)
    return schema.conform(pl.DataFrame(columns))
