"""A YAML file of a person's in, its plain data and the line of every field out.

Stricter than PyYAML alone: a key that stands twice (PyYAML takes the last in silence), a key that
is no text, and aliases that blow a small file up are errors that name the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from synth_assets.errors import RecipeError

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 20_000
"""Values once every alias is spelt out: nine aliases of nine aliases … make a billion of a
kilobyte, and no dataset needs so many to be declared."""

Field = tuple[str | int, ...]
"""Where a value stands: ``("seeds", "prompts", 0, "path")``."""

MERGE = "tag:yaml.org,2002:merge"
TEXT = "tag:yaml.org,2002:str"

REMEDIES = {
    "cannot start any token": "indent with spaces, and put a text that begins with a sign in "
    "quotes",
    "mapping values are not allowed here": "put a text that holds ': ' in quotes",
    "expected a single document": "leave out the second '---'",
    "could not determine a constructor": "tags such as !!python are not read; write plain values",
}
"""What to do about a problem, by words of PyYAML's message."""


@dataclass(frozen=True)
class YamlFile:
    """data: mappings, lists and scalars; None where the file is empty."""

    path: Path
    data: Any
    lines: Mapping[Field, int]

    def line(self, place: Field) -> int | None:
        """The line of a field, or of the nearest field around it that the file holds."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


def read_yaml(path: Path) -> YamlFile:
    """Reads one file. Errors: `RecipeError` that names file, line, problem and remedy; an
    `OSError` of opening it is the caller's."""
    text = _decode(path)
    loader = yaml.SafeLoader("")
    try:
        _refuse_depth(path, text)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        survey = _Survey(path)
        if node is not None:
            survey.visit(node, ())
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _refusal(path, error, text) from error
    except (ValueError, OverflowError) as error:  # a date or number that YAML cannot make
        raise RecipeError(f"{path}: {error}; put the value in quotes") from error
    finally:
        loader.dispose()
    return YamlFile(path, data, survey.lines)


def _decode(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise RecipeError(
            f"{path}: is larger than {MAX_BYTES:,} bytes; name the data by its path instead"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecipeError(f"{path}, line {line}: is not UTF-8; save the file as UTF-8") from error


def _refuse_depth(path: Path, text: str) -> None:
    """Nesting is counted on events, before anything that calls itself for each level."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise RecipeError(
                f"{path}, line {event.start_mark.line + 1}: is nested deeper than {MAX_DEPTH} "
                "levels; no field lies so deep"
            )


@dataclass
class _Survey:
    """Walks a document with its aliases spelt out, and notes where each field stands."""

    path: Path
    lines: dict[Field, int] = field(default_factory=dict)
    values: int = 0
    _open: set[int] = field(default_factory=set)

    def visit(self, node: yaml.Node, place: Field) -> None:
        self.lines.setdefault(place, _line(node))
        self.values += 1
        if self.values > MAX_VALUES:
            self._refuse(node, f"holds more than {MAX_VALUES:,} values with its aliases spelt out")
        if id(node) in self._open:
            self._refuse(node, "an alias stands inside what it names; write the value out")
        self._open.add(id(node))
        for inner, where in self._inside(node, place):
            self.visit(inner, where)
        self._open.discard(id(node))

    def _inside(self, node: yaml.Node, place: Field) -> Iterator[tuple[yaml.Node, Field]]:
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                yield item, (*place, index)
        elif isinstance(node, yaml.MappingNode):
            yield from self._entries(node, place)

    def _entries(self, node: yaml.MappingNode, place: Field) -> Iterator[tuple[yaml.Node, Field]]:
        first: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == MERGE:
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    yield merged, place
                continue
            if key.tag != TEXT or not isinstance(key, yaml.ScalarNode):
                shown = f"{key.value!r} " if isinstance(key, yaml.ScalarNode) else ""
                self._refuse(key, f"the key {shown}is no text; put it in quotes")
            if key.value in first:
                self._refuse(
                    key,
                    f"the key {key.value!r} stands twice, first in line {first[key.value]}; "
                    "keep one of them",
                )
            first[key.value] = _line(key)
            self.lines.setdefault((*place, key.value), _line(key))
            yield value, (*place, key.value)

    def _refuse(self, node: yaml.Node, problem: str) -> None:
        raise RecipeError(f"{self.path}, line {_line(node)}: {problem}")


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _refusal(path: Path, error: yaml.YAMLError, text: str) -> RecipeError:
    """PyYAML's finding as file, line, problem and remedy; never the text of the line, which may
    hold a key that someone pasted."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, int(error.position)) + 1
        return RecipeError(
            f"{path}, line {line}: holds a control character (U+{int(error.character):04X}); "
            "delete it"
        )
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}" if mark else ""
    problem = str(getattr(error, "problem", None) or "is not YAML")
    context = str(getattr(error, "context", None) or "")
    said = f"{context} {problem}"
    remedy = next(
        (remedy for words, remedy in REMEDIES.items() if words in said),
        "a recipe is a YAML mapping of keys to values",
    )
    return RecipeError(f"{path}{where}: {problem}; {remedy}")
