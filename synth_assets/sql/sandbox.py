"""The sandbox of templates: what Jinja may say here, and how much of it.

Three walls make the caps real. `check_node` lets through only nodes of Jinja that are listed here.
`bounded` rewrites what is left, so that each loop, each call of a macro and each joining of texts
asks the `Meter` before it happens. And every operator and filter is ours. So an endless loop, a
macro that calls itself and a text that doubles itself all end after `MAX_STEPS`, `MAX_CHARACTERS`
or `MAX_SECONDS` with a `TooMuch`.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from synth_assets.errors import SqlModelError
from synth_assets.sql.guard import MAX_CHARACTERS
from synth_assets.sql.unsupported import explain
from synth_assets.sql.values import MAX_ITEMS, Value, is_larger_than, raw_value

MAX_SECONDS = 2.0
MAX_RANGE = 1000
MAX_STEPS = 100_000
MAX_LOOP_DEPTH = 3
LARGEST = 2**127
METHODS = frozenset({"items"})
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
TESTS = ("defined", "undefined", "none", "odd", "even", "divisibleby", "in")
ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List,
    nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.Call, nodes.If, nodes.For,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Assign,
    nodes.AssignBlock, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Macro,
    nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg,
)  # fmt: skip


class TooMuch(Exception):
    """A render went over a cap; the message says which."""


class Meter:
    """What a render has used up. Errors of every method: `TooMuch`."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + MAX_SECONDS
        self._steps = self._characters = 0

    def step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise TooMuch(f"more than {MAX_STEPS} loops and calls: does a macro never end?")
        if time.monotonic() > self._deadline:
            raise TooMuch(f"rendering took more than {MAX_SECONDS} seconds")

    def write(self, characters: int) -> str:
        self._characters += characters
        if self._characters > MAX_CHARACTERS:
            raise TooMuch(f"more than {MAX_CHARACTERS} characters once rendered")
        return ""


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with our operators, filters and tests, and nothing else in it."""

    intercepted_binops = frozenset(OPERATORS)

    def __init__(self, meter: Meter, finalize: Callable[[Any], str]) -> None:
        super().__init__(
            undefined=StrictUndefined, autoescape=False, finalize=finalize, optimized=False,
            extensions=[TestTag],
        )  # fmt: skip
        self.meter = meter
        self.globals.clear()
        self.filters = {name: getattr(self, f"_{name}") for name in FILTERS}
        self.tests = {name: self.tests[name] for name in TESTS}
        self.globals.update(
            range=self._range,
            __each=self._each,
            __write=self.meter.write,
            __concat=self._concat,
            __made=self._made,
        )

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        __self.meter.step()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        for of in (left, right):
            if not isinstance(raw_value(of), int | float):
                raise TypeError(f"{operator} is for numbers; join texts by ~")
            if isinstance(raw_value(of), int) and abs(raw_value(of)) > LARGEST:
                raise TypeError("a number is larger than any of SQL's")
        if isinstance(left, Value):
            return left.compute(OPERATORS[operator], right)
        if isinstance(right, Value):
            return right.compute(lambda own, other: OPERATORS[operator](other, own), left)
        return OPERATORS[operator](left, right)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Only what is *in* a list or mapping: Jinja's own falls back to attributes."""
        try:
            return obj[argument]
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=str(argument))

    def _made(self, items: Any) -> Any:
        """A list or mapping written in a template; one that holds itself over and over would take
        for ever to compare."""
        if is_larger_than(items, MAX_ITEMS):
            raise TooMuch(f"a list of more than {MAX_ITEMS} parts")
        return items

    def _each(self, items: Any, characters: int) -> list[Any]:
        """What a loop goes over, paid for before it starts."""
        listed = list(items)
        self.meter.step(len(listed))
        self.meter.write(characters * len(listed))
        return listed

    def _concat(self, *parts: Any) -> str:
        return self._join(parts)

    @staticmethod
    def _range(*bounds: Any) -> range:
        numbers = range(*(operator.index(bound) for bound in bounds))
        if len(numbers) > MAX_RANGE:
            raise ValueError(f"range of {len(numbers)} numbers; at most {MAX_RANGE}")
        return numbers

    def _join(self, parts: Any, by: str = "") -> str:
        texts: list[str] = []
        for part in parts:
            if isinstance(raw_value(part), bool | list | tuple | dict | None):
                raise TypeError(f"{raw_value(part)!r:.40} is no text")
            texts.append(str(part))
            self.meter.write(len(texts[-1]) + len(by))
        return by.join(texts)

    def _upper(self, text: Any) -> Any:
        return _on_text(text, str.upper)

    def _lower(self, text: Any) -> Any:
        return _on_text(text, str.lower)

    def _trim(self, text: Any) -> Any:
        return _on_text(text, str.strip)

    def _replace(self, text: Any, old: str, new: str) -> Any:
        self.meter.write(len(raw_value(text)) + raw_value(text).count(old) * len(new))
        return _on_text(text, lambda plain: plain.replace(old, new))

    def _length(self, items: Any) -> int:
        return len(raw_value(items))

    def _list(self, items: Any) -> list[Any]:
        return list(items)

    def _first(self, items: Any) -> Any:
        return next(iter(items))

    def _last(self, items: Any) -> Any:
        return list(items)[-1]

    def _unique(self, items: Any) -> list[Any]:
        return list(dict.fromkeys(items))

    def _sort(self, items: Any) -> list[Any]:
        return sorted(items)

    def _int(self, value: Any) -> Any:
        return value.compute(int) if isinstance(value, Value) else int(value)

    def _string(self, value: Any) -> Any:
        return value if isinstance(value, Value) else self._join([value])

    def _default(self, value: Any, instead: Any = "") -> Any:
        return instead if isinstance(value, StrictUndefined) else value


FILTERS = (
    "join", "upper", "lower", "trim", "replace", "length", "list", "first", "last", "unique",
    "sort", "int", "string", "default",
)  # fmt: skip


class TestTag(Extension):
    """``{% test name(model, column_name) %}``: a macro named ``test_name``."""

    tags = {"test", "data_test"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        tag = next(parser.stream)
        macro = nodes.Macro(lineno=tag.lineno)
        macro.name = f"test_{parser.parse_assign_target(name_only=True).name}"
        parser.parse_signature(macro)
        macro.body = parser.parse_statements((f"name:end{tag.value}",), drop_needle=True)
        return macro


def walk(node: nodes.Node, depth: int = 0) -> Iterator[tuple[nodes.Node, int]]:
    """Every node, with the number of loops around it."""
    yield node, depth
    for child in node.iter_child_nodes():
        yield from walk(child, depth + isinstance(node, nodes.For))


def check_node(where: str, node: nodes.Node, depth: int) -> None:
    """Errors: `SqlModelError` with file and line for a node that is not let through."""
    place = f"{where}, line {node.lineno}"
    if not isinstance(node, ALLOWED_NODES):
        kind = type(node).__name__
        hint = explain((kind.removesuffix("Block") or kind).lower())
        raise SqlModelError(
            f"{place}: " + (hint or f"Jinja's {kind} is not allowed; use ref, var, if and for")
        )
    if isinstance(node, nodes.For) and (depth >= MAX_LOOP_DEPTH or node.recursive):
        raise SqlModelError(f"{place}: loops are nested at most {MAX_LOOP_DEPTH} deep")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise SqlModelError(f"{place}: filter {node.name!r} is none of {', '.join(FILTERS)}")
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise SqlModelError(f"{place}: test {node.name!r} is none of {', '.join(TESTS)}")
    if isinstance(node, nodes.Getattr) and node.attr not in METHODS:
        of = node.node.name if isinstance(node.node, nodes.Name) else ""
        if of != "loop":
            hint = explain(of) or f"only loop has attributes (loop.last), not {node.attr!r}"
            raise SqlModelError(f"{place}: {hint}")


def bounded(body: list[nodes.Node], *, marks: bool) -> list[nodes.Node]:
    """``body`` with each loop, macro and ``~`` asking the meter first.

    marks: puts a mark with the line before each text and value that the body itself writes, so that
    a place in what is rendered leads to its line; a macro's text belongs to the line of the call.
    """
    return [_bounded(node, marks) for node in body]


def _bounded(node: nodes.Node, marks: bool) -> nodes.Node:
    inner_marks = marks and not isinstance(node, nodes.Macro | nodes.AssignBlock)
    for name, value in node.iter_fields():
        if isinstance(value, nodes.Node):
            setattr(node, name, _bounded(value, inner_marks))
        elif isinstance(value, list):
            changed = [_bounded(v, inner_marks) if isinstance(v, nodes.Node) else v for v in value]
            setattr(node, name, changed)
    if isinstance(node, nodes.Concat):
        return _call("__concat", list(node.nodes), node.lineno)
    if isinstance(node, nodes.List | nodes.Dict) or (
        isinstance(node, nodes.Tuple) and node.ctx == "load"
    ):
        return _call("__made", [node], node.lineno)
    if isinstance(node, nodes.For):
        size = nodes.Const(_characters(node), lineno=node.lineno)
        node.iter = _call("__each", [node.iter, size], node.lineno)
    if isinstance(node, nodes.Macro | nodes.AssignBlock):
        size = nodes.Const(_characters(node), lineno=node.lineno)
        paid = nodes.Output([_call("__write", [size], node.lineno)], lineno=node.lineno)
        node.body = [paid, *node.body]
    if isinstance(node, nodes.Output) and marks:
        node.nodes = [part for piece in node.nodes for part in (_mark(piece), piece)]
    return node


def _mark(piece: nodes.Node) -> nodes.TemplateData:
    kind = "t" if isinstance(piece, nodes.TemplateData) else "v"
    return nodes.TemplateData(f"\0{piece.lineno}{kind}\0", lineno=piece.lineno)


def _characters(node: nodes.Node) -> int:
    return sum(len(data.data) for data in node.find_all(nodes.TemplateData))


def _call(name: str, arguments: list[Any], line: int) -> nodes.Call:
    function = nodes.Name(name, "load", lineno=line)
    return nodes.Call(function, arguments, [], None, None, lineno=line)


def _on_text(text: Any, change: Callable[[str], str]) -> Any:
    if not isinstance(raw_value(text), str):
        raise TypeError(f"{raw_value(text)!r:.40} is no text")
    return text.compute(change) if isinstance(text, Value) else change(text)
