"""The command line in this process: words in, exit code and both streams out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from synth_assets.cli import main


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    error: str

    @property
    def value(self) -> Any:
        """The one JSON value on standard output."""
        assert self.out.endswith("\n") and self.out.count("\n") == 1, self.out
        return json.loads(self.out, parse_constant=_refuse)


def say(*words: str) -> Said:
    """Runs ``synth-assets WORDS``. An error that is not of ours is raised."""
    result = CliRunner().invoke(main, words, prog_name="synth-assets")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
