"""Where seed prompts lie: the paths and patterns of a recipe in, existing files out, in order.

A file has two names: ``path`` opens it, ``label`` stands in the rows. A label never holds a path
of this machine, or the same data would give other rows on another one.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from synth_assets.errors import RecipeError
from synth_assets.recipe import Recipe, SeedFile
from synth_assets.recipe_parts import SourceFile

Section = Literal["prompts", "evaluation"]

MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class LocatedFile:
    """One file, and the entry of the recipe that named it."""

    path: Path
    label: str
    declared: SeedFile
    field: str


def locate(recipe: Recipe, section: Section) -> list[LocatedFile]:
    """The files of ``seeds.<section>``: entries in the recipe's order, each one's files sorted."""
    entries: tuple[SeedFile, ...] = getattr(recipe.seeds, section)
    found: list[LocatedFile] = []
    for index, declared in enumerate(entries):
        field = f"seeds.{section}[{index}]"
        found.extend(
            LocatedFile(path, label, declared, field)
            for path, label in _files_at(recipe, declared.path, field)
        )
    return found


def locate_sources(recipe: Recipe) -> list[tuple[Path, str, SourceFile]]:
    """(path, label, declared) of every file of ``seeds.source_texts``, in the recipe's order."""
    return [
        (path, label, declared)
        for index, declared in enumerate(recipe.seeds.source_texts)
        for path, label in _files_at(recipe, declared.path, f"seeds.source_texts[{index}]")
    ]


def files_of(recipe: Recipe) -> list[Path]:
    """Every file of seed prompts, evaluation prompts and source texts, once, in that order."""
    sections: tuple[Section, ...] = ("prompts", "evaluation")
    prompts = (file.path for section in sections for file in locate(recipe, section))
    sources = (path for path, _, _ in locate_sources(recipe))
    return list(dict.fromkeys([*prompts, *sources]))


def _files_at(recipe: Recipe, path: str, field: str) -> list[tuple[Path, str]]:
    """(path, label) of every file that a path or pattern of the recipe names."""
    try:
        return _expand(recipe, path)
    except RecipeError as error:
        raise RecipeError(f"{recipe.path}: {field}.path = {path!r}: {error}") from error


def _expand(recipe: Recipe, path: str) -> list[tuple[Path, str]]:
    written = PurePosixPath(path)
    literal = recipe.resolve(path)
    if literal.is_file() or not MAGIC.search(path):
        _refuse_what_is_no_file(literal)
        return [(literal, _label(recipe, written, literal))]
    # Only the recipe's own text is a pattern: a bracket in an environment variable's value is not.
    first = next(index for index, part in enumerate(written.parts) if MAGIC.search(part))
    base = PurePosixPath(*written.parts[:first])
    folder = recipe.resolve(str(base))
    matches = _matches(folder, "/".join(written.parts[first:]))
    if not matches:
        raise RecipeError(f"no file in {folder} matches; mend the pattern or add the files")
    for _, match in matches:
        _refuse_what_is_no_file(match)
    return [(match, _label(recipe, base / name, match)) for name, match in matches]


def _matches(folder: Path, pattern: str) -> list[tuple[str, Path]]:
    """(path inside the folder, path) of every file or link; hidden files only where asked for."""
    try:
        found = list(folder.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise RecipeError(f"is no pattern ({error}); write one such as seeds/*.jsonl") from error
    names = {path.relative_to(folder).as_posix(): path for path in found if not path.is_dir()}
    hidden_wanted = any(part.startswith(".") for part in pattern.split("/"))
    return sorted(
        (name, path)
        for name, path in names.items()
        if hidden_wanted or not any(part.startswith(".") for part in name.split("/"))
    )


def _label(recipe: Recipe, written: PurePosixPath, path: Path) -> str:
    """The name that the rows carry: as written, but never from the machine's root."""
    if not written.is_absolute() and not str(written).startswith("~"):
        return str(written)
    if path.is_relative_to(recipe.directory):
        return path.relative_to(recipe.directory).as_posix()
    return path.name


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_file():
        return
    if path.is_dir():
        raise RecipeError(f"{path} is a folder; name its files, such as {path.name}/*.jsonl")
    target = str(path.readlink()) if path.is_symlink() else str(path)
    if "annex/objects" in target:
        raise RecipeError(f"{path} is a git-annex link whose data is not here; run git annex get")
    if path.is_symlink():
        raise RecipeError(f"{path} links to {target}, which does not exist; mend the link")
    names = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, sorted(names), n=1)
    raise RecipeError(
        f"there is no file {path}"
        + (f"; did you mean {near[0]}?" if near else "; paths are relative to the recipe's folder")
    )
