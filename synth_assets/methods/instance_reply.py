"""A reply that lists examples of a task in, their inputs and outputs out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLE, INPUT, OUTPUT, LABEL = "Example", "Input", "Output", "Label"
INPUT_FIRST = (INPUT, OUTPUT)
OUTPUT_FIRST = (LABEL, INPUT)
"""The order in which an example names its two parts."""

NO_INPUT = "none"
"""What the templates ask for where a task needs no input."""

_FENCE = re.compile(r"\A```[^\n`]*\n(.*)\n```\Z", re.DOTALL)
_EXAMPLE = re.compile(r"^[ \t#*_]{0,8}Example[ \t]*\d{1,3}[ \t*_]{0,4}[.:：]?[ \t*_]{0,4}$")
_PART = re.compile(
    r"^[ \t#*_]{0,8}(Input|Output|Label)[*_]{0,2}[ \t]*[:：][*_]{0,2}(?:[ \t](.*)|(.*))$"
)


@dataclass(frozen=True)
class Instance:
    """One example of a task. Both are null where the reply does not keep to its form; an input
    that the task does not need is an empty text."""

    input: str | None
    output: str | None


UNREAD = Instance(None, None)


def parse_instances(text: str, parts: tuple[str, str]) -> list[Instance]:
    """The examples of a reply, in their order.

    parts: `INPUT_FIRST` or `OUTPUT_FIRST`. An example opens with its number. A reply without any
    numbers is read too, if the two parts take turns all through it. An example that names a part
    twice, in another order or not at all is `UNREAD`: which of its lines are whose, nobody knows.
    """
    found = _FENCE.match(text.strip())
    pieces = _pieces(found.group(1) if found else text, parts)
    if any(mark == EXAMPLE for mark, _ in pieces):
        return [_instance(group, parts) for group in _numbered(pieces)]
    groups = [pieces[start : start + 2] for start in range(0, len(pieces), 2)]
    instances = [_instance(group, parts) for group in groups]
    # The last one may be cut; any other slip shifts all that follow.
    whole = all(instance is not UNREAD for instance in instances[:-1])
    return instances if whole else [UNREAD] * len(instances)


def _pieces(text: str, parts: Sequence[str]) -> list[tuple[str, str]]:
    """(mark, the text from it up to the next mark). What stands before the first is no example."""
    pieces: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        part = _PART.match(line)
        if _EXAMPLE.match(line):
            pieces.append((EXAMPLE, []))
        elif part and part.group(1) in parts:
            pieces.append((part.group(1), [part.group(2) or part.group(3) or ""]))
        elif pieces:
            pieces[-1][1].append(line)
    return [(mark, "\n".join(lines).strip()) for mark, lines in pieces]


def _numbered(pieces: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The pieces after each number; what stands before the first number is no example."""
    groups: list[list[tuple[str, str]]] = []
    for piece in pieces:
        if piece[0] == EXAMPLE:
            groups.append([])
        elif groups:
            groups[-1].append(piece)
    return groups


def _instance(pieces: Sequence[tuple[str, str]], parts: tuple[str, str]) -> Instance:
    if tuple(mark for mark, _ in pieces) != parts:
        return UNREAD
    texts = dict(pieces)
    given = texts[INPUT]
    is_none = given.casefold().rstrip(".") == NO_INPUT
    return Instance("" if is_none else given, texts[parts[parts[0] == INPUT]])
