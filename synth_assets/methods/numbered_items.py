"""A reply that continues a numbered list in, its items out."""

from __future__ import annotations

import re

_MARKER = re.compile(r"^[ \t]*(?:\*\*)?(\d{1,4})(?:[.)](?=[\s*]|$)|[．、])(?:\*\*)?[ \t]*")


def parse_numbered_items(text: str, next_number: int) -> list[str]:
    """The items of a list whose request ended with ``next_number`` and a dot.

    The reply may start with the item itself, repeat its number, open with a sentence of its own,
    or count from another number. A number opens an item only where it is the one that comes next,
    so that a list inside an item, or a figure such as 216., does not. An item ends at a blank line:
    what follows the last one is a remark, not a task.
    """
    lines = text.splitlines()
    start, number = _beginning(lines, next_number)
    lines = lines[start:]
    # Without a number at its beginning the reply took up the one that the request ended with.
    items: list[list[str]] = [[]] if number == next_number else []
    for line in lines:
        marker = _MARKER.match(line)
        if marker and int(marker.group(1)) == number + 1:
            number += 1
            items.append([line[marker.end() :]])
        elif items:
            items[-1].append(line)
    return [_until_blank_line(item) for item in items]


def _beginning(lines: list[str], next_number: int) -> tuple[int, int]:
    """(line, number of the item that is open there): `next_number` where the reply begins inside
    that item, else one less than the number that stands at the line."""
    places: dict[int, int] = {}
    for place, line in enumerate(lines):
        if marker := _MARKER.match(line):
            places.setdefault(int(marker.group(1)), place)
    if next_number in places:
        return places[next_number], next_number - 1
    if next_number + 1 in places or not places:
        return 0, next_number
    first = min(places, key=lambda number: places[number])
    return places[first], first - 1


def _until_blank_line(lines: list[str]) -> str:
    text = "\n".join(lines).strip()
    return re.split(r"\n[ \t]*\n", text, maxsplit=1)[0].strip()
