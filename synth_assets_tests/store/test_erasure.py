"""What stays of a lake after a text was erased from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from synth_assets.history.vacuum import vacuum
from synth_assets.store.erasure import clean_catalog, delete_rows, first_version_of, forget_versions
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets_tests.store.notebook import commit_notes

SECRET = "Aaron Quillfeather mended the harbour clock in 1931."


def test_rows_that_stay_are_found_by_their_words_after_others_are_added(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    with Lake(home) as lake:
        commit_notes(lake, "book", {"a": SECRET, "b": "Barley", "c": None, "g": "Ginger"})
        since = first_version_of(lake, "book", "notes", "note_id", ["a"])
        delete_rows(lake, "book", "notes", "note_id", ["a"])
        forget_versions(lake, since)
    clean_catalog(home)
    assert SECRET.encode() not in (tmp_path / "lake.sqlite").read_bytes()
    with Lake(home) as lake:
        commit_notes(lake, "book", {"t": "Thyme"}, round=2)
        notes = Lake.relation("book", "notes")
        for word in ("Barley", "Ginger", "Thyme"):
            found = lake.execute(f"SELECT text FROM {notes} WHERE text = ?", [word])
            assert found == [(word,)]
        said = lake.execute(f"SELECT min(text), max(text), min(note_id), max(note_id) FROM {notes}")
        assert said == [("Barley", "Thyme", "b", "t")]


def test_a_vacuum_mends_the_bounds_that_an_earlier_erasing_left(tmp_path: Path) -> None:
    home, notes = Home.at(tmp_path), Lake.relation("book", "notes")
    ginger = f"SELECT text FROM {notes} WHERE text = 'Ginger'"
    with Lake(home) as lake:
        commit_notes(lake, "book", {"b": "Barley", "g": "Ginger"})
        lake.execute("CREATE TABLE lake.book.erasures (retraction_id VARCHAR)")
    with closing(sqlite3.connect(tmp_path / "lake.sqlite")) as catalog:
        bounds = "ducklake_table_column_stats SET min_value = NULL, max_value = NULL"
        catalog.execute(f"UPDATE {bounds}")
        catalog.commit()
    with Lake(home) as lake:
        commit_notes(lake, "book", {"t": "Thyme"}, round=2)
        assert lake.execute(ginger) == []
        vacuum(lake, older_than=timedelta(days=1))
    with Lake(home) as lake:
        assert lake.execute(ginger) == [("Ginger",)]
