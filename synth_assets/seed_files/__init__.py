"""Seed and evaluation prompts: the files a recipe names in, rows of two tables out.

`read_seed_prompts` and `read_evaluation_prompts` give frames of the schemas ``SEED_PROMPTS`` and
``EVALUATION_PROMPTS``; `files_of` gives the files themselves, for a sensor that watches them.
Whatever is wrong in a file raises `RecipeError` with file, line, field, value and remedy, before
the first paid call.
"""

from __future__ import annotations

from synth_assets.seed_files.location import files_of
from synth_assets.seed_files.tables import read_evaluation_prompts, read_seed_prompts, split_of

__all__ = ["files_of", "read_evaluation_prompts", "read_seed_prompts", "split_of"]
