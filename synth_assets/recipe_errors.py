"""What pydantic found in a recipe in, lines of file, line, field, value and remedy out.

The reader writes YAML, so a tuple is a list here and a model is a mapping. A value that may be a
key someone pasted is never repeated.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from synth_assets.yaml_file import Field, YamlFile

SHOWN_CHARACTERS = 80
SHOWN_NUMBERS = 10
SHOWN_PATHS = 3
DEEPER = 3
"""Steps further in at which a key that stands in the wrong place is looked for."""

LOOKS_SECRET = re.compile(
    r"\b(sk|pk|rk|gsk|hf|xai|key|ghp|gho|AIza|AKIA|Bearer)[-_ ]?[A-Za-z0-9_-]{12,}"
    r"|(?<![A-Za-z0-9])(?=[A-Za-z]*\d)[A-Za-z0-9]{28,}"
)
"""Forms of providers' keys, and any long run of letters with digits."""

USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")

MESSAGES = {
    "tuple_type": "write a list, such as [a, b]",
    "list_type": "write a list, such as [a, b]",
    "dict_type": "write a mapping of keys to values",
    "model_type": "write a mapping of keys to values",
    "model_attributes_type": "write a mapping of keys to values",
    "string_type": "is no text; put it in quotes",
    "int_type": "is no whole number",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "float_type": "is no number",
    "float_parsing": "is no number",
    "finite_number": "is no finite number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "too_short": "holds {actual_length}, and needs {min_length} or more",
    "too_long": "holds {actual_length}, and may hold {max_length} at most",
}
"""Pydantic's kinds of findings in the words of someone who writes YAML."""


def explain(file: YamlFile, error: ValidationError, root: type[BaseModel]) -> str:
    """All findings, a line each, in the order of the file."""
    found = error.errors(include_url=False)
    findings = [finding for finding in found if not _is_an_echo(finding, found)]
    findings.sort(key=lambda finding: file.line(_place(finding)) or 0)
    return "\n".join(
        located(file, _place(finding), _problem(finding, root)) for finding in findings
    )


def located(file: YamlFile, place: Field, problem: str) -> str:
    """``file, line: field problem``; ``problem`` begins with ``=`` where it shows the value."""
    line = file.line(place)
    where = f"{file.path}, line {line}" if line else str(file.path)
    equals = problem.startswith("= ")
    return f"{where}: {field_path(place)}{' ' if equals else ': '}{problem}"


def field_path(place: Field) -> str:
    """``seeds.prompts[0].path``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)[1:]


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The nearest known word as the end of a message, or nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def keys_at(root: type[BaseModel], place: Iterable[str | int]) -> list[str]:
    """The keys that a recipe may have at ``place``; empty where any is allowed."""
    annotation: Any = root
    for step in place:
        annotation = next(_steps(annotation, step), None)
    return sorted({key for part in _alternatives(annotation) for key in _keys(part)})


def _elsewhere(root: type[BaseModel], place: Field) -> str:
    """A key that is none here, and is one further in: its whole path as the end of a message.

    Keys of a person's own choosing (names of models) are passed over.
    """
    wanted, found = str(place[-1]), list[Field]()
    waiting = [(place[:-1], DEEPER)]
    while waiting:
        here, left = waiting.pop(0)
        for key in keys_at(root, here) if left else ():
            if key == wanted:
                found.append((*here, key))
            waiting.append(((*here, key), left - 1))
    paths = [repr(field_path(path)) for path in found[:SHOWN_PATHS]]
    return f"; did you mean {' or '.join(paths)}?" if paths else ""


def _place(finding: ErrorDetails) -> Field:
    return tuple(step for step in finding["loc"] if step != "[key]")


def _is_an_echo(finding: ErrorDetails, found: Iterable[ErrorDetails]) -> bool:
    """Pydantic counts entries that are wrong as not there: a list too short by those alone."""
    place = finding["loc"]
    return finding["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in found
    )


def _problem(finding: ErrorDetails, root: type[BaseModel]) -> str:
    kind, place, value = finding["type"], _place(finding), finding["input"]
    if kind == "extra_forbidden" or (kind == "literal_error" and "[key]" in finding["loc"]):
        known = keys_at(root, place[:-1])
        near = _elsewhere(root, place) or did_you_mean(str(place[-1]), known)
        return f"unknown key{near or ';'} Known here: {', '.join(known)}"
    if kind == "missing":
        return "is required and missing"
    if value is None:
        return "is empty; leave the key out or give it a value"
    context = finding.get("ctx", {})
    message = finding["msg"].removeprefix("Value error, ")
    if kind in MESSAGES:
        message = MESSAGES[kind].format(**context)
    elif kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        message = f"write one of {', '.join(allowed)}{did_you_mean(str(value), allowed)}"
    shown = "" if "api_key" in place else _shown(value)
    return f"= {shown}: {message}" if shown else message


def _shown(value: Any) -> str:
    """A scalar or a list of numbers as it may be repeated; of what else may hold a key, nothing."""
    if isinstance(value, list) and value and all(isinstance(each, int | float) for each in value):
        return str(value[:SHOWN_NUMBERS])
    if isinstance(value, list | tuple | dict | set | bytes):
        return ""
    text = USERINFO.sub("***", str(value))
    if LOOKS_SECRET.search(text):
        return "'***'"
    if not isinstance(value, str):
        return text[:SHOWN_CHARACTERS]
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…")


def _alternatives(annotation: Any) -> list[Any]:
    """``X | None`` and ``Annotated[X, …]`` as the types they are made of."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [part for each in get_args(annotation) for part in _alternatives(each)]
    return [annotation]


def _steps(annotation: Any, step: str | int) -> Iterator[Any]:
    """What may stand under one step into ``annotation``."""
    for part in _alternatives(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            if step in part.model_fields:
                yield part.model_fields[str(step)].annotation
        elif get_origin(part) is dict and isinstance(step, str):
            yield get_args(part)[1]
        elif get_origin(part) is tuple and isinstance(step, int):
            yield get_args(part)[0]


def _keys(part: Any) -> list[str]:
    if isinstance(part, type) and issubclass(part, BaseModel):
        return list(part.model_fields)
    if get_origin(part) is dict:
        key = get_args(part)[0]
        return [str(name) for name in get_args(key)] if get_origin(key) is Literal else []
    return []
