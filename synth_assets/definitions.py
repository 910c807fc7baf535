"""The one object Dagster loads: every recipe of the project, wired."""

from synth_assets.graph.recipe_graph import project_definitions
from synth_assets.project import recipe_paths

defs = project_definitions(recipe_paths())
