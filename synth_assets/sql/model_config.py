"""What configures a model or a seed in, a checked `ModelConfig` out: how its rows are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from synth_assets.errors import SqlModelError
from synth_assets.sql.nearest import nearest
from synth_assets.sql.unsupported import explain

Materialized = Literal["table", "view", "incremental", "ephemeral"]
Strategy = Literal["append", "delete+insert", "merge"]
IGNORED = frozenset({"tags", "meta", "docs", "persist_docs", "quote_columns", "description"})
"""Keys that only describe; they change no row."""


class ModelConfig(BaseModel):
    """How a model or a seed is kept.

    unique_key: columns by which an incremental model's new rows replace old ones.
    incremental_strategy: as asked for; `strategy` is what holds.
    on_schema_change: what an incremental run does where the columns differ from the table's.
    full_refresh: True always rebuilds an incremental model, False never does.
    unit: a column whose every value stands for itself: the model's rows of one hang on those rows
        of the relations it reads that have the same value, and on relations without the column.
        Where one changes, the rows of the others stand.
    column_types, delimiter: of a seed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    materialized: Materialized = "view"
    enabled: bool = True
    unique_key: tuple[str, ...] = ()
    incremental_strategy: Strategy | None = None
    on_schema_change: Literal["ignore", "fail"] = "ignore"
    full_refresh: bool | None = None
    unit: str | None = None
    column_types: dict[str, str] = Field(default_factory=dict)
    delimiter: str = Field(default=",", min_length=1, max_length=1)

    @field_validator("unique_key", mode="before")
    @classmethod
    def _as_columns(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value or ()

    @model_validator(mode="after")
    def _require_key(self) -> ModelConfig:
        if self.incremental_strategy in ("merge", "delete+insert") and not self.unique_key:
            raise ValueError(f"incremental_strategy {self.incremental_strategy!r} needs unique_key")
        if self.unit is not None and self.materialized == "incremental":
            raise ValueError("unit: an incremental model says by its own SQL which rows are new")
        return self

    @property
    def strategy(self) -> Strategy:
        return self.incremental_strategy or ("delete+insert" if self.unique_key else "append")


def read_config(where: str, layers: list[Mapping[str, Any]]) -> ModelConfig:
    """The layers, a later one over an earlier. Errors: `SqlModelError` naming the key."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            name = key.removeprefix("+")
            if name in IGNORED:
                continue
            if name not in ModelConfig.model_fields:
                hint = explain(name)
                raise SqlModelError(
                    f"{where}: " + hint
                    if hint
                    else f"{where}: unknown config {name!r}"
                    + nearest(name, ModelConfig.model_fields)
                )
            merged[name] = value
    try:
        return ModelConfig.model_validate(merged)
    except ValidationError as error:
        raise SqlModelError("\n".join(_lines(where, merged, error))) from error


def _lines(where: str, merged: Mapping[str, Any], error: ValidationError) -> list[str]:
    lines: list[str] = []
    for finding in error.errors():
        field = ".".join(str(part) for part in finding["loc"]) or "config"
        hint = explain(str(merged.get(field, "")))
        lines.append(f"{where}: {field}: {hint or finding['msg']}")
    return lines
