"""The table ``source_texts``: a recipe in, the segments of a person's own documents out."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from synth_assets.errors import RecipeError
from synth_assets.identity import content_id, text_hash
from synth_assets.quality.source_rules import source_reason
from synth_assets.recipe import Recipe
from synth_assets.recipe_parts import SourceFile
from synth_assets.schemas import SOURCE_TEXTS
from synth_assets.seed_files.location import locate_sources
from synth_assets.seed_files.prompts import MISSING, clean, dig, name_keys
from synth_assets.seed_files.records import (
    HEAD_BYTES,
    read_records,
    refuse_pointer,
    unit_of,
)
from synth_assets.seed_files.segments import segments_of
from synth_assets.seed_files.tables import ROUND, split_of
from synth_assets.seed_files.utf8 import decode

WHOLE_FILES = (".txt", ".md", ".markdown")
"""One document each; every other file is a list of records, one document in each."""


def read_source_texts(recipe: Recipe) -> pl.DataFrame:
    """Every segment of every document of ``seeds.source_texts``, in their order, kept or dropped.

    A segment's text is a slice of its document as it stands. The segments of a document are one
    family, so that no part of it is in train and another in test. Errors: `RecipeError`.
    """
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for label, line, document, declared in _documents(recipe):
        family_id = content_id("document", document)
        shortest, longest = declared.characters
        for position, segment in enumerate(segments_of(document, shortest, longest)):
            id = content_id("source text", segment.text)
            reason = source_reason(segment.text, shortest, longest)
            if id in seen:
                id = content_id("source text", segment.text, label, line, position)
                reason = reason or "duplicate_text"
            seen.add(id)
            is_whole = Path(label).suffix.lower() in WHOLE_FILES
            rows.append(
                {
                    "source_text_id": id,
                    "round": ROUND,
                    "family_id": family_id,
                    "position": position,
                    "text": segment.text,
                    "text_hash": text_hash(segment.text),
                    "source_file": label,
                    "source_line": document.count("\n", 0, segment.start) + 1 if is_whole else line,
                    "licence": declared.licence,
                    "origin": declared.origin,
                    "split": split_of(family_id, recipe.datasets.test_share),
                    "drop_reason": reason,
                }
            )
    return SOURCE_TEXTS.frame(rows)


def _documents(recipe: Recipe) -> Iterator[tuple[str, int, str, SourceFile]]:
    """(file as the rows name it, line, text, what the recipe declares) of every document."""
    for path, label, declared in locate_sources(recipe):
        if Path(label).suffix.lower() in WHOLE_FILES:
            yield label, 1, clean(_read(path)), declared
            continue
        for line, record in read_records(path, label):
            text = dig(record, declared.field)
            if text is MISSING or type(text) is not str:
                raise RecipeError(
                    f"{path}, {unit_of(label)} {line}: has no text {declared.field!r}"
                    f"{name_keys(record, [declared.field])}; say in the recipe which key it is, as "
                    "in {path: …, field: body}"
                )
            yield label, line, clean(text), declared


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); mend its rights") from error
    refuse_pointer(raw[:HEAD_BYTES], path)
    return decode(raw.removeprefix(codecs.BOM_UTF8), path, 1)
