"""A recipe in, its Dagster definitions out: only the assets that the recipe asks for."""

from pathlib import Path

import dagster as dg

from synth_assets.errors import SynthError
from synth_assets.graph.assets import asset_key, stage_asset
from synth_assets.graph.automation import recipe_automation
from synth_assets.graph.exports import export_assets
from synth_assets.graph.resources import LakeResource
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.stages.recipe_stages import recipe_stages


def recipe_definitions(recipe: Recipe) -> dg.Definitions:
    """Assets, checks, jobs, schedule and sensor of one recipe, without resources."""
    stages = recipe_stages(recipe)
    assets = [stage_asset(recipe, stages, stage) for stage in stages.values()]
    assets += export_assets(recipe, stages)
    return dg.Definitions.merge(
        dg.Definitions(assets=assets),
        recipe_automation(recipe, [spec for asset in assets for spec in asset.keys]),
    )


def error_definitions(path: Path, error: SynthError) -> dg.Definitions:
    """The one asset that stands for a recipe that does not load, so that the others do."""
    message = str(error)

    @dg.asset(
        key=dg.AssetKey([path.stem, "recipe_error"]),
        group_name=f"{_group_name(path.stem)}_0_error",
        description=f"This recipe does not load.\n\n```\n{message}\n```",
        kinds={"yaml"},
    )
    def recipe_error() -> None:
        raise dg.Failure(message, metadata={"error": type(error).__name__}, allow_retries=False)

    return dg.Definitions(assets=[recipe_error])


def project_definitions(paths: list[Path]) -> dg.Definitions:
    """All recipes of a project as one code location; runs are in-process by default, because a
    process a step costs 3.4 CPU seconds and the waiting is inside the assets."""
    parts: list[dg.Definitions] = []
    names: dict[str, Path] = {}
    for path in paths:
        try:
            recipe = load_recipe(path)
            if recipe.name in names:
                raise SynthError(
                    f"{path}: name: {recipe.name!r} is the name of {names[recipe.name]} too; "
                    "each recipe needs its own"
                )
            parts.append(recipe_definitions(recipe))
            names[recipe.name] = path
        except SynthError as error:
            parts.append(error_definitions(path, error))
    return dg.Definitions.merge(*parts, shared_definitions())


def shared_definitions() -> dg.Definitions:
    """What all recipes share: the lake, the executor, the watch over dead runs."""
    from synth_assets.graph.dead_runs import dead_runs_sensor

    return dg.Definitions(
        resources={"lake": LakeResource()},
        executor=dg.in_process_executor,
        sensors=[dead_runs_sensor],
    )


def _group_name(stem: str) -> str:
    return "".join(c if c.isalnum() or c == "_" else "_" for c in stem)


__all__ = ["asset_key", "error_definitions", "project_definitions", "recipe_definitions"]
