"""The live line of a run, on a terminal of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from synth_assets_tests.recipes import write_seeds

HIDES_CURSOR = "\x1b[?25l"
RECIPE = """
name: tiny
seeds: {prompts: [{path: seeds.jsonl, licence: apache-2.0}]}
models: {careful: {model: offline/careful}}
completions: {teachers: [careful]}
"""


def on_a_terminal(*words: str, project: Path) -> str:
    """What ``synth-assets WORDS`` writes on a terminal of 200 columns."""
    screen, end = pty.openpty()
    environment = {
        **os.environ,
        "SYNTH_HOME": str(project / "home"),
        "COLUMNS": "200",
        "TERM": "xterm",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "synth_assets.cli", *words],
        cwd=project,
        env={name: value for name, value in environment.items() if name != "SYNTH_PROJECT"},
        stderr=end,
        stdout=subprocess.DEVNULL,
    ) as process:
        os.close(end)
        written = bytearray()
        while True:
            try:
                part = os.read(screen, 4096)
            except OSError:  # Linux says so where the other side is closed
                break
            if not part:
                break
            written += part
        assert process.wait(timeout=120) == 0, written.decode()
    os.close(screen)
    return written.decode()


def test_a_terminal_sees_what_calls_are_under_way_though_dagster_takes_standard_error(
    tmp_path: Path,
) -> None:
    write_seeds(tmp_path / "recipes", [{"prompt": "Add 2 and 3."}, {"prompt": "Name a river."}])
    (tmp_path / "recipes" / "tiny.yaml").write_text(RECIPE)
    written = on_a_terminal("run", "tiny", "--select", "+completions", project=tmp_path)
    assert HIDES_CURSOR in written
    live = written[written.index("completions, round 1") :]
    assert "reused" in live and "tokens" in live
