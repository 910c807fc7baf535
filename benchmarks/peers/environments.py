"""A folder and pinned distributions in, the interpreter of an environment that holds them out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LONGEST_S = 900


class NotInstalled(Exception):
    """An environment could not be made; says why in one line."""


def environment(folder: Path, wanted: Sequence[str]) -> Path:
    """Makes the environment where it is not there yet; gives its interpreter.

    wanted: ``name==version`` each; the first names the environment's folder. It is there where a
    file in it says that just these were installed to the end.
    """
    place = folder / wanted[0].partition("==")[0]
    python = place / "bin" / "python"
    mark = place / "installed.txt"
    if mark.exists() and mark.read_text().split() == list(wanted):
        return python
    shutil.rmtree(place, ignore_errors=True)
    print(f"installing {' '.join(wanted)} into {place} …", file=sys.stderr, flush=True)
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(place))
        _run(uv, "pip", "install", "--quiet", "--python", str(python), *wanted)
    else:
        _run(sys.executable, "-m", "venv", str(place))
        _run(str(python), "-m", "pip", "install", "--quiet", *wanted)
    mark.write_text("\n".join(wanted))
    return python


def _run(*command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[0]} took longer than {LONGEST_S} s") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"{command[0]} ended with {error.returncode}"]
        raise NotInstalled(" ".join(line.strip() for line in lines[-3:])) from None
