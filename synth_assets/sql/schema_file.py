"""schema.yml and sources.yml in, validated declarations out: descriptions, tests, sources."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from synth_assets.errors import SqlModelError
from synth_assets.sql.data_tests import DataTest, Severity


class Declared(BaseModel):
    """A part of a file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Blame(Declared):
    """How bad a test's failure is: severity, and the most offending rows that still pass."""

    severity: Severity = "error"
    threshold: int = Field(default=0, ge=0)


class NotNull(Blame):
    kind: Literal["not_null"] = "not_null"


class Unique(Blame):
    kind: Literal["unique"] = "unique"


class AcceptedValues(Blame):
    kind: Literal["accepted_values"] = "accepted_values"
    values: tuple[str | int | float | bool, ...] = Field(min_length=1)


class Relationships(Blame):
    kind: Literal["relationships"] = "relationships"
    to: str
    field: str


class Expression(Blame):
    """A claim about each row of a model that must be true."""

    kind: Literal["expression"] = "expression"
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    expression: str
    description: str = ""


def _with_kind(value: Any) -> Any:
    """``not_null`` or ``{relationships: {to: …}}`` as a mapping that holds its kind."""
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict) and len(value) == 1:
        kind, options = next(iter(value.items()))
        if isinstance(options, dict):
            return {"kind": kind, **options}
    return value


T = TypeVar("T", bound="Declared")
ColumnTest = Annotated[
    Annotated[NotNull | Unique | AcceptedValues | Relationships, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
]
ModelTest = Annotated[Expression, BeforeValidator(_with_kind)]


class ColumnEntry(Declared):
    name: str
    description: str
    tests: tuple[ColumnTest, ...] = ()


class ModelEntry(Declared):
    """key: the id column that is unique in the model; null for a staging model without one."""

    name: str
    description: str
    key: str | None = None
    columns: tuple[ColumnEntry, ...] = ()
    tests: tuple[ModelTest, ...] = ()


class CheckEntry(Blame):
    """A singular test: ``checks/<name>.sql`` returns the rows that offend."""

    name: str
    model: str
    description: str


class SchemaFile(Declared):
    models: tuple[ModelEntry, ...] = ()
    checks: tuple[CheckEntry, ...] = ()


class SourcesFile(Declared):
    """The tables that a model may read, by their names in the lake."""

    sources: tuple[str, ...]


def read_schema_file(path: Path) -> SchemaFile:
    return _read(path, SchemaFile)


def read_sources_file(path: Path) -> SourcesFile:
    return _read(path, SourcesFile)


def data_tests_of(path: Path, entry: ModelEntry) -> tuple[DataTest, ...]:
    """The declared tests of one model. Two tests of one name are an error."""
    tests: list[DataTest] = []
    for column in entry.columns:
        for test in column.tests:
            options = test.model_dump(exclude={"kind"})
            to = options.get("to")
            tests.append(
                DataTest(
                    name=f"{test.kind}_{column.name}" + (f"_in_{to}" if to else ""),
                    model=entry.name, kind=test.kind, path=path, column=column.name,
                    refs=(to,) if to and to != entry.name else (), **options,
                )
            )  # fmt: skip
    tests += [DataTest(model=entry.name, path=path, **test.model_dump()) for test in entry.tests]
    names = [test.name for test in tests]
    for name in names:
        if names.count(name) > 1:
            raise SqlModelError(f"{path}: model {entry.name} has two tests named {name!r}")
    return tuple(tests)


def _read(path: Path, kind: type[T]) -> T:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return kind.model_validate(raw if raw is not None else {})
    except OSError as error:
        raise SqlModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise SqlModelError(f"{path}{line}: is not YAML") from error
    except ValidationError as error:
        raise SqlModelError(_explain(path, kind, error)) from error


def _explain(path: Path, kind: type[Declared], error: ValidationError) -> str:
    known = sorted({key for part in _parts() for key in part.model_fields} | {*kind.model_fields})
    lines: list[str] = []
    for finding in error.errors():
        field = ".".join(str(part) for part in finding["loc"])
        message = finding["msg"]
        if finding["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(finding["loc"][-1]), known, n=1)
            message = "unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
        lines.append(f"{path}: {field}: {message}")
    return "\n".join(lines)


def _parts() -> tuple[type[Declared], ...]:
    return (ModelEntry, ColumnEntry, CheckEntry, Expression, Relationships, AcceptedValues)
