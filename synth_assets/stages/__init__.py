"""The stages of a recipe, without Dagster: what each table is made from, and by which checks."""
