"""The tree of `why`: what a person sees of it, whatever the width."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from synth_assets.console.lineage_tree import print_trace

WORDS = " ".join(f"word{n}" for n in range(60))
ID = "0123456789abcdef01234567"


def trace() -> dict[str, Any]:
    node = {
        "id": ID,
        "kind": "prompt",
        "method": "seed",
        "operator": None,
        "model": None,
        "round": 1,
        "parents": [],
        "tables": ["seed_prompts"],
        "seed": None,
        "text": f"{WORDS}\n[red]second[/red] line",
        "template": None,
        "calls": [],
        "judgments": [],
        "filters": [],
        "versions": [],
    }
    child = {"id": "c" * 24, "kind": "completion", "state": "kept", "reason": None}
    return {
        "kind": "prompt",
        "id": ID,
        "recipe": "tiny",
        "table": "seed_prompts",
        "retractions": [],
        "ancestry": [node],
        "descent": [{**child, "first_words": "a b"}],
        "cost": {"own_usd": 0.0, "ancestors_usd": 0.0, "judging_usd": 0.0},
    }


def printed(width: int, *, is_terminal: bool) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=is_terminal, color_system=None)
    print_trace(console, trace())
    return file.getvalue().splitlines()


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("width", [40, 80, 500])
def test_no_word_of_a_text_is_cut_off(width: int, is_terminal: bool) -> None:
    lines = printed(width, is_terminal=is_terminal)
    said = " ".join(" ".join(lines).replace("│", " ").split())
    assert f"{WORDS} [red]second[/red] line" in said
    assert ID in said and "c" * 24 in said


def test_a_terminal_shows_the_tree_within_its_width_and_a_file_whole_lines() -> None:
    assert max(map(len, printed(80, is_terminal=True)[1:-1])) <= 80
    assert any(WORDS in line for line in printed(80, is_terminal=False))
