"""Markdown of the card: values and frames in, text out that no value can break out of.

A model's name, a licence of a seed file or a text of a model may hold Markdown, HTML or a fence.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
MARKUP = re.compile(r"[\\`*\[\]|~#]|(?<![^\W_])_|_(?![^\W_])")
INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def escape(value: Any) -> str:
    """``value`` as it reads, on one line, without meaning to Markdown or HTML."""
    if value is None:
        return "–"
    if isinstance(value, float):
        value = f"{value:.4g}"
    text = value if isinstance(value, str) else str(value)
    text = show_invisible(" ".join(text.split()))
    text = MARKUP.sub(lambda match: "\\" + match.group(), text.translate(HTML))
    return text.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")


def show_invisible(text: str) -> str:
    """Control and format characters as escapes: one that turns the direction of the text would let
    a card read as it is not written."""
    return "".join(
        one if unicodedata.category(one) not in INVISIBLE else json.dumps(one)[1:-1] for one in text
    )


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of escaped cells."""
    lines = [header, ["---"] * len(header)]
    lines += [[escape(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fenced(text: str, language: str = "") -> str:
    """``text`` in a fence longer than any that it holds."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def fenced_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return fenced("\n".join(show_invisible(line) for line in text.split("\n")), "json")
