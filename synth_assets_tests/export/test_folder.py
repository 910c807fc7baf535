from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from synth_assets.errors import RecipeError
from synth_assets.export.folder import PartWriter, read_manifest
from synth_assets_tests.export.builders import read_tree


def write(folder: Path, **files: bytes) -> None:
    with PartWriter(folder, "sft") as part:
        for name, content in files.items():
            with part.open(f"data/{name}") as stream:
                stream.write(content)


def test_files_lie_in_place_and_in_the_manifest(tmp_path: Path) -> None:
    write(tmp_path, a=b"one")
    assert (tmp_path / "data/a").read_bytes() == b"one"
    sha256 = hashlib.sha256(b"one").hexdigest()
    assert read_manifest(tmp_path, "sft") == {"data/a": {"bytes": 3, "sha256": sha256}}
    assert set(read_tree(tmp_path)) == {"data/a", "exports/manifest_sft.json"}


def test_a_failure_while_writing_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, a=b"one")
    before = read_tree(tmp_path)
    with pytest.raises(ZeroDivisionError), PartWriter(tmp_path, "sft") as part:
        with part.open("data/a") as stream:
            stream.write(b"half")
        with part.open("data/new/b") as stream:
            stream.write(b"half")
            raise ZeroDivisionError
    assert read_tree(tmp_path) == before
    assert not (tmp_path / "data/new").exists()


def test_a_file_no_longer_written_goes_with_its_folder(tmp_path: Path) -> None:
    with PartWriter(tmp_path, "sft") as part, part.open("old/a") as stream:
        stream.write(b"one")
    write(tmp_path, b=b"two")
    assert set(read_tree(tmp_path)) == {"data/b", "exports/manifest_sft.json"}
    assert not (tmp_path / "old").exists()


def test_a_part_without_files_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path, a=b"one")
    write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_person_s_file_is_never_removed(tmp_path: Path) -> None:
    write(tmp_path, a=b"one")
    (tmp_path / "data/notes.txt").write_text("mine")
    write(tmp_path)
    assert read_tree(tmp_path) == {"data/notes.txt": b"mine"}


def test_a_person_s_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a").write_text("mine")
    with pytest.raises(RecipeError, match="data/a: exists and is of no earlier export"):
        write(tmp_path, a=b"one")
    assert read_tree(tmp_path) == {"data/a": b"mine"}


def test_parts_do_not_touch_each_other(tmp_path: Path) -> None:
    write(tmp_path, a=b"one")
    with PartWriter(tmp_path, "dpo") as part, part.open("data/b") as stream:
        stream.write(b"two")
    write(tmp_path)
    assert set(read_tree(tmp_path)) == {"data/b", "exports/manifest_dpo.json"}


def test_after_a_crash_between_the_files_every_one_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def crash_at_b(self: Path, target: Path) -> Path:
        if Path(target).name == "b":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", crash_at_b)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, a=b"one", b=b"two")
    monkeypatch.undo()
    assert (tmp_path / "data/a").read_bytes() == b"one"
    write(tmp_path, c=b"three")
    assert set(read_tree(tmp_path)) == {"data/c", "exports/manifest_sft.json"}


def test_a_manifest_does_not_reach_beyond_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    (folder / "exports").mkdir(parents=True)
    outside = tmp_path / "precious"
    outside.write_text("mine")
    files = {"../precious": {}, str(outside): {}}
    (folder / "exports/manifest_sft.json").write_text(json.dumps({"files": files}))
    write(folder)
    assert outside.read_text() == "mine"


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/manifest_sft.json").write_text("{")
    with pytest.raises(RecipeError, match=r"manifest_sft\.json: is no manifest"):
        write(tmp_path, a=b"one")
