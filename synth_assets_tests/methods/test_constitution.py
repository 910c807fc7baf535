from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import RecipeError
from synth_assets.methods.constitution import load_constitution

ONE = "  - {name: kind, critique: Is it rude, revision: Say it kindly., choice: The kinder one.}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "constitution.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_packages_own_has_at_least_sixteen_principles_of_different_names():
    constitution = load_constitution()
    names = [principle.name for principle in constitution.principles]
    assert len(names) == len(set(names)) >= 16
    assert names == sorted(names)


def test_a_file_of_ones_own_is_read(tmp_path: Path):
    constitution = load_constitution(written(tmp_path, f"principles:\n{ONE}"))
    (kind,) = constitution.principles
    assert (kind.name, kind.revision) == ("kind", "Say it kindly.")
    assert constitution.as_template().hash != load_constitution().as_template().hash


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "constitution.yaml, line 1"),
        ("principles: []", "principles"),
        ("principles:\n  - {name: kind, critique: a, revision: b}\n", "line 2: .*choice"),
        (f"principles:\n{ONE}{ONE}", "two principles are called 'kind'"),
        (f"principles:\n{ONE}rules: []\n", "rules"),
        ("principles:\n" + ONE.replace("kind,", "Be kind,"), "line 2: .*name"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, words: str):
    with pytest.raises(RecipeError, match=words):
        load_constitution(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"none\.yaml.*cannot be read"):
        load_constitution(tmp_path / "none.yaml")
