"""A name that finds no recipe in, what the lake knows of it and the remedy out, for messages."""

from __future__ import annotations

from synth_assets.errors import LakeError
from synth_assets.recipe_errors import did_you_mean
from synth_assets.store.home import Home


def recipes_in_lake(home: Home) -> list[str]:
    """Recipes that have tables in the lake, by name; none where there is no lake, or it cannot be
    read, of which the message that asks is not about."""
    from synth_assets.schemas import COMMITS
    from synth_assets.store.lake import Lake

    if home.catalog_file is not None and not home.catalog_file.exists():
        return []
    try:
        with Lake(home, read_only=True) as lake:
            return lake.schemas_with(COMMITS.name)
    except LakeError:
        return []


def of_a_recipe_without_a_file(name: str, home: Home) -> str:
    """The end of a message: how to name a recipe whose file is elsewhere."""
    held = recipes_in_lake(home)
    if name in held:
        return (
            f". The lake holds tables of {name!r}, so that its file lies elsewhere: give its path, "
            f"such as path/to/{name}.yaml"
        )
    if held:
        return f". The lake holds tables of: {', '.join(held)}; give the path of a file elsewhere"
    return ""


def of_unknown_recipes(sql: str, home: Home) -> str:
    """The end of a message: which recipes a query names that the lake has not, and the nearest."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    from synth_assets.store.calls import SCHEMA as CALLS

    held = recipes_in_lake(home)
    known = {name.lower() for name in [*held, CALLS]}
    try:
        tables = parse_one(sql, dialect="duckdb").find_all(exp.Table)
    except SqlglotError:  # of which the message that asks tells
        return ""
    named = dict.fromkeys(table.db for table in tables if table.db)
    unknown = next((name for name in named if name.lower() not in known), None)
    if unknown is None or not held:
        return ""
    near = did_you_mean(unknown, held) or ";"
    return f"\nThe lake has no recipe {unknown!r}{near} It holds: {', '.join([*held, CALLS])}"
