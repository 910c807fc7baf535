"""Builders for tests of the lake: a small table of notes, committed as a stage would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from synth_assets.schemas import MESSAGES, ROUND, Column, TableSchema
from synth_assets.store.commits import Commit, CommitLog, Provenance, StagedCommit
from synth_assets.store.content_hash import content_hash_sql
from synth_assets.store.lake import Lake
from synth_assets.store.staging import StagedTable, stage_frame

NOTES = TableSchema(
    "notes",
    "note_id",
    "Notes, for tests.",
    (
        Column("note_id", pl.String, "Id"),
        ROUND,
        Column("text", pl.String, "What it says"),
        Column("messages", MESSAGES, "Turns"),
        Column("score", pl.Float64, "A number"),
    ),
)


def make_notes(texts: Mapping[str, str | None], *, round: int = 1) -> pl.DataFrame:
    """One note for each id → text."""
    return NOTES.frame(
        [
            {
                "note_id": note_id,
                "round": round,
                "text": text,
                "messages": [{"role": "user", "content": text}],
                "score": 0.5,
            }
            for note_id, text in texts.items()
        ]
    )


def stage_notes(lake: Lake, recipe: str, notes: pl.DataFrame, *, round: int = 1) -> StagedTable:
    return stage_frame(lake, recipe, NOTES, notes, {"round": round})


def commit_notes(
    lake: Lake,
    recipe: str,
    texts: Mapping[str, str | None],
    *,
    round: int = 1,
    fingerprint: str = "made so",
    inputs: Mapping[str, str] | None = None,
    run_id: str = "run",
) -> Commit:
    """Commits exactly these notes as the round's."""
    staged = stage_notes(lake, recipe, make_notes(texts, round=round), round=round)
    return commit_staged(
        lake, recipe, staged, round=round, fingerprint=fingerprint, inputs=inputs, run_id=run_id
    )


def commit_staged(
    lake: Lake,
    recipe: str,
    staged: StagedTable,
    *,
    round: int = 0,
    fingerprint: str = "made so",
    inputs: Mapping[str, str] | None = None,
    run_id: str = "run",
    companions: Sequence[StagedTable] = (),
) -> Commit:
    provenance = Provenance(fingerprint, {"code": fingerprint}, inputs or {})
    try:
        return CommitLog(lake, recipe).commit(
            StagedCommit(staged, provenance, round, companions=companions), run_id=run_id
        )
    finally:
        for table in (staged, *companions):
            table.drop()


def texts_in(lake: Lake, recipe: str) -> dict[str, str | None]:
    """note_id → text, as the lake holds them."""
    return dict(lake.read(recipe, NOTES).select("note_id", "text").iter_rows())


def changes_since(lake: Lake, recipe: str, version: int, table: str = "notes") -> list[Any]:
    """(kind of change, note_id) of every row that commits after ``version`` wrote."""
    return lake.execute(
        "SELECT change_type, note_id FROM ducklake_table_changes('lake', ?, ?, ?, ?) ORDER BY ALL",
        [recipe, table, version + 1, lake.version()],
    )


def recorded_and_found(lake: Lake, recipe: str) -> tuple[str, str]:
    """Content hash of the table of notes by its newest commit record, and by its rows, both of
    one version of the lake."""
    return lake.execute(
        f"SELECT recorded.table_hash, found.content_hash "
        f"FROM (SELECT table_hash FROM {Lake.relation(recipe, 'commits')} "
        f"ORDER BY number DESC LIMIT 1) AS recorded, "
        f"({content_hash_sql(Lake.relation(recipe, 'notes'))}) AS found"
    )[0]  # type: ignore[return-value]
