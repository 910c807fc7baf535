"""A recipe and a home in, the recipe's tables as they lie in the lake out, to look at only.

Before the first run there is no lake, and looking must not make one: an empty one in a temporary
folder stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from synth_assets.recipe import Recipe
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.workshop import Workshop
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake


def has_lake(home: Home) -> bool:
    """Whether anything was ever made in this home."""
    catalog = home.catalog_file
    return catalog is None or catalog.exists()


@contextmanager
def looking_at(recipe: Recipe, home: Home) -> Iterator[Workshop]:
    """A workshop on the lake that writes nothing to it."""
    if has_lake(home):
        with Lake(home, read_only=True) as lake:
            yield Workshop(recipe, lake, recipe_stages(recipe))
        return
    with TemporaryDirectory(prefix="synth_assets_") as folder, Lake(Home.at(Path(folder))) as lake:
        yield Workshop(recipe, lake, recipe_stages(recipe))
