"""What stays of a lake after a text was erased from it."""

from __future__ import annotations

from pathlib import Path

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
