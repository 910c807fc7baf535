"""A model's Jinja source in, SQL with markers out, in a sandbox with caps.

What stands in a file (text, constants, macros) is SQL of its author's. What a variable holds is
not: it comes out as a marker, which the compiler replaces by a typed literal after parsing, so that
a value cannot change what a statement is. ``ref``, ``source`` and ``this`` come out as quoted
names, which the compiler replaces by relations.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from jinja2 import Template, TemplateError, Undefined, nodes, pass_context
from jinja2.runtime import Context

from synth_assets.errors import SqlModelError
from synth_assets.sql.guard import MAX_CHARACTERS
from synth_assets.sql.macros import NO_MACROS, Macros, reachable
from synth_assets.sql.sandbox import Environment, Meter, TooMuch, bounded
from synth_assets.sql.template_uses import Use, Uses, parse, source_name, uses_of
from synth_assets.sql.values import Value, ValueStore

REF_PREFIX = "__ref__"
FAULTS = (
    TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError,
)  # fmt: skip
"""What a template's own mistakes raise while it is rendered."""
LINE_MARK = re.compile(r"\0(\d+)([tv])\0")


@dataclass(frozen=True)
class Source:
    """A parsed model source: its text, what it uses (through macros too), and its code."""

    text: str
    uses: Uses
    code: CodeType = field(repr=False, compare=False)

    @property
    def refs(self) -> tuple[Use, ...]:
        return self.uses.refs

    @property
    def variables(self) -> tuple[Use, ...]:
        return self.uses.variables


@dataclass(frozen=True)
class Rendered:
    """SQL whose values stand as ``$value_<n>_`` and whose refs as ``"__ref__<name>"``.

    pieces: (offset in ``sql``, line of the source, whether it is text of the source itself) of each
    piece; a text's lines go on in the source, those that a value or a macro wrote do not.
    """

    sql: str
    values: tuple[Any, ...] = ()
    pieces: tuple[tuple[int, int, bool], ...] = ()

    def source_line(self, offset: int) -> int:
        """Line of the source from which the text at ``offset`` comes; that of the call where a
        macro wrote it."""
        place = bisect_right(self.pieces, offset, key=lambda piece: piece[0]) - 1
        if place < 0:
            return self.sql.count("\n", 0, offset) + 1
        start, line, is_text = self.pieces[place]
        return line + (self.sql.count("\n", start, offset) if is_text else 0)

    def line_start(self, line: int) -> int:
        """Offset of the first character of a line of ``sql`` that is no blank."""
        start = sum(len(text) + 1 for text in self.sql.split("\n")[: line - 1])
        rest = self.sql[start:]
        return start + len(rest) - len(rest.lstrip())


class _Ref:
    """What ref, source and this give."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return f'"{REF_PREFIX}{self._name}"'


def read_source(where: str, text: str, macros: Macros = NO_MACROS) -> Source:
    """Parses a source and checks it against the sandbox's language, without any value.

    where: the file's name, for messages. Errors: `SqlModelError` with file and line.
    """
    tree = parse(where, text)
    for node in tree.find_all(nodes.Macro):
        raise SqlModelError(f"{where}, line {node.lineno}: macros stand in files of macros/")
    return _source(where, text, tree, macros)


def call_source(
    where: str, macro: str, arguments: Mapping[str, Any], model: str, macros: Macros
) -> Source:
    """A source that does nothing but call one macro, as a generic test does.

    arguments: plain values, which are text of the file that declares the test.
    """
    ref = nodes.Call(nodes.Name("ref", "load", lineno=1), [nodes.Const(model, lineno=1)], [], None,
                     None, lineno=1)  # fmt: skip
    given = [nodes.Keyword("model", ref, lineno=1)] + [
        nodes.Keyword(name, nodes.Const(value, lineno=1), lineno=1)
        for name, value in arguments.items()
    ]
    call = nodes.Call(nodes.Name(macro, "load", lineno=1), [], given, None, None, lineno=1)
    tree = nodes.Template([nodes.Output([call], lineno=1)], lineno=1)
    return _source(where, "", tree, macros)


def _source(where: str, text: str, tree: nodes.Template, macros: Macros) -> Source:
    uses = uses_of(where, tree)
    uses.require_known(macros)
    called = reachable((use.name for use in uses.macros), macros)
    for macro in called:
        uses += macro.uses
    environment = Environment(Meter(), _finalizer(Meter(), ValueStore()))
    body = [macro.node for macro in called] + bounded(tree.body, marks=True)
    whole = nodes.Template(body, lineno=1)
    whole.set_environment(environment)
    try:
        code = environment.compile(whole)
    except (TemplateError, RecursionError) as error:
        raise SqlModelError(f"{where}: cannot be compiled ({error})") from error
    assert isinstance(code, CodeType)
    return Source(text, uses, code)


def render(
    where: str, source: Source, variables: Mapping[str, Any], *, this: str = "",
    is_incremental: bool = False,
) -> Rendered:  # fmt: skip
    """The SQL of ``source``. Errors: `SqlModelError` (a value missing, too large, too slow).

    this: the model's own name. is_incremental: what is_incremental() says.
    """
    meter, store = Meter(), ValueStore()

    def variable(name: str, *default: Any) -> Any:
        return store.wrap(variables[name] if name in variables or not default else default[0])

    environment = Environment(meter, _finalizer(meter, store))
    environment.globals.update(
        ref=_Ref, source=lambda *names: _Ref(source_name(*names)), var=variable,
        this=_Ref(this), is_incremental=lambda: is_incremental, config=lambda *_, **__: "",
    )  # fmt: skip
    try:
        template = Template.from_code(environment, source.code, environment.globals)
        text = _collect(meter, template.generate())
    except KeyError as error:
        raise SqlModelError(f"{where}: variable {error} has no value") from error
    except RecursionError as error:
        raise SqlModelError(f"{where}: macros call each other without end") from error
    except TooMuch as error:
        raise SqlModelError(f"{where}: {error}") from error
    except FAULTS as error:
        raise SqlModelError(f"{where}: cannot be rendered ({error})") from error
    return _without_marks(text, tuple(store.values))


def _finalizer(meter: Meter, store: ValueStore) -> Any:
    @pass_context  # so that Jinja does not call it while compiling
    def finalize(_: Context, value: Any) -> str:
        text = _as_sql(value, store)
        meter.write(len(text))
        if "\0" in text:
            raise ValueError("a text holds a NUL character")
        return text

    return finalize


def _as_sql(value: Any, store: ValueStore) -> str:
    if isinstance(value, str | _Ref | Value | Undefined):
        return str(value)  # an undefined one raises and names itself
    if value is None or isinstance(value, bool | list | tuple):
        return store.marker(value)
    if isinstance(value, int | float) and math.isfinite(value):
        return f"({value!r})" if value < 0 else repr(value)
    raise TypeError(f"{type(value).__name__} is no value of SQL")


def _collect(meter: Meter, pieces: Iterator[str]) -> str:
    kept: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_CHARACTERS:
            raise TooMuch(f"more than {MAX_CHARACTERS} characters once rendered")
        meter.step(0)
        kept.append(piece)
    return "".join(kept)


def _without_marks(text: str, values: tuple[Any, ...]) -> Rendered:
    sql: list[str] = []
    pieces: list[tuple[int, int, bool]] = []
    size = 0
    parts = LINE_MARK.split(text)
    for line, kind, piece in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if piece:
            pieces.append((size, int(line), kind == "t"))
        sql.append(piece)
        size += len(piece)
    return Rendered("".join(sql), values, tuple(pieces))
