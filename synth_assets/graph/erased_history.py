"""Erased texts in, Dagster's history of this home without them out: samples of rows, the rows that
failed checks, messages, and what runs printed.

Dagster has no way to take words out of its history, so its SQLite files are read and written here:
events are JSON, and a value that held such words says `erased` afterwards. Where the history is in
a server's database it is that server's keeper's to clean.
"""

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from typing import Any

import polars as pl

from synth_assets.store.erasure import clean_pages
from synth_assets.store.home import Home

ERASED = "erased"
SHOWS_ROWS = frozenset({"sample", "first_offending"})
"""Metadata that hold words of rows."""

PREFIX = 24
"""Characters of a text by which a shortened one is known; metadata show first words only."""


def erase_from_history(home: Home, words: Collection[str]) -> None:
    """Takes ``words`` out of every event of every run. Runs stay listed, with their times."""
    parts = sorted(_parts(words))
    for file in sorted(home.dagster.rglob("*.db")):
        with closing(sqlite3.connect(file, timeout=30)) as database:
            _clean_tables(database, parts)
            database.commit()
            clean_pages(database)
    for file in sorted((home.dagster / "compute_logs").rglob("*")):
        if file.is_file() and _holds(file.read_text(errors="replace"), parts):
            file.write_text(f"{ERASED}\n")


def _parts(words: Collection[str]) -> set[str]:
    """Texts by which an event is known that shows one: its beginning, on one line, as it stands
    and as Markdown and JSON write it."""
    parts: set[str] = set()
    for text in words:
        line = " ".join(text.split())[:PREFIX]
        marked = "".join(f"\\{c}" if c in "\\`*_{}[]()#+!|<>~" else c for c in line)
        for form in (line, marked):
            parts |= {form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
    return {part for part in parts if part}


def _clean_tables(database: sqlite3.Connection, parts: list[str]) -> None:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        columns = [
            name
            for _, name, kind, *_ in database.execute(f'PRAGMA table_info("{table}")')
            if kind.upper().startswith(("TEXT", "VARCHAR", "CLOB"))
        ]
        for column in columns:
            _clean_column(database, table, column, parts)


def _clean_column(database: sqlite3.Connection, table: str, column: str, parts: list[str]) -> None:
    found = database.execute(
        f'SELECT rowid, "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\''
    ).fetchall()
    if not found:
        return
    texts = pl.DataFrame(found, schema={"row": pl.Int64, "text": pl.String}, orient="row")
    labels = [json.dumps(label) for label in sorted(SHOWS_ROWS)]
    held = texts.filter(pl.col("text").str.contains_any([*parts, *labels]))
    for row, text in held.iter_rows():
        cleaned = _cleaned_text(text, parts)
        if cleaned != text:
            database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', [cleaned, row])


def _cleaned_text(text: str, parts: list[str]) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return ERASED if _holds(text, parts) else text
    return json.dumps(_cleaned(value, parts))


def _cleaned(value: Any, parts: list[str]) -> Any:
    match value:
        case str():
            return ERASED if _holds(value, parts) else value
        case list():
            return [_cleaned(item, parts) for item in value]
        case dict():
            if value.get("label") in SHOWS_ROWS and isinstance(value.get("entry_data"), dict):
                shown = {**value["entry_data"], "md_str": ERASED}
                return {**value, "entry_data": shown}
            return {key: _cleaned(inner, parts) for key, inner in value.items()}
        case _:
            return value


def _holds(text: str, parts: list[str]) -> bool:
    return any(part in text for part in parts)
