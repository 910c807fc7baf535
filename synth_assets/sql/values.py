"""Values of variables in, markers in the SQL text and typed literals in the parsed SQL out.

A value never becomes text of a statement: wherever a template turns it into text, a marker such as
``$value_3_`` comes out, and the marker is replaced in the parsed statement. A whole marker becomes
a literal of the value's type; a marker inside a string, as dbt's ``'{{ var("day") }}'`` gives,
becomes that part of the string, which no quote in the value can end.
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlglot import exp

from synth_assets.errors import SqlModelError

MARKER = re.compile(r"\$value_(\d+)_", re.IGNORECASE)
MAX_ITEMS = 10_000
IN_TEXT = (str, int, float, datetime.date)


class ValueStore:
    """The values that one render has shown, in order; a marker is the place in it."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def marker(self, raw: Any) -> str:
        if is_larger_than(raw, MAX_ITEMS):
            raise ValueError(f"a value of more than {MAX_ITEMS} parts")
        self.values.append(raw)
        return f"$value_{len(self.values) - 1}_"

    def wrap(self, raw: Any) -> Any:
        """A variable's value as a template sees it. Null and booleans say nothing to be pasted."""
        return raw if raw is None or isinstance(raw, bool | Value) else Value(raw, self)


class Value:
    """A variable's value in a template: compared, counted and looped over like the value itself,
    and as text only its marker. What is computed from it is a `Value` again."""

    def __init__(self, raw: Any, store: ValueStore) -> None:
        self.raw = raw
        self._store = store

    def __str__(self) -> str:
        return self._store.marker(self.raw)

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __index__(self) -> int:
        return operator.index(self.raw)

    def __hash__(self) -> int:
        return hash(self.raw)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.raw, str):
            raise TypeError("a text cannot be looped over")
        return (self._store.wrap(item) for item in self.raw)

    def __contains__(self, item: Any) -> bool:
        return raw_value(item) in self.raw

    def __getitem__(self, key: Any) -> Any:
        return self._store.wrap(self.raw[raw_value(key)])

    def items(self) -> list[tuple[Any, Any]]:
        """Keys and values of a mapping, both as values."""
        return [(self._store.wrap(key), self._store.wrap(of)) for key, of in self.raw.items()]

    def compute(self, function: Callable[..., Any], *others: Any) -> Any:
        """``function`` of the value and others, as a value."""
        return self._store.wrap(function(self.raw, *map(raw_value, others)))

    def __eq__(self, other: object) -> bool:
        return self.raw == raw_value(other)

    def __lt__(self, other: object) -> bool:
        return self.raw < raw_value(other)

    def __le__(self, other: object) -> bool:
        return self.raw <= raw_value(other)

    def __gt__(self, other: object) -> bool:
        return self.raw > raw_value(other)

    def __ge__(self, other: object) -> bool:
        return self.raw >= raw_value(other)

    def __neg__(self) -> Any:
        return self.compute(operator.neg)


def raw_value(value: Any) -> Any:
    return value.raw if isinstance(value, Value) else value


def is_larger_than(value: Any, most: int) -> bool:
    """Whether a value, with all that is in it, has more than ``most`` parts."""
    waiting, counted = [value], 0
    while waiting:
        item = raw_value(waiting.pop())
        counted += 1
        if counted > most:
            return True
        if isinstance(item, dict):
            waiting.extend(item)
            item = list(item.values())
        if isinstance(item, list | tuple):
            waiting.extend(item[: most + 1])
    return False


def fill_in(where: str, query: exp.Query, values: tuple[Any, ...]) -> None:
    """Puts typed literals where a render left markers. Errors: `SqlModelError`."""
    for node in list(query.find_all(exp.Placeholder, exp.Parameter)):
        match = MARKER.fullmatch(f"${node.this or ''}")
        if match is None or int(match.group(1)) >= len(values):
            raise SqlModelError(f"{where}: has the parameter {node.sql('duckdb')}; use var('name')")
        node.replace(typed_literal(where, values[int(match.group(1))]))
    # Only now, since a literal put in may itself hold a text that looks like a marker.
    put_in = {id(node) for node in query.find_all(exp.Literal) if node.meta.get("value")}
    for node in query.walk():
        if id(node) in put_in or not _has_marker(node):
            continue
        if not (isinstance(node, exp.Literal) and node.is_string):
            raise SqlModelError(
                f"{where}: {{{{ … }}}} stands inside a name; a variable gives a whole SQL value, "
                "or a part of a text in single quotes"
            )
        node.set("this", MARKER.sub(lambda found: _as_text(where, values, found), node.this))


def typed_literal(where: str, value: Any) -> exp.Expr:
    """A Python value as a SQL literal of its type, made by sqlglot, never by pasting text."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int):
        number = exp.Literal.number(abs(value))
        return exp.paren(exp.Neg(this=number)) if value < 0 else number
    if isinstance(value, float) and math.isfinite(value):
        return exp.cast(exp.Literal.string(repr(value)), "DOUBLE", dialect="duckdb")
    if isinstance(value, str) and "\0" not in value:
        literal = exp.Literal.string(value)
        literal.meta["value"] = True
        return literal
    if isinstance(value, datetime.datetime):
        return exp.cast(exp.Literal.string(value.isoformat(" ")), "TIMESTAMP", dialect="duckdb")
    if isinstance(value, datetime.date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE", dialect="duckdb")
    if isinstance(value, list | tuple):
        return exp.Array(expressions=[typed_literal(where, raw_value(item)) for item in value])
    raise SqlModelError(
        f"{where}: a variable is {value!r:.80}; give a text without NUL, a number, true, false, "
        "null, a date or a list of these"
    )


def _has_marker(node: exp.Expr) -> bool:
    return any(isinstance(part, str) and MARKER.search(part) for part in node.args.values())


def _as_text(where: str, values: tuple[Any, ...], found: re.Match[str]) -> str:
    place = int(found.group(1))
    if place >= len(values):
        raise SqlModelError(f"{where}: has the parameter {found.group()}; use var('name')")
    value = values[place]
    if not isinstance(value, IN_TEXT) or isinstance(value, bool) or "\0" in str(value):
        raise SqlModelError(f"{where}: {value!r:.80} stands inside quotes; take the quotes away")
    return str(value)
