"""Magpie and superfiltering against a server that runs a model, through the whole graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from synth_assets.quality.ifd import instruction_following_difficulty
from synth_assets.quality.scorers.causal import CausalScorer
from synth_assets_tests.command import run_as_json, synth_assets
from synth_assets_tests.full.completions_server import CompletionsServer, serving
from synth_assets_tests.quality.scorers.tiny_model import save_tiny_model
from synth_assets_tests.recipes import write_seeds

pytestmark = pytest.mark.full

PREFIX = "<|im_start|>user\n"
ROWS = 8
POSITIONS = 1024
"""More than a prompt and its completion have tokens: a server refuses what is longer."""

SEEDS = (
    {"prompt": "What is 3 + 4?", "reference": "7"},
    {"prompt": "Sort alphabetically: walnut, ginger, maple, acorn, pepper, hazel."},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"), positions=POSITIONS)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[tuple[CompletionsServer, str]]:
    server = CompletionsServer(folder)
    with serving(server) as address:
        yield server, address


def write_recipe(folder: Path, address: str, **parts: Any) -> Path:
    write_seeds(folder, SEEDS)
    tiny = {
        "model": "openai_compatible/tiny",
        "base_url": address,
        "api": "completions",
        "template_prefix": PREFIX,
    }
    recipe = {
        "name": "served",
        "seeds": {"prompts": ["seeds.jsonl"]},
        "models": {"tiny": tiny, "careful": {"model": "offline/careful"}},
        "completions": {"teachers": ["careful"]},
        "limits": {"failed_replies": 0.5},
        **parts,
    }
    path = folder / "served.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def query(home: Path, sql: str) -> list[dict[str, Any]]:
    return run_as_json("query", sql, home=home)


def test_magpie_s_prompts_are_what_the_model_wrote_after_its_template(
    server: tuple[CompletionsServer, str], tmp_path: Path
):
    model, address = server
    magpie = {"teacher": "tiny", "judge": "careful", "per_round": ROWS, "sampling": SAMPLING}
    path = write_recipe(tmp_path, address, prompts={"magpie": magpie}, completions=None)
    model.asked.clear()
    done = synth_assets("run", str(path), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [body["prompt"] for body in model.asked] == [PREFIX] * ROWS
    rows = query(tmp_path, "SELECT text, drop_reason, tagged_quality FROM served.magpie_prompts")
    written = [model.answer(body)["choices"][0]["text"].strip() for body in model.asked]
    assert sorted(row["text"] or "" for row in rows) == sorted(written)
    kept = [row for row in rows if row["drop_reason"] is None]
    assert kept and all(row["tagged_quality"] for row in kept)
    assert {row["drop_reason"] for row in rows} <= {None, "cut_off", "empty", "duplicate"}


SAMPLING = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 24, "stop": ["\n", "e", "a"]}
"""A random model seldom writes a newline: letters that it does write end a prompt too."""


@pytest.mark.parametrize("asked_by", ["echo", "prompt_logprobs"])
def test_an_endpoint_s_ifd_is_that_of_the_same_model_run_here(
    server: tuple[CompletionsServer, str], folder: Path, tmp_path: Path, asked_by: str
):
    scored_by = {"scorer": "openai_compatible", "endpoint": "tiny", "ask_for": asked_by}
    filters = {"superfiltering": {"keep": 1.0, "max_tokens": 128, **scored_by}}
    path = write_recipe(tmp_path, server[1], filters=filters)
    done = synth_assets("run", str(path), home=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = query(
        tmp_path,
        "SELECT p.text AS prompt, c.text, f.score, f.status FROM served.superfiltered AS f "
        "JOIN served.completions AS c USING (completion_id) "
        "JOIN served.mutated_prompts AS p ON p.prompt_id = c.prompt_id",
    )
    assert len(rows) == len(SEEDS) and {row["status"] for row in rows} == {"ok"}
    scorer = CausalScorer.load(str(folder), max_tokens=128)
    for row in rows:
        before = f"{row['prompt']}\n"
        direct, conditional = scorer.token_logprobs([row["text"], before + row["text"]])
        ifd = instruction_following_difficulty(
            direct, conditional, prompt_length=len(before), mode="parity", max_tokens=128
        ).ifd
        assert row["score"] == pytest.approx(ifd, rel=1e-4)
