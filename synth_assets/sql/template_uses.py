"""A template's syntax tree in, the names that it uses out: refs, sources, variables, macros.

Names are read from the tree, not by running it, so that what a model depends on does not hang on
the values of variables; therefore ``ref``, ``source`` and ``var`` take their names in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables

from synth_assets.errors import SqlModelError
from synth_assets.sql.guard import MAX_CHARACTERS
from synth_assets.sql.nearest import nearest
from synth_assets.sql.sandbox import Environment, Meter, check_node, walk
from synth_assets.sql.unsupported import explain

FUNCTIONS = ("ref", "source", "var", "config", "is_incremental", "range")
THIS = "this"
RESERVED = (*FUNCTIONS, THIS, "loop")
LAKE = "lake"
"""Source of the tables that the recipe's own stages make: ``source('lake', 'calls')``."""
UNKNOWN_TAG = re.compile(r"unknown tag '(\w+)'")


@dataclass(frozen=True)
class Use:
    """One name that a template uses, and where. arguments: of a call of a macro."""

    name: str
    line: int
    where: str = ""
    has_default: bool = False

    @property
    def place(self) -> str:
        return f"{self.where}, line {self.line}"


@dataclass(frozen=True)
class Uses:
    """What one template uses, each name once, in the order of first use.

    refs: models and tables; a source as ``source.table``. config: what config() says.
    """

    refs: tuple[Use, ...] = ()
    variables: tuple[Use, ...] = ()
    macros: tuple[Use, ...] = ()
    this: Use | None = None
    is_incremental: bool = False
    config: dict[str, Any] = field(default_factory=dict)

    def require_known(self, macros: Collection[str]) -> None:
        """Errors: `SqlModelError` for a macro that no file defines."""
        for use in self.macros:
            if use.name not in macros:
                raise SqlModelError(
                    explained(use.place, use.name)
                    or f"{use.place}: no macro is named {use.name!r}; "
                    f"{', '.join(FUNCTIONS)} and the macros of macros/ can be called"
                    f"{nearest(use.name, [*macros, *FUNCTIONS], end='')}"
                )

    def __add__(self, other: Uses) -> Uses:
        return Uses(
            _once(self.refs + other.refs), _once(self.variables + other.variables),
            _once(self.macros + other.macros), self.this or other.this,
            self.is_incremental or other.is_incremental, self.config | other.config,
        )  # fmt: skip


def parse(where: str, text: str) -> nodes.Template:
    """The syntax tree, with nothing in it that the sandbox refuses."""
    if "\0" in text or len(text) > MAX_CHARACTERS:
        raise SqlModelError(
            f"{where}: holds a NUL character, or more than {MAX_CHARACTERS} characters"
        )
    try:
        tree = Environment(Meter(), str).parse(text)
    except TemplateSyntaxError as error:
        at = f"{where}, line {error.lineno}"
        tag = UNKNOWN_TAG.search(error.message or "")
        hint = explained(at, tag.group(1)) if tag else None
        raise SqlModelError(hint or f"{at}: {error.message}") from error
    except RecursionError as error:
        raise SqlModelError(f"{where}: is nested too deep") from error
    for node, depth in walk(tree):
        check_node(where, node, depth)
    return tree


def uses_of(where: str, tree: nodes.Node) -> Uses:
    """The names used in ``tree``. Errors: `SqlModelError` with file and line."""
    uses = Uses()
    called: set[int] = set()
    for node, _ in walk(tree):
        if isinstance(node, nodes.Name) and node.ctx != "load" and node.name in RESERVED:
            raise SqlModelError(
                f"{where}, line {node.lineno}: {node.name} has a meaning here; take another name"
            )
        if isinstance(node, nodes.Call):
            called.add(id(node.node))
            uses += _call(where, node)
        elif isinstance(node, nodes.Name) and node.name == THIS:
            uses += Uses(this=Use(THIS, node.lineno, where))
    body = [tree] if not isinstance(tree, nodes.Template) else tree.body
    free = find_undeclared_variables(_template(body))
    for node, _ in walk(tree):
        if isinstance(node, nodes.Name) and node.name in free and id(node) not in called:
            _require_value(where, node, free)
    return uses


def _require_value(where: str, node: nodes.Name, free: set[str]) -> None:
    if node.name == THIS:
        return
    place = f"{where}, line {node.lineno}"
    if node.name in FUNCTIONS:
        raise SqlModelError(f"{place}: {node.name} is a function; write {node.name}(…)")
    hint = explained(place, node.name)
    raise SqlModelError(hint or f"{place}: {node.name!r} is undefined; write var('{node.name}')")


def explained(place: str, word: str) -> str | None:
    message = explain(word)
    return f"{place}: {message}" if message else None


def _template(body: list[nodes.Node]) -> nodes.Template:
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(Environment(Meter(), str))
    return tree


def _call(where: str, call: nodes.Call) -> Uses:
    place = f"{where}, line {call.lineno}"
    if isinstance(call.node, nodes.Getattr):
        return Uses()  # a method, which check_node has let through
    if not isinstance(call.node, nodes.Name):
        raise SqlModelError(f"{place}: only {', '.join(FUNCTIONS)} and macros can be called")
    name = call.node.name
    if call.dyn_args or call.dyn_kwargs:
        raise SqlModelError(f"{place}: write the arguments of {name} one by one")
    if name == "config":
        return Uses(config=_config(place, call))
    if name == "is_incremental":
        if call.args or call.kwargs:
            raise SqlModelError(f"{place}: is_incremental takes no argument")
        return Uses(is_incremental=True)
    if name in ("ref", "source", "var"):
        return _named(place, where, name, call)
    if name == "range":
        return Uses()
    return Uses(macros=(Use(name, call.lineno, where),))


COMPUTED = {"ref": "ref(name)", "source": "source(name, table)", "var": "var(name)"}
OF_A_PACKAGE = "ref('package', 'model')"
"""How the list of what is not supported calls these."""


def _named(place: str, where: str, function: str, call: nodes.Call) -> Uses:
    wanted, most = {"ref": (1, 1), "source": (2, 2), "var": (1, 2)}[function]
    given = call.args[:wanted]
    names = [a.value for a in given if isinstance(a, nodes.Const) and isinstance(a.value, str)]
    if function == "ref" and len(call.args) == 2:
        raise _unsupported(place, OF_A_PACKAGE)
    if any(pair.key in ("v", "version") for pair in call.kwargs):
        raise _unsupported(place, "versions")
    if any(not isinstance(argument, nodes.Const) for argument in given):
        raise _unsupported(place, COMPUTED[function])
    if len(names) != wanted or call.kwargs:
        form = "source('name', 'table')" if function == "source" else f"{function}('name')"
        raise SqlModelError(f"{place}: write {form} with the name in quotes")
    if len(call.args) > most:
        raise SqlModelError(f"{place}: {function} takes at most {most} arguments")
    if function == "var":
        return Uses(variables=(Use(names[0], call.lineno, where, len(call.args) > 1),))
    return Uses(refs=(Use(source_name(*names), call.lineno, where),))


def _unsupported(place: str, word: str) -> SqlModelError:
    return SqlModelError(f"{place}: {explain(word)}")


def source_name(*names: str) -> str:
    """The name that ``ref(name)`` or ``source(source, table)`` means. A table of the lake has its
    own name, as if by ref."""
    return ".".join(names[1:] if len(names) > 1 and names[0] == LAKE else names)


def _config(place: str, call: nodes.Call) -> dict[str, Any]:
    try:
        config = {pair.key: pair.value.as_const() for pair in call.kwargs}
        for argument in call.args:
            config |= dict(argument.as_const())
    except (nodes.Impossible, TypeError, ValueError) as error:
        raise SqlModelError(f"{place}: config() takes plain values, such as 'table'") from error
    return config


def _once(uses: tuple[Use, ...]) -> tuple[Use, ...]:
    first: dict[str, Use] = {}
    for use in uses:
        # A use without a default needs a value, wherever else there is one.
        known = first.get(use.name)
        if known is None or (known.has_default and not use.has_default):
            first[use.name] = use
    return tuple(first.values())
