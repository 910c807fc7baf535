"""A YAML file of principles in, the constitution that critiques, revisions, choices go by out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from synth_assets.errors import RecipeError
from synth_assets.recipe_parts import Part
from synth_assets.templates import Template, template_folder
from synth_assets.yaml_file import read_yaml

OWN = "constitutional/principles.yaml"
"""The package's own constitution, in the folder of templates."""


class Principle(Part):
    """One principle. critique: what to look for; revision: what to do about it; choice: which of
    two completions to prefer."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    critique: str = Field(min_length=1)
    revision: str = Field(min_length=1)
    choice: str = Field(min_length=1)


class _File(Part):
    principles: tuple[Principle, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Constitution:
    """principles: in the order of their names, so that the order in the file decides no draw."""

    principles: tuple[Principle, ...]
    source: str

    def as_template(self) -> Template:
        """For fingerprints: the text of the file, under the name of a template without slots."""
        return Template("constitution", self.source, frozenset())


def load_constitution(path: Path | None = None) -> Constitution:
    """The constitution of a file, or the package's own. Errors: `RecipeError` that names file,
    line and field."""
    path = template_folder() / OWN if path is None else path
    try:
        file = read_yaml(path)
        source = path.read_text("utf-8")
    except OSError as error:
        raise RecipeError(
            f"{path}: the constitution cannot be read ({error.strerror}); name a YAML file with "
            "principles"
        ) from error
    try:
        principles = _File.model_validate(file.data).principles
    except ValidationError as error:
        first = error.errors()[0]
        place: Any = first["loc"]
        field = ".".join(map(str, place)) or "the file"
        raise RecipeError(
            f"{path}, line {file.line(place) or 1}: {field}: {first['msg']}; a constitution is "
            "principles: a list with name, critique, revision and choice"
        ) from error
    names = [principle.name for principle in principles]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecipeError(f"{path}: two principles are called {twice!r}; name each once")
    return Constitution(tuple(sorted(principles, key=lambda each: each.name)), source)
