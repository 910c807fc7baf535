"""A recipe and its home in, its next round opened and brought through every stage; what a blocking
check said against it out."""

from __future__ import annotations

import os
from collections.abc import Callable

from synth_assets.errors import CheckFailed
from synth_assets.graph.runs import EXIT_CODES, RunWishes, run_recipe
from synth_assets.recipe import Recipe
from synth_assets.stages.materialize import bring_up_to_date
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake

OpenRound = Callable[[Recipe, Home], tuple[str, ...]]


def by_run(recipe: Recipe, home: Home) -> tuple[str, ...]:
    """Through Dagster, as `synth-assets run RECIPE --round new` does it. ``SYNTH_HOME`` names the
    home from then on, for that is where a run writes.

    Errors: `RuntimeError` where anything else than a check stopped the run.
    """
    os.environ["SYNTH_HOME"] = str(home.path)
    outcome = run_recipe(recipe, home, RunWishes(open_round=True), lambda event: None)
    if outcome.exit_code not in (0, EXIT_CODES["CheckFailed"]):
        raise RuntimeError("; ".join(outcome.errors))
    return tuple(outcome.errors)


def by_stages(recipe: Recipe, home: Home) -> tuple[str, ...]:
    """The same stages one after another, without Dagster: the same tables in half the time."""
    stages, options = recipe_stages(recipe), RunOptions(open_round="by_hand")
    with Lake(home) as lake:
        for stage in stages.values():
            try:
                bring_up_to_date(Workshop(recipe, lake, stages, "study", options), stage)
            except CheckFailed as error:
                return (str(error),)
    return ()
