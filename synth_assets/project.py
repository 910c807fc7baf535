"""The project's folders: where recipes and SQL models are found."""

from __future__ import annotations

import os
from pathlib import Path

from synth_assets.errors import RecipeError
from synth_assets.recipe_errors import did_you_mean
from synth_assets.yaml_file import read_yaml

SUFFIXES = (".yaml", ".yml")


def project_folder() -> Path:
    """``SYNTH_PROJECT``, else the working folder where it holds ``recipes/``, else the checkout
    that the package was installed from."""
    named = os.environ.get("SYNTH_PROJECT")
    if named:
        return Path(named).absolute()
    here = Path.cwd()
    return here if (here / "recipes").is_dir() else Path(__file__).resolve().parent.parent


def sql_folder() -> Path:
    """The SQL models: the project's own, else those of the checkout."""
    own = project_folder() / "dbt_like_sql"
    return own if own.is_dir() else Path(__file__).resolve().parent.parent / "dbt_like_sql"


def recipe_paths() -> list[Path]:
    """Every recipe of the project, by name."""
    folder = project_folder() / "recipes"
    return sorted(path for path in folder.glob("*.y*ml") if path.suffix in SUFFIXES)


def find_recipe(name_or_path: str) -> Path:
    """A recipe by its file, by its name under ``recipes/``, or by the ``name:`` it declares."""
    path = Path(name_or_path)
    if path.suffix in SUFFIXES or path.is_file():
        return path
    known = {path.stem: path for path in recipe_paths()}
    declared = {_declared_name(path): path for path in known.values()}
    if found := known.get(name_or_path) or declared.get(name_or_path):
        return found
    raise RecipeError(
        f"there is no recipe {name_or_path!r} in {project_folder() / 'recipes'}"
        f"{did_you_mean(name_or_path, known) or ';'} Known: {', '.join(known) or 'none'}"
    )


def name_to_type(path: Path) -> str:
    """What a person types for a recipe's file: its short name where that finds it."""
    return path.stem if path in recipe_paths() else str(path)


def _declared_name(path: Path) -> str | None:
    """What a file says its recipe is called; None where it cannot be read."""
    try:
        data = read_yaml(path).data
    except (RecipeError, OSError):
        return None
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None
