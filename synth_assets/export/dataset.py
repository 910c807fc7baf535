"""An export of a dataset: frames of ``sft_set``, ``dpo_set`` and ``control_set`` in, a folder for
trainers out.

Each part can be written alone; the card describes whatever parts lie in the folder, so it is
written last. The same frames give the same bytes: no file holds a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.export import huggingface, llamafactory, openai
from synth_assets.export.dataset_card import CardFacts, write_dataset_card
from synth_assets.export.folder import (
    PARTS,
    FileFacts,
    Part,
    PartWriter,
    is_made_of,
    manifest_path,
    noted,
    read_manifest,
)
from synth_assets.export.json_text import to_json_line
from synth_assets.export.label_queue import FILE_NAME as QUEUE_NAME
from synth_assets.export.label_queue import queue_lines
from synth_assets.export.rows import (
    SPLITS,
    check_families,
    control_rows,
    family_sides,
    preference_rows,
    sft_rows,
    unpaired_rows,
)
from synth_assets.recipe import Recipe

CARD_NAME = "README.md"


@dataclass(frozen=True)
class ExportSummary:
    """files: paths inside ``folder``, manifests included; rows: config → split → rows;
    ties_left_out: pairs that prefer neither side, known where the pairs were written."""

    folder: Path
    files: tuple[str, ...]
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    ties_left_out: int = 0


Read = Callable[[], pl.DataFrame]
"""Reads the rows of a set; called only where they are written."""


def write_export(
    folder: Path,
    *,
    recipe: Recipe,
    sft: pl.DataFrame | None,
    dpo: pl.DataFrame | None,
    versions: Mapping[str, str],
    simulated: bool,
    health: pl.DataFrame | None = None,
    dropped: pl.DataFrame | None = None,
) -> ExportSummary:
    """Everything at once. A set that is None is one the recipe does not ask for: the files of an
    earlier export of it go. Errors: `CheckFailed` before anything is written."""
    examples = {} if sft is None else {"sft": sft_rows(sft)}
    pairs, ties = ({}, 0) if dpo is None else _pairs(dpo)
    every = [family_sides(rows) for rows in (*examples.values(), *pairs.values())]
    if every:
        check_families(pl.concat(every), "sft_set with dpo_set")
    _write_part(folder, "sft", examples)
    _write_part(folder, "dpo", pairs, noted={"ties_left_out": ties})
    write_card(
        folder,
        recipe=recipe,
        versions=versions,
        simulated=simulated,
        health=health,
        dropped=dropped,
    )
    return _summary(folder, PARTS, ties)


def write_sft(folder: Path, sft: pl.DataFrame | Read, made_of: str | None = None) -> ExportSummary:
    """The files of ``sft_set``: Parquet, OpenAI, LLaMA-Factory.

    made_of: identity of the rows, and of how they are written. Files that were written from the
    same, and lie there unchanged, are left as they are; None writes them anew. So for each part.
    """
    if not _lies_there(folder, "sft", made_of):
        _write_part(folder, "sft", {"sft": sft_rows(_whole(sft))}, made_of)
    return _summary(folder, ("sft",))


def write_dpo(folder: Path, dpo: pl.DataFrame | Read, made_of: str | None = None) -> ExportSummary:
    """The files of ``dpo_set``: pairs and labelled completions as Parquet, OpenAI, LLaMA-Factory.
    Ties are left out and counted."""
    if _lies_there(folder, "dpo", made_of):
        return _summary(folder, ("dpo",), noted(folder, "dpo").get("ties_left_out", 0))
    configs, ties = _pairs(_whole(dpo))
    _write_part(folder, "dpo", configs, made_of, {"ties_left_out": ties})
    return _summary(folder, ("dpo",), ties)


def write_control(
    folder: Path, control: pl.DataFrame | Read, made_of: str | None = None
) -> ExportSummary:
    """The files of ``control_set``, which hold what ``sft`` holds of another choice: Parquet,
    OpenAI, LLaMA-Factory."""
    if not _lies_there(folder, "control", made_of):
        _write_part(folder, "control", {"sft_control": control_rows(_whole(control))}, made_of)
    return _summary(folder, ("control",))


def write_label_queue(
    folder: Path, queue: pl.DataFrame | Read, made_of: str | None = None
) -> ExportSummary:
    """The pairs that people should look at, JSON lines to fill in. It is no part of the dataset, so
    the card does not tell of it."""
    if not _lies_there(folder, "queue", made_of):
        rows = _whole(queue)
        with PartWriter(folder, "queue", made_of) as part:
            _write_text(part, QUEUE_NAME, queue_lines(rows))
            part.note(QUEUE_NAME, rows=rows.height)
    return _summary(folder, ("queue",))


def _whole(rows: pl.DataFrame | Read) -> pl.DataFrame:
    return rows if isinstance(rows, pl.DataFrame) else rows()


def _lies_there(folder: Path, part: Part, made_of: str | None) -> bool:
    return made_of is not None and is_made_of(folder, part, made_of)


def write_card(
    folder: Path,
    *,
    recipe: Recipe,
    versions: Mapping[str, str],
    simulated: bool,
    health: pl.DataFrame | None = None,
    dropped: pl.DataFrame | None = None,
) -> ExportSummary:
    """README.md and LLaMA-Factory's ``dataset_info.json``, for the parts that lie in ``folder``.

    simulated: the completions are of offline teachers, which the card says plainly.
    health, dropped: small tables shown as they are, such as ``round_health`` and rows by table and
    drop reason.
    """
    listed = {
        name: facts
        for part in PARTS
        if part not in ("card", "queue")
        for name, facts in read_manifest(folder, part).items()
    }
    files = {name: entry for name, entry in listed.items() if (folder / name).is_file()}
    facts = CardFacts(
        recipe=recipe,
        simulated=simulated,
        files=files,
        schemas=_schemas(folder, files),
        meta=_metas(folder, files),
        example=_first_row(folder, files),
        versions=versions,
        health=health,
        dropped=dropped,
    )
    folder.mkdir(parents=True, exist_ok=True)
    info = llamafactory.dataset_info(
        recipe.name, [name for name in files if name.startswith("exports/llamafactory/")]
    )
    with PartWriter(folder, "card") as part:
        if info:
            _write_text(part, llamafactory.INFO_NAME, [f"{to_json_line(info)}\n"])
        _write_text(part, CARD_NAME, [write_dataset_card(facts)])
    return _summary(folder, PARTS)


def _pairs(dpo: pl.DataFrame) -> tuple[dict[str, pl.DataFrame], int]:
    pairs, ties = preference_rows(dpo)
    return {"preference": pairs, "unpaired_preference": unpaired_rows(pairs)}, ties


def _write_part(
    folder: Path,
    part_name: Part,
    configs: Mapping[str, pl.DataFrame],
    made_of: str | None = None,
    noted: Mapping[str, int] | None = None,
) -> None:
    with PartWriter(folder, part_name, made_of, noted or {}) as part:
        for config, rows in configs.items():
            for split in SPLITS:
                of_split = rows.filter(pl.col("split") == split).drop("split")
                if of_split.height:
                    _write_split(part, config, split, of_split)


def _write_split(part: PartWriter, config: str, split: str, rows: pl.DataFrame) -> None:
    name = huggingface.file_name(config, split)
    with part.open(name) as stream:
        arrow_bytes = huggingface.write_parquet(stream, rows)
    part.note(name, rows=rows.height, arrow_bytes=arrow_bytes)
    if config in ("sft", "sft_control"):
        lines, items, kind = openai.sft_lines(rows), llamafactory.sft_items(rows), config
    elif config == "preference":
        lines, items, kind = openai.dpo_lines(rows), llamafactory.ranking_items(rows), "dpo"
    else:
        return
    texts = {
        openai.file_name(kind, split): lines,
        llamafactory.file_name(kind, split): llamafactory.array_lines(items),
    }
    for text_name, text in texts.items():
        _write_text(part, text_name, text)
        part.note(text_name, rows=rows.height)


def _write_text(part: PartWriter, name: str, lines: Iterable[str]) -> None:
    with part.open(name) as stream:
        for line in lines:
            stream.write(line.encode("utf-8"))


def _parquet_files(files: Mapping[str, FileFacts]) -> dict[str, list[str]]:
    found = {config: huggingface.splits_of(files, config) for config in huggingface.CONFIGS}
    return {config: list(splits.values()) for config, splits in found.items() if splits}


def _schemas(folder: Path, files: Mapping[str, FileFacts]) -> dict[str, pa.Schema]:
    return {
        config: pq.read_schema(folder / names[0]) for config, names in _parquet_files(files).items()
    }


def _metas(folder: Path, files: Mapping[str, FileFacts]) -> dict[str, pl.DataFrame]:
    return {
        config: pl.concat(
            pl.read_parquet(folder / name, columns=["meta"]).unnest("meta") for name in names
        )
        for config, names in _parquet_files(files).items()
    }


def _first_row(folder: Path, files: Mapping[str, FileFacts]) -> dict[str, Any] | None:
    for names in _parquet_files(files).values():
        return pl.read_parquet(folder / names[0], n_rows=1).row(0, named=True)
    return None


def _summary(folder: Path, parts: Iterable[Part], ties_left_out: int = 0) -> ExportSummary:
    manifests: dict[Part, dict[str, FileFacts]] = {
        part: read_manifest(folder, part) for part in parts
    }
    files = {name: facts for listed in manifests.values() for name, facts in listed.items()}
    written = [
        manifest_path(folder, part).relative_to(folder).as_posix()
        for part, listed in manifests.items()
        if listed
    ]
    rows = {
        config: {split: files[name]["rows"] for split, name in splits.items()}
        for config in huggingface.CONFIGS
        if (splits := huggingface.splits_of(files, config))
    }
    return ExportSummary(folder, tuple(sorted([*files, *written])), rows, ties_left_out)
