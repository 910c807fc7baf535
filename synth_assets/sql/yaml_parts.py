"""A YAML file in, a mapping or a validated part of it out; errors name file and field."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from synth_assets.errors import SqlModelError
from synth_assets.sql.nearest import nearest
from synth_assets.sql.unsupported import explain

LIBYAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str) -> Any:
    """What ``text`` says, read by libyaml in a tenth of PyYAML's time, where its wheel has it.
    Errors: `yaml.YAMLError`, PyYAML's own, which names the line better."""
    try:
        return yaml.load(text, Loader=LIBYAML)
    except yaml.YAMLError:
        return yaml.safe_load(text)


class Declared(BaseModel):
    """A part of a file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=Declared)


def read_yaml_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a file; empty for an empty file. Errors: `SqlModelError`."""
    try:
        raw = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SqlModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise SqlModelError(f"{path}{line}: is not YAML") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise SqlModelError(f"{path}: write key: value at the top")
    return {str(key): value for key, value in raw.items()}


def validated(path: Path, kind: type[T], raw: dict[str, Any], known: Iterable[str]) -> T:
    """``raw`` as a ``kind``. known: keys to suggest where one is unknown."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        lines: list[str] = []
        for finding in error.errors():
            field = ".".join(str(part) for part in finding["loc"])
            message = finding["msg"]
            if finding["type"] == "extra_forbidden":
                word = str(finding["loc"][-1])
                message = explain(word) or f"unknown key{nearest(word, known, end='')}"
            lines.append(f"{path}: {field}: {message}")
        raise SqlModelError("\n".join(lines)) from error
