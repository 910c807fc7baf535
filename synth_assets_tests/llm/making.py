"""Builders for tests of calls: recipes, requests, rows, engines."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

from synth_assets.identity import content_id
from synth_assets.llm.call_store import CallStore, MemoryCallStore
from synth_assets.llm.engine import Engine
from synth_assets.llm.request import Request, user
from synth_assets.llm.retries import Backoff
from synth_assets.llm.transports.scripted import Script, Scripted
from synth_assets.recipe import Recipe

QUICK = Backoff(first_s=0.001, most_s=0.002)


def make_recipe(model: dict[str, Any] | None = None, **budget: float) -> Recipe:
    """A recipe with one model, ``it``, and a budget."""
    return Recipe.model_validate(
        {
            "name": "trial",
            "seeds": {"prompts": ["seeds.jsonl"]},
            "models": {"it": {"model": "scripted/it", **(model or {})}},
            "completions": {"teachers": ["it"]},
            "limits": {"budget": budget},
        }
    )


def ask_for(text: str, **fields: Any) -> Request:
    return Request(**{"model": "it", "messages": (user(text),), **fields})


def make_engine(
    home: Path,
    script: Script | None = None,
    *,
    recipe: Recipe | None = None,
    calls: CallStore | None = None,
    **arguments: Any,
) -> Engine:
    """An engine whose model ``it`` plays ``script``, or goes its recipe's way where None."""
    if script is not None:
        arguments["transports"] = {"it": Scripted(script)}
    return Engine(
        recipe or make_recipe(),
        home=home,
        calls=calls if calls is not None else MemoryCallStore(),
        asked_for="trial.completions",
        **{"backoff": QUICK, **arguments},
    )


def make_row(key: str = "k", **values: Any) -> dict[str, Any]:
    """A row of calls; its id is the rule's own."""
    row: dict[str, Any] = {
        "key": key,
        "attempt": 0,
        "provider": "scripted",
        "endpoint": "",
        "model": "scripted/it",
        "asked_for": "trial.completions",
        "request": "{}",
        "raw_reply": "{}",
        "status": "ok",
        "text": "Yes.",
        "finish_reason": "stop",
        "error": None,
        "input_tokens": 1,
        "output_tokens": 1,
        "cost_usd": 0.0,
        "latency_s": 0.5,
        "asked_at": datetime(2026, 1, 2, 3, 4, 5, 678),
        **values,
    }
    return {"call_id": content_id("call", key, row["attempt"], row["raw_reply"]), **row}


def start_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own; signals sent to it reach no test."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def run_python(code: str, *arguments: str) -> str:
    child = start_python(code, *arguments)
    out, error = child.communicate(timeout=120)
    assert child.returncode == 0, error
    return out
