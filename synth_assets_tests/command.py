"""The command line in a process of its own, as a person starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def synth_assets(
    *words: str, home: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs ``synth-assets WORDS`` with its state in ``home``."""
    return subprocess.run(
        [sys.executable, "-m", "synth_assets.cli", *words],
        env={**os.environ, "SYNTH_HOME": str(home), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_as_json(*words: str, home: Path) -> Any:
    """The JSON value of a command that must succeed."""
    done = synth_assets(*words, "--json", home=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
