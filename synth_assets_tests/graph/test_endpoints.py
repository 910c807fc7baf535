"""Models behind an address: the same data as the embedded ones, and secrets that stay out of
everything that is kept or shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synth_assets.graph.instance import open_instance
from synth_assets.graph.runs import RunWishes, run_recipe
from synth_assets.identity import canonical_json
from synth_assets.llm.transports.offline import complete
from synth_assets.recipe import Recipe
from synth_assets.store.home import Home
from synth_assets_tests.llm.loopback import Answer, Asked, Loopback, fails, loopback, says
from synth_assets_tests.recipes import evolving, write_recipe, write_seeds
from synth_assets_tests.stages.bench import Bench, bench

OFFLINE_SEEDS = (
    {
        "prompt": "A shop had 41 lamps, sold 7 of them and then received 12 more. "
        "How many lamps are there now?",
        "reference": "46",
    },
    {"prompt": "Sort alphabetically: walnut, ginger, maple, acorn."},
)
OF_THE_CALL = {"call_id", "call_ids", "model"}
"""Columns that say which call a row rests on, and by which name the endpoint knows the model."""

SECRET = "sk-planted-0123456789abcdef"


def offline_parts(**models: dict[str, Any]) -> dict[str, Any]:
    return {
        "models": models,
        "prompts": {"evol_instruct": evolving()},
        "completions": {"teachers": ["teacher"], "per_prompt": 2},
        "judgments": {"ultrafeedback": {"judge": "judge", "criteria": ["helpfulness"]}},
    }


def answer_offline(asked: Asked) -> Answer:
    return Answer(canonical_json(complete(asked.body)))


def tables(one: Bench) -> dict[str, pl.DataFrame]:
    """What the recipe made, without the columns of the call."""
    found = {name: one.read(name) for name in one.run()}
    return {name: rows.drop(set(rows.columns) & OF_THE_CALL) for name, rows in found.items()}


def test_the_offline_models_give_equal_tables_behind_an_address(tmp_path: Path):
    for folder in ("embedded", "served"):
        write_seeds(tmp_path / folder, OFFLINE_SEEDS)
    embedded = offline_parts(teacher={"model": "offline/careful"}, judge={"model": "offline/judge"})
    with bench(tmp_path / "embedded", **embedded) as one:
        expected = tables(one)
    with loopback(answer_offline) as server:
        served = offline_parts(
            teacher={"model": "openai_compatible/careful", "base_url": server.base_url},
            judge={"model": "openai_compatible/judge", "base_url": server.base_url},
        )
        with bench(tmp_path / "served", **served) as one:
            found = tables(one)
    assert server.asked
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        if name != "rounds":  # the frozen parameters name the models
            assert found[name].equals(rows), name


def echo(asked: Asked) -> Answer:
    """A server that says the key back, in what it writes and in what it refuses."""
    key = asked.headers.get("Authorization", "")
    if "Which planet" in asked.prompt:
        return fails(400, json.dumps({"error": {"message": f"bad key {key} in {asked.headers}"}}))
    if asked.body["model"] == "closed":
        return fails(401, json.dumps({"error": {"message": f"{key} is no valid key"}}))
    return says(f"Write a letter that begins with {key} and ends with a greeting to the sea.")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SYNTH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    return Home.at(tmp_path / "home")


def test_a_key_reaches_nothing_that_is_kept_or_shown(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PLANTED_KEY", SECRET)
    write_seeds(tmp_path, [{"prompt": "Which planet is the largest?"}, {"prompt": "Name a sea."}])
    with loopback(echo) as server:
        done = run_recipe(keyed(tmp_path, server, "open"), home, RunWishes(), lambda _: None)
        new_round = RunWishes(open_round=True)
        failed = run_recipe(keyed(tmp_path, server, "closed"), home, new_round, lambda _: None)
    assert any(SECRET in asked.headers.get("Authorization", "") for asked in server.asked)
    assert done.exit_code == 0, done.errors
    assert failed.exit_code == 1
    assert "*** is no valid key" in failed.errors[0]
    shown = capfd.readouterr()
    assert SECRET not in f"{failed.errors}{shown.out}{shown.err}"
    with open_instance(home) as instance:
        events = [*instance.all_logs(done.run_id), *instance.all_logs(failed.run_id)]
        assert len(events) > 100
    kept = {path: content(path) for path in home.path.rglob("*") if path.is_file()}
    assert {".parquet", ".sqlite", ".db", ".jsonl", ".md"} <= {path.suffix for path in kept}
    assert [path for path, text in kept.items() if SECRET in text] == []
    assert [path for path, text in kept.items() if "begins with Bearer ***" in text]


def keyed(folder: Path, server: Loopback, name: str) -> Recipe:
    """A recipe whose only model wants a key."""
    model = {
        "model": f"openai_compatible/{name}",
        "base_url": server.base_url,
        "api_key": "env:PLANTED_KEY",
        "max_retries": 0,
    }
    return write_recipe(
        folder,
        models={"teacher": model, "judge": None},
        completions={"teachers": ["teacher"], "per_prompt": 1},
        judgments=None,
        limits={"failed_replies": 1.0},
    )


def content(path: Path) -> str:
    """All text in a file; Parquet is compressed, so its rows are read."""
    if path.suffix == ".parquet":
        return json.dumps(pl.read_parquet(path).to_dicts(), default=str)
    return path.read_bytes().decode("utf-8", "replace")
