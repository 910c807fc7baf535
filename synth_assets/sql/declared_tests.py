"""A model's declared tests in, `DataTest`s out: ours, dbt's, and those that the project defines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from synth_assets.errors import SqlModelError
from synth_assets.sql.data_tests import DataTest, Severity
from synth_assets.sql.template_uses import source_name
from synth_assets.sql.thresholds import require_condition
from synth_assets.sql.unsupported import explain
from synth_assets.sql.yaml_parts import Declared

REF = re.compile(r"\s*(?:ref|source)\s*\(\s*(['\"])(\w+)\1\s*(?:,\s*(['\"])(\w+)\3\s*)?\)\s*")
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
BUILT_IN = ("not_null", "unique", "accepted_values", "relationships", "expression")
BLAME = (
    "severity", "threshold", "error_if", "warn_if", "where", "limit", "name", "description",
)  # fmt: skip


class Blame(Declared):
    """How bad a test's failure is, and which rows it looks at.

    error_if, warn_if: conditions on the number of offending rows, such as ``>10``.
    threshold: the most offending rows that still pass: short for ``error_if: ">threshold"``, or
        ``warn_if`` where the severity is warn.
    where: only rows of the model for which this SQL holds. limit: most offending rows looked for.
    """

    severity: Severity = "error"
    threshold: int = Field(default=0, ge=0)
    error_if: str | None = None
    warn_if: str | None = None
    where: str | None = None
    limit: int | None = Field(default=None, ge=1)
    enabled: bool = True
    tags: Any = None
    meta: Any = None

    @field_validator("severity", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("error_if", "warn_if")
    @classmethod
    def _condition(cls, value: str | None) -> str | None:
        return value if value is None else require_condition(value)

    @model_validator(mode="after")
    def _one_way(self) -> Blame:
        if self.threshold and (self.error_if or self.warn_if):
            raise ValueError("give a threshold, or error_if and warn_if")
        return self

    def blame(self) -> dict[str, Any]:
        """The fields of a `DataTest` that say how bad a failure is."""
        over = f">{self.threshold}" if self.threshold else None
        return {
            "severity": self.severity,
            "error_if": self.error_if or over or "!= 0",
            "warn_if": self.warn_if or over or "!= 0",
            "where": self.where,
            "limit": self.limit,
        }


class Named(Blame):
    """``name`` and ``description`` replace those that a test has of itself."""

    name: str | None = Field(default=None, pattern=NAME)
    description: str = ""


class NotNull(Named):
    kind: Literal["not_null"] = "not_null"


class Unique(Named):
    kind: Literal["unique"] = "unique"


class AcceptedValues(Named):
    kind: Literal["accepted_values"] = "accepted_values"
    values: tuple[str | int | float | bool, ...] = Field(min_length=1)
    quote: bool = True

    def plain_values(self) -> tuple[Any, ...]:
        """With ``quote: false`` a text that looks like a number or a boolean is one."""
        return self.values if self.quote else tuple(_unquoted(value) for value in self.values)


class Relationships(Named):
    kind: Literal["relationships"] = "relationships"
    to: str
    field: str

    @field_validator("to")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        """``ref('customers')`` and ``source('raw', 'customers')`` as dbt writes them, or a name."""
        return ref_name(value)


class Expression(Blame):
    """A claim about each row of a model that must be true."""

    kind: Literal["expression"] = "expression"
    name: str = Field(pattern=NAME)
    expression: str
    description: str = ""


class Generic(Named):
    """A test that the project defines as ``{% test name(model, …) %}``."""

    kind: Literal["generic"] = "generic"
    test: str
    arguments: dict[str, Any] = Field(default_factory=dict)


def ref_name(text: str) -> str:
    """The name that ``ref('x')`` or ``source('x', 'y')`` means; a plain name as it is."""
    match = REF.fullmatch(text)
    if match is None:
        return text
    return source_name(*(part for part in (match.group(2), match.group(4)) if part))


def _with_kind(value: Any) -> Any:
    """``not_null`` or ``{relationships: {to: …}}`` as a mapping that holds its kind, with what
    stands under dbt's ``config`` and ``arguments`` beside the rest."""
    if isinstance(value, str):
        kind, said = value, {}
    elif isinstance(value, dict) and len(value) == 1:
        kind, said = next(iter(value.items()))
        said = {} if said is None else said
    else:
        return value
    if not isinstance(said, dict) or not isinstance(kind, str):
        return value
    inner = [said.get(key) for key in ("config", "arguments")]
    options = {key: of for key, of in said.items() if key not in ("config", "arguments")}
    for part in inner:
        options |= part if isinstance(part, dict) else {}
    if kind in BUILT_IN:
        return {"kind": kind, **options}
    if "." in kind:
        raise ValueError(explain(kind.split(".")[0]) or explain("packages"))
    own = {key: of for key, of in options.items() if key in (*BLAME, "enabled", "tags", "meta")}
    given = {key: of for key, of in options.items() if key not in own}
    return {"kind": "generic", "test": kind, "arguments": given, **own}


TestEntry = Annotated[
    Annotated[
        NotNull | Unique | AcceptedValues | Relationships | Expression | Generic,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_with_kind),
]


def data_tests_of(
    path: Path, model: str, columns: Sequence[tuple[str, Sequence[Any]]], tests: Sequence[Any]
) -> tuple[DataTest, ...]:
    """The declared tests of one model. Two tests of one name are an error.

    columns: (column, its tests). tests: those of the model as a whole.
    """
    made = [
        _data_test(path, model, column, test)
        for column, entries in [*columns, (None, tests)]
        for test in entries
        if test.enabled
    ]
    names = [test.name for test in made]
    for name in names:
        if names.count(name) > 1:
            raise SqlModelError(f"{path}: model {model} has two tests named {name!r}")
    return tuple(made)


def _data_test(path: Path, model: str, column: str | None, entry: Any) -> DataTest:
    shared: dict[str, Any] = {
        "model": model, "path": path, "column": column, "description": entry.description,
        **entry.blame(),
    }  # fmt: skip
    if isinstance(entry, Expression):
        shared["column"] = None
        return DataTest(
            name=entry.name, kind="expression", expression=entry.expression, **shared
        )  # fmt: skip
    if isinstance(entry, Generic):
        given = entry.arguments | ({"column_name": column} if column else {})
        name = entry.name or "_".join(filter(None, (entry.test, column)))
        return DataTest(
            name=name, kind="generic", macro=f"test_{entry.test}", arguments=given, **shared
        )  # fmt: skip
    if column is None:
        raise SqlModelError(f"{path}: model {model}: the test {entry.kind} stands under a column")
    to = entry.to if isinstance(entry, Relationships) else None
    return DataTest(
        name=entry.name or f"{entry.kind}_{column}" + (f"_in_{to.replace('.', '_')}" if to else ""),
        kind=entry.kind, to=to,
        to_field=entry.field if isinstance(entry, Relationships) else None,
        values=entry.plain_values() if isinstance(entry, AcceptedValues) else (),
        refs=(to,) if to and to != model else (), **shared,
    )  # fmt: skip


def _unquoted(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
