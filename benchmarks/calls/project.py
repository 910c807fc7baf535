"""A folder with a recipe of one model: what an engine is measured with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

RECIPE = "bench.yaml"


def write_recipe(folder: Path, base_url: str, **model: Any) -> Path:
    """Writes the recipe into the folder, with more said of its model; gives its path."""
    recipe = {
        "name": "bench",
        "seeds": {"prompts": ["seeds.jsonl"]},
        "models": {
            "it": {
                "model": "openai_compatible/m",
                "base_url": base_url,
                "input_usd_per_million": 1.0,
                "output_usd_per_million": 2.0,
                **model,
            }
        },
        "completions": {"teachers": ["it"]},
        "limits": {"budget": {"usd_per_run": 1000.0}},
    }
    path = folder / RECIPE
    path.write_text(yaml.safe_dump(recipe))
    return path


@contextmanager
def project(base_url: str, **model: Any) -> Iterator[str]:
    """A temporary folder with the recipe in it; gives the folder's path."""
    with tempfile.TemporaryDirectory(prefix="bench_calls_") as folder:
        write_recipe(Path(folder), base_url, **model)
        yield folder
