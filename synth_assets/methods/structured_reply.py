"""A reply that should be JSON in, a validated pydantic model out, or `ReplyError`.

Strict first; json-repair only mends what a model typically breaks (a fence, a trailing comma, a
missing bracket). What is ambiguous is refused, never guessed: two objects, a key given twice, NaN
or infinity, and nesting or size that no asked-for form has.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import json_repair
from pydantic import BaseModel, ValidationError

from synth_assets.errors import ReplyError
from synth_assets.methods.thoughts import without_thoughts

Form = TypeVar("Form", bound=BaseModel)

MAX_CHARACTERS = 100_000
MAX_DEPTH = 30

_NOT_FINITE = re.compile(r"[:\[,]\s*[+-]?(?:NaN|Infinity|inf)\b", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedReply(Generic[Form]):
    """value: what the reply says. was_repaired: its JSON was broken, so its end may be missing."""

    value: Form
    was_repaired: bool


def parse_reply(text: str, form: type[Form]) -> ParsedReply[Form]:
    """The one JSON object of ``text``, validated as ``form``. Prose around it is passed over."""
    if len(text) > MAX_CHARACTERS:
        raise ReplyError(f"the reply has {len(text)} characters, more than {MAX_CHARACTERS}")
    text = without_thoughts(text)
    start = text.find("{")
    if start < 0:
        raise ReplyError("the reply holds no JSON object")
    text = text[start:]
    _refuse_deep(text)
    value, was_repaired = _load(text)
    try:
        return ParsedReply(form.model_validate(value), was_repaired)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the reply"
        raise ReplyError(f"{where}: {first['msg']}") from error


def _load(text: str) -> tuple[Any, bool]:
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique_keys, parse_constant=_refuse_constant, parse_float=_finite
    )
    try:
        value, end = decoder.raw_decode(text)
    except json.JSONDecodeError:
        return _repair(text), True
    except ValueError as error:  # an integer of more digits than Python converts
        raise ReplyError(f"the reply holds a number that cannot be read: {error}") from error
    if "{" in text[end:]:
        raise ReplyError("the reply holds more than one JSON object")
    return value, False


def _repair(text: str) -> dict[str, Any]:
    if _NOT_FINITE.search(text):
        raise ReplyError("the reply is broken JSON, and holds NaN or infinity")
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError) as error:
        raise ReplyError("the reply is broken JSON, and cannot be repaired") from error
    if not isinstance(value, dict):
        raise ReplyError("the reply is broken JSON, and no one object can be made of it")
    return value


def _refuse_deep(text: str) -> None:
    """Counts brackets outside strings: the parsers recurse, and 5,000 ``[`` would end them."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.DOTALL):
        sign = token.group()
        if sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ReplyError(f"the reply is nested deeper than {MAX_DEPTH}")
        elif sign in "]}":
            depth -= 1


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ReplyError(f"a key stands twice in one object of the reply: {sorted(value)[:5]}")
    return value


def _refuse_constant(name: str) -> Any:
    raise ReplyError(f"the reply holds {name}, which is no number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ReplyError(f"the reply holds {digits[:20]}, which is too large for a number")
    return value
