"""Text from anywhere in, text that a terminal only shows out.

What a model wrote may hold escape sequences that move the cursor, recolour, rename the window or
turn the direction of writing round; none of that may reach a person's terminal.
"""

from __future__ import annotations

import re

HARMFUL = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Characters that JSON leaves as they are and a terminal may obey."""


def one_line(text: str, characters: int | None = None) -> str:
    """``text`` on one line, white space collapsed, cut to so many characters."""
    shown = " ".join(plain(text).split())
    if characters is not None and len(shown) > characters:
        return shown[: characters - 1] + "…"
    return shown


def plain(text: str) -> str:
    """``text`` without control characters; line breaks stay, tabs become spaces."""
    spaced = text.replace("\r\n", "\n").expandtabs(4)
    return "".join(c if c.isprintable() or c == "\n" else _mark(c) for c in spaced)


def escape_harmful(json_text: str) -> str:
    """The same JSON with the characters escaped that a terminal may obey: they stand inside
    strings only."""
    return HARMFUL.sub(lambda match: f"\\u{ord(match.group()):04x}", json_text)


def _mark(character: str) -> str:
    """White space of other kinds as a space; what controls a terminal as a mark."""
    return " " if character.isspace() else "\ufffd"
