"""What every command shares: errors explained, exit codes, ``--json``, recipes by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from synth_assets.console.messages import print_error, print_json
from synth_assets.errors import (
    QueryError,
    RecipeError,
    SqlModelError,
    SynthError,
    TemplateError,
)
from synth_assets.project import find_recipe
from synth_assets.store.home import Home

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

Command = TypeVar("Command", bound=Callable[..., Any])
WRONG = (RecipeError, TemplateError, SqlModelError, QueryError)
FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130


def explained(command: Command) -> Command:
    """Turns errors of ours into their message and exit code; others keep their stack trace.

    With ``--json`` standard output holds one JSON value even then.
    """

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except SynthError as error:
            message, code = str(error), WRONG_INPUT if isinstance(error, WRONG) else FAILED
        except KeyboardInterrupt:
            message, code = "interrupted", INTERRUPTED
        if kwargs.get("as_json"):
            state = "interrupted" if code == INTERRUPTED else "failed"
            print_json({"status": state, "errors": [message]})
        print_error(message)
        sys.exit(code)

    return run  # type: ignore[return-value]


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON value for programs.")


def named_recipe(name: str) -> Recipe:
    """A recipe by its file or by its name. Errors: `RecipeError`, which names those in the lake."""
    from synth_assets.console.lake_recipes import of_a_recipe_without_a_file
    from synth_assets.recipe import load_recipe  # with all methods: `--help` does not wait for it

    try:
        path = find_recipe(name)
    except RecipeError as error:
        rest = of_a_recipe_without_a_file(name, Home.from_environment())
        raise RecipeError(f"{error}{rest}") from error
    return load_recipe(path)
