"""SQL projects for tests: the one that ships, and small ones written into a folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

from synth_assets.sql.project import SqlProject

PROJECT = Path(__file__).parents[2] / "dbt_like_sql"
VARIABLES: dict[str, Any] = {
    "sft_per_prompt": 1,
    "sft_verified_only": False,
    "sft_min_rating": None,
    "sft_keep_human": False,
    "dpo_pairs": "rated",
    "dpo_binarisation": "best_vs_random_lower",
    "dpo_min_margin": 0.5,
    "dpo_per_prompt": 1,
    "human_preferences": False,
    "human_margin_below": 0.5,
    "limits_self_training": 0.9,
}


@cache
def dbt_like_sql() -> SqlProject:
    return SqlProject.load(PROJECT)


def copy_project(folder: Path, *unit_tests: str) -> Path:
    """The project that ships, with these files of unit tests alone; the others take seconds."""
    copy = copytree(PROJECT, folder / PROJECT.name, ignore=ignore_patterns("unit_tests"))
    (copy / "unit_tests").mkdir()
    for name in unit_tests:
        (copy / "unit_tests" / name).write_text((PROJECT / "unit_tests" / name).read_text())
    return copy


def write_project(folder: Path, files: dict[str, str], sources: str = "[completions]") -> Path:
    """A project of these files (path in the folder → text)."""
    for name, text in {"sources.yml": f"sources: {sources}\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def make_project(folder: Path, files: dict[str, str], sources: str = "[completions]") -> SqlProject:
    return SqlProject.load(write_project(folder, files, sources))
