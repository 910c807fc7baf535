"""The command line itself: names, helps, streams, and how it starts and ends."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from synth_assets.cli import main, ui_command
from synth_assets_tests.cli.words import say
from synth_assets_tests.recipes import write_recipe
from synth_assets_tests.sql.projects import copy_project

COMMANDS = ["check", "plan", "query", "run", "status", "ui"]


def test_programs_can_rely_on_the_names_of_the_commands() -> None:
    assert set(COMMANDS) <= set(main.commands)
    options = {option for param in main.commands["run"].params for option in param.opts}
    assert {"--round", "--select", "--limit", "--retry-failed", "--regenerate", "--json"} <= options
    assert "--full-refresh" in options
    assert "--at" in {o for param in main.commands["query"].params for o in param.opts}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_helps_within_80_columns(name: str, option: str) -> None:
    said = say(name, option)
    assert said.code == 0
    assert said.out.startswith(f"Usage: synth-assets {name} ")
    assert all(len(line) <= 80 for line in said.out.splitlines())


def test_the_list_of_commands_cuts_no_sentence() -> None:
    listed = say("--help").out.partition("Commands:")[2]
    assert all(f"\n  {name} " in listed for name in COMMANDS)
    assert "..." not in listed and "…" not in listed


@pytest.mark.parametrize(
    "words",
    [
        ("rnu",),
        ("run",),
        ("run", "tiny", "--limit", "0"),
        ("run", "tiny", "--round", "old"),
        ("query",),
        ("ui", "--port", "99999"),
        ("status", "tiny", "--loud"),
    ],
)
def test_a_wrong_word_ends_with_2_and_leaves_standard_output_empty(words: tuple[str, ...]) -> None:
    said = say(*words)
    assert (said.code, said.out) == (2, "")
    assert said.error.startswith("Usage: ")


@pytest.mark.parametrize("command", ["run", "plan", "status", "check"])
def test_an_unknown_recipe_names_the_nearest(project: Path, command: str) -> None:
    (project / "recipes" / "chat.yaml").write_text("name: chat\n")
    said = say(command, "chta")
    assert (said.code, said.out) == (2, "")
    assert "there is no recipe 'chta'" in said.error and "did you mean 'chat'?" in said.error
    assert said.error.count("\n") == 1


def test_an_error_is_plain_text_on_whole_lines(project: Path) -> None:
    said = say("run", "[red]\x1b[2J" + "x" * 200)
    assert "'[red]\\x1b[2J" in said.error
    assert "x" * 200 in said.error and "\x1b" not in said.error


# The UI.


def test_the_ui_listens_to_this_machine_only(tmp_path: Path) -> None:
    command = ui_command(tmp_path / "workspace.yaml", 3210)
    assert command[0] == sys.executable
    assert command[-4:] == ["--host", "127.0.0.1", "--port", "3210"]
    server = ["-m", "synth_assets.graph.dev_server", "dev"]
    assert [*server, "-w", str(tmp_path / "workspace.yaml")] == command[3:8]


def test_the_ui_refuses_a_port_that_is_taken_before_it_writes_anything(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        said = say("ui", "--port", str(port))
    assert said.code == 1
    assert f"port {port} cannot be used (Address already in use)" in said.error
    assert f"give another with --port {port + 1}" in said.error
    assert not (project / ".synth").exists()


# Processes of their own.

LOOK = """
import json, sys
from synth_assets.cli import main

heavy = ("dagster", "litellm", "torch", "datasets", "math_verify", "sympy")
loaded = {}
for words in json.loads(sys.argv[1]):
    try:
        main(words, standalone_mode=False)
    except SystemExit:
        pass
    names = [name for name in sys.modules if name in heavy]
    loaded[words[0]] = names
    if words[0] == "--help":
        loaded["--help"] += [n for n in ("polars", "duckdb", "pyarrow") if n in sys.modules]
    if words[0] == "query":
        loaded["query"] += [n for n in sys.modules if n.startswith("synth_assets.stages.w")]
print("LOADED", json.dumps(loaded), file=sys.stderr)
"""


def test_what_looks_does_not_wait_for_dagster_or_litellm(tmp_path: Path) -> None:
    write_recipe(
        tmp_path / "recipes",
        models={"teacher": {"model": "offline/careful"}, "judge": {"model": "offline/judge"}},
    )
    copy_project(tmp_path, "kept_prompt_words.yaml")
    words = [
        ["--help"],
        ["query", "select 1"],
        ["versions", "tiny", "sft_set"],
        ["what-if", "tiny", "--set", "datasets.sft.per_prompt=2"],
        ["status", "tiny"],
        ["plan", "tiny"],
        ["check", "tiny"],
        ["sql", "test"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", LOOK, json.dumps(words)],
        cwd=tmp_path,
        env={**os.environ, "SYNTH_HOME": str(tmp_path / "home"), "SYNTH_PROJECT": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    loaded = json.loads(done.stderr.rpartition("LOADED ")[2])
    assert loaded == {word: [] for word, *_ in words}


@pytest.mark.parametrize(("no_color", "is_red"), [("1", False), ("", True)])
def test_a_terminal_sees_colours_unless_it_asks_for_none(
    tmp_path: Path, no_color: str, is_red: bool
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.run(
        [sys.executable, "-m", "synth_assets.cli", "status", "none.yaml"],
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": no_color},
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert (process.returncode, process.stdout) == (2, b"")
    assert "there is no such recipe" in said
    assert ("\x1b[31m" in said) == is_red
