"""Files of ``{% macro %}`` and ``{% test %}`` blocks in, the macros of a project by name out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from jinja2 import nodes

from synth_assets.errors import SqlModelError
from synth_assets.sql.sandbox import bounded
from synth_assets.sql.template_uses import FUNCTIONS, Uses, parse, uses_of


@dataclass(frozen=True)
class Macro:
    """One macro. arguments: its parameters' names; calls: macros that it calls itself."""

    name: str
    where: str
    line: int
    arguments: tuple[str, ...]
    uses: Uses
    node: nodes.Node


Macros = Mapping[str, Macro]
NO_MACROS: Macros = MappingProxyType({})


def read_macros(paths: Iterable[Path]) -> dict[str, Macro]:
    """The macros in these files. Errors: `SqlModelError` with file and line."""
    found: dict[str, Macro] = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SqlModelError(f"{path}: cannot be read ({error})") from error
        for macro in macros_in(str(path), text):
            if macro.name in found:
                raise SqlModelError(
                    f"{path}, line {macro.line}: {found[macro.name].where} has a macro "
                    f"{macro.name!r} already"
                )
            found[macro.name] = macro
    for macro in found.values():
        macro.uses.require_known(found)
    return found


def macros_in(where: str, text: str) -> list[Macro]:
    """The macros of one file, which holds nothing else but comments."""
    macros: list[Macro] = []
    for node in parse(where, text).body:
        if not isinstance(node, nodes.Macro):
            if isinstance(node, nodes.Output) and _is_blank(node):
                continue
            raise SqlModelError(f"{where}, line {node.lineno}: a file of macros holds only macros")
        if node.name in FUNCTIONS:
            raise SqlModelError(f"{where}, line {node.lineno}: {node.name} is a function already")
        uses = uses_of(where, node)
        if uses.config:
            raise SqlModelError(f"{where}, line {node.lineno}: config() stands in the model itself")
        arguments = tuple(argument.name for argument in node.args)
        safe = bounded([node], marks=False)[0]
        macros.append(Macro(node.name, where, node.lineno, arguments, uses, safe))
    return macros


def reachable(names: Iterable[str], macros: Macros) -> list[Macro]:
    """The macros of these names and all that they call, by name."""
    waiting, found = list(names), dict[str, Macro]()
    while waiting:
        name = waiting.pop()
        if name in macros and name not in found:
            found[name] = macros[name]
            waiting += [use.name for use in macros[name].uses.macros]
    return [found[name] for name in sorted(found)]


def _is_blank(node: nodes.Output) -> bool:
    return all(
        isinstance(part, nodes.TemplateData) and not part.data.strip() for part in node.nodes
    )
