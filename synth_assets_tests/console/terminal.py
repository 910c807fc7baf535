"""A console of a chosen width whose output a test reads."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from rich.console import Console


def shown(show: Callable[[Console], None], *, width: int = 80, is_terminal: bool = False) -> str:
    """What ``show`` prints on a console of that width."""
    stream = StringIO()
    show(
        Console(
            file=stream,
            width=width,
            highlight=False,
            force_terminal=is_terminal,
            color_system="standard" if is_terminal else None,
        )
    )
    return stream.getvalue()
