"""Messages and values in, standard error for people or standard output for programs out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from synth_assets.console.json_value import to_json
from synth_assets.console.plain_text import plain

people = Console(stderr=True, highlight=False)


@contextmanager
def terminal_of_ones_own() -> Iterator[Console]:
    """`people`, or where it is a terminal, a console that stays on that terminal: while a step of
    Dagster's runs, standard error goes into its log, and no live line would be seen."""
    if not people.is_terminal:
        yield people
        return
    with os.fdopen(os.dup(people.file.fileno()), "w", encoding=people.encoding) as terminal:
        yield Console(file=terminal, highlight=False)


def print_error(message: str) -> None:
    """``error: …`` for people, whole lines, and nothing in it that a terminal obeys."""
    people.print(Text(f"error: {plain(message)}", "red"), soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    click.echo(to_json(value))
