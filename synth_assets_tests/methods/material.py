"""A method's material by hand: a few prompts and completions, and an `ask` of the test's."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from synth_assets.llm.request import Ask
from synth_assets.method import Material
from synth_assets.methods.completions import Completions
from synth_assets.recipe_model import Model
from synth_assets_tests.scripted_ask import never_asked

NAMES = ("teacher", "large", "small", "judge", "writer")
MODELS = {name: Model(model=f"offline/{name}", licence="mit") for name in NAMES}


def make_material(
    prompts: pl.DataFrame,
    completions: pl.DataFrame,
    ask: Ask | None = None,
    *,
    student: str | None = None,
    system_text: str | None = None,
    frames: Mapping[str, pl.DataFrame] | None = None,
) -> Material:
    """frames: those of other tables, by their names."""
    return Material(
        round=1,
        frames={"mutated_prompts": prompts, "completions": completions, **(frames or {})},
        ask=ask or never_asked(),
        models=MODELS,
        student=student,
        completions=Completions(teachers=("teacher",), system_text=system_text),
    )
