"""What parts of a recipe are made of: the base of them all, types of values, and marks by which a
field is known to name a model or a file.

Methods declare their own parameters with these, so that `synth_assets.recipe` can put the methods
together and none of them imports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from synth_assets.yaml_file import Field as Place

Share = Annotated[float, Field(ge=0, le=1)]
ModelName = Annotated[str, "names a model"]
"""The recipe's own name of a model; loading checks that it is declared."""

OwnFile = Annotated[str, "names a file"]
"""A file of the recipe's own, relative to it: its text decides rows, so a tag keeps it."""


def _in_order(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise ValueError("the smaller number comes first, as in [4, 150]")
    return value


def each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((item for item in value if value.count(item) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} stands twice; name each once")
    return value


def _is_language_code(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", value):
        raise ValueError("write an ISO 639 code of two or three small letters, such as en")
    return value


WordRange = Annotated[
    tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], AfterValidator(_in_order)
]
LanguageCode = Annotated[str, AfterValidator(_is_language_code)]


class Part(BaseModel):
    """A part of a recipe: unknown keys are refused, values do not change."""

    # Infinity and NaN have no canonical JSON, and so no fingerprint.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads yes, no, on and off as true and false; pydantic would read those as 1, 0."""
        items = value if isinstance(value, list) else [value]
        declared = str(cls.model_fields[str(info.field_name)].annotation)
        if any(isinstance(item, bool) for item in items) and "bool" not in declared:
            raise ValueError(
                "true and false (yes, no, on, off) are no values here; put a text in "
                "quotes, or write a number"
            )
        return value


ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much a model thinks first; each takes some of these, and says so of the others."""


class Sampling(Part):
    """Decoding parameters; null leaves one to the endpoint.

    top_k, min_p: for endpoints that take them, such as vLLM, llama.cpp and Ollama.
    reasoning_effort: how much a model thinks first; in the place of its own ``reasoning_effort``.
    """

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: tuple[str, ...] | None = None
    top_k: int | None = Field(default=None, ge=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    reasoning_effort: ReasoningEffort | None = None

    @model_serializer(mode="wrap")
    def _later_fields_where_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A field that a recipe could not always name changes no fingerprint of one that does
        not."""
        later = ("top_k", "min_p", "reasoning_effort")
        return {n: value for n, value in dump(self).items() if n not in later or value is not None}

    def given(self) -> dict[str, Any]:
        """Only what is set, ready for a request."""
        return self.model_dump(exclude_none=True, mode="json")


class SourceFile(Part):
    """One file, or a pattern of files, of a person's own texts: ``.txt`` and ``.md`` are a document
    each, of ``.jsonl``, ``.csv``, ``.parquet`` and their like each line or row.

    field: which key or column is the text; dots reach into objects.
    characters: shortest and longest segment (Li et al. 2023: 600 to 3,000).
    """

    path: str
    field: str = "text"
    licence: str | None = None
    origin: str = "human"
    characters: WordRange = (600, 3000)


def marked(part: BaseModel, mark: str, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """(place, value) of every field, of a part and the parts in it, whose type bears the mark."""
    for name, field in type(part).model_fields.items():
        found = (*field.metadata, *_nested(field.annotation))
        yield from _marked_values(getattr(part, name), mark in found, mark, (*place, name))


def _marked_values(
    value: Any, is_marked: bool, mark: str, place: Place
) -> Iterator[tuple[Place, str]]:
    if isinstance(value, BaseModel):
        yield from marked(value, mark, place)
    elif isinstance(value, str):
        if is_marked:
            yield place, value
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _marked_values(item, is_marked, mark, (*place, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _marked_values(item, is_marked, mark, (*place, key))


def _nested(annotation: Any) -> Iterator[Any]:
    """The marks inside ``tuple[…]``, ``dict[…]`` and ``… | None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from annotation.__metadata__
        yield from _nested(get_args(annotation)[0])
    elif origin in (tuple, list, dict, Union, UnionType):
        for argument in get_args(annotation):
            yield from _nested(argument)
