"""A model's Jinja source in, SQL with placeholders out, in a sandbox with caps.

Nothing that ``{{ … }}`` gives is ever pasted into SQL: ``ref`` becomes a quoted name that the
compiler replaces, and every other value becomes a parameter that the compiler replaces by a typed
literal after parsing. So a value cannot change what a statement is.

The sandbox is small, which is what makes its caps real: only the Jinja nodes in `ALLOWED_NODES`
(no macros, filters, imports, arithmetic or attributes but ``loop``'s), ``range`` up to
`MAX_RANGE`, loops nested at most `MAX_LOOP_DEPTH` deep; the output is taken piece by piece and
stopped at `MAX_CHARACTERS` or after `MAX_SECONDS`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from synth_assets.errors import SqlModelError
from synth_assets.sql.guard import MAX_CHARACTERS

MAX_SECONDS = 2.0
MAX_RANGE = 1000
MAX_LOOP_DEPTH = 2
REF_PREFIX = "__ref__"
VALUE = re.compile(r"\$value_\d+")
FUNCTIONS = ("ref", "var", "range")
ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List,
    nodes.Tuple, nodes.Call, nodes.If, nodes.For, nodes.CondExpr, nodes.Compare, nodes.Operand,
    nodes.Not, nodes.And, nodes.Or, nodes.Assign, nodes.Test, nodes.Getattr,
)  # fmt: skip


@dataclass(frozen=True)
class Use:
    """One ``ref('name')`` or ``var('name')`` in a source, and its line."""

    name: str
    line: int
    has_default: bool = False


@dataclass(frozen=True)
class Source:
    """A parsed model source: its text and the names it uses, in the order of their first use."""

    text: str
    refs: tuple[Use, ...]
    variables: tuple[Use, ...]


@dataclass(frozen=True)
class Rendered:
    """SQL whose values stand as ``$value_<n>`` and whose refs as ``"__ref__<name>"``."""

    sql: str
    values: tuple[Any, ...]


class _Ref:
    """What ``ref`` gives: only `_finalize` makes a name of it."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with nothing in it but what a render adds."""

    def __init__(self, finalize: Callable[[Any], str] | None = None) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, finalize=finalize)
        self.globals.clear()
        self.filters.clear()


def read_source(where: str, text: str) -> Source:
    """Parses a source and checks it against the sandbox's language, without any value.

    where: the file's name, for messages. Errors: `SqlModelError` with file and line.
    """
    try:
        tree = _Environment().parse(text)
    except TemplateSyntaxError as error:
        raise SqlModelError(f"{where}, line {error.lineno}: {error.message}") from error
    except RecursionError as error:
        raise SqlModelError(f"{where}: is nested too deep") from error
    uses: dict[str, dict[str, Use]] = {"ref": {}, "var": {}}
    for node, depth in _walk(tree, 0):
        _check_node(where, node, depth)
        if isinstance(node, nodes.Call):
            function, use = _use(where, node)
            if use is not None:
                uses[function].setdefault(use.name, use)
    return Source(text, tuple(uses["ref"].values()), tuple(uses["var"].values()))


def render(where: str, source: Source, variables: Mapping[str, Any]) -> Rendered:
    """The SQL of ``source``. Errors: `SqlModelError` (a value missing, too large, too slow)."""
    values: list[Any] = []

    def finalize(value: Any) -> str:
        if isinstance(value, _Ref):
            return f'"{REF_PREFIX}{value.name}"'
        if isinstance(value, Undefined):
            str(value)  # StrictUndefined raises and names it
        values.append(value)
        return f"$value_{len(values) - 1}"

    def variable(name: str, *default: Any) -> Any:
        return variables[name] if name in variables or not default else default[0]

    environment = _Environment(finalize)
    environment.globals.update(ref=_Ref, var=variable, range=_capped_range)
    try:
        template = environment.from_string(source.text)
        sql = _collect(where, template.generate())
    except KeyError as error:
        raise SqlModelError(f"{where}: variable {error} has no value") from error
    except (TemplateError, TypeError, ValueError, OverflowError) as error:
        raise SqlModelError(f"{where}: cannot be rendered ({error})") from error
    return Rendered(sql, tuple(values))


def _collect(where: str, pieces: Iterator[str]) -> str:
    deadline = time.monotonic() + MAX_SECONDS
    kept: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_CHARACTERS:
            raise SqlModelError(f"{where}: more than {MAX_CHARACTERS} characters once rendered")
        if time.monotonic() > deadline:
            raise SqlModelError(f"{where}: rendering took more than {MAX_SECONDS} seconds")
        kept.append(piece)
    return "".join(kept)


def _capped_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise ValueError(f"range of {len(numbers)} numbers; at most {MAX_RANGE}")
    return numbers


def _walk(node: nodes.Node, depth: int) -> Iterator[tuple[nodes.Node, int]]:
    """Every node, with the number of loops around it."""
    yield node, depth
    for child in node.iter_child_nodes():
        yield from _walk(child, depth + isinstance(node, nodes.For))


def _check_node(where: str, node: nodes.Node, depth: int) -> None:
    place = f"{where}, line {node.lineno}"
    if not isinstance(node, ALLOWED_NODES):
        kind = type(node).__name__
        raise SqlModelError(f"{place}: Jinja's {kind} is not allowed; use ref, var, if and for")
    if isinstance(node, nodes.For) and (depth >= MAX_LOOP_DEPTH or node.recursive):
        raise SqlModelError(f"{place}: loops are nested at most {MAX_LOOP_DEPTH} deep")
    if isinstance(node, nodes.Getattr) and not (
        isinstance(node.node, nodes.Name) and node.node.name == "loop"
    ):
        raise SqlModelError(f"{place}: only loop has attributes (loop.last), not {node.attr!r}")
    if isinstance(node, nodes.Name) and node.ctx == "store" and node.name in FUNCTIONS:
        raise SqlModelError(f"{place}: {node.name} is a function here; take another name")


def _use(where: str, call: nodes.Call) -> tuple[str, Use | None]:
    """Which function is called and, for ref and var, with which constant name."""
    place = f"{where}, line {call.lineno}"
    function = call.node.name if isinstance(call.node, nodes.Name) else ""
    if function not in FUNCTIONS:
        raise SqlModelError(f"{place}: only {', '.join(FUNCTIONS)} can be called")
    if function == "range":
        return function, None
    first = call.args[0] if call.args else None
    most = 1 if function == "ref" else 2
    plain = not (call.kwargs or call.dyn_args or call.dyn_kwargs)
    if not (isinstance(first, nodes.Const) and isinstance(first.value, str) and plain):
        raise SqlModelError(f"{place}: write {function}('name') with the name in quotes")
    if len(call.args) > most:
        raise SqlModelError(f"{place}: {function} takes at most {most} arguments")
    return function, Use(first.value, call.lineno, has_default=len(call.args) > 1)
