"""A name and the names known in, the end of an error message out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, end: str = ".") -> str:
    """The nearest known name as a question, or ``end``."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else end
