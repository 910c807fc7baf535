"""Commands about versions: ``versions``, ``diff``, ``tag``, ``restore``, ``vacuum``, ``what-if``,
``rebuild``.

Each imports what it needs when it runs: ``--help`` waits for none of it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click
import yaml

from synth_assets.console.command import as_json, explained, named_recipe
from synth_assets.console.messages import people, print_json
from synth_assets.errors import RecipeError
from synth_assets.store.home import Home

recipe_argument = click.argument("recipe_name", metavar="RECIPE")


@click.command("versions")
@recipe_argument
@click.argument("table")
@as_json
@explained
def versions_command(recipe_name: str, table: str, as_json: bool) -> None:
    """List the versions of TABLE, newest first, with what had changed."""
    from synth_assets.console.history_tables import print_versions
    from synth_assets.history.versions import versions
    from synth_assets.store.lake import Lake

    recipe = named_recipe(recipe_name)
    with Lake(Home.from_environment(), read_only=True) as lake:
        found = versions(lake, recipe.name, table)
    if as_json:
        print_json([version.as_json() for version in found])
    else:
        print_versions(people, found)


@click.command("diff")
@recipe_argument
@click.argument("table")
@click.argument("before")
@click.argument("after", required=False)
@as_json
@explained
def diff_command(
    recipe_name: str, table: str, before: str, after: str | None, as_json: bool
) -> None:
    """Tell how TABLE differs between two versions, and why.

    BEFORE and AFTER are numbers or tags; without AFTER: between BEFORE and now.
    """
    from synth_assets.console.history_tables import print_diff
    from synth_assets.history.diff import diff
    from synth_assets.stages.recipe_stages import recipe_stages
    from synth_assets.stages.workshop import Workshop
    from synth_assets.store.lake import Lake
    from synth_assets.store.tags import resolve_version

    recipe = named_recipe(recipe_name)
    with Lake(Home.from_environment(), read_only=True) as lake:
        sides = [
            lake.version() if side is None else resolve_version(lake, side)
            for side in (before, after)
        ]
        found = diff(Workshop(recipe, lake, recipe_stages(recipe)), table, *sides)
    if as_json:
        print_json(found.as_json())
    else:
        print_diff(people, found)


@click.command("tag")
@recipe_argument
@click.argument("name")
@click.option("--note", help="What you want to say of it.")
@as_json
@explained
def tag_command(recipe_name: str, name: str, note: str | None, as_json: bool) -> None:
    """Name the newest version, such as v1.0.

    It is never vacuumed. The tag keeps the recipe, its templates and SQL, and the versions of code
    and packages.
    """
    from synth_assets.history.tagging import tag_version
    from synth_assets.stages.recipe_stages import recipe_stages
    from synth_assets.stages.workshop import Workshop
    from synth_assets.store.lake import Lake

    recipe, home = named_recipe(recipe_name), Home.from_environment()
    Lake(home, read_only=True).version()  # a lake that is not there is not made by naming it
    with Lake(home) as lake:
        tag = tag_version(Workshop(recipe, lake, recipe_stages(recipe)), name, note=note)
    if as_json:
        print_json({"tag": tag.tag, "recipe": tag.recipe, "version": tag.version})
    else:
        people.print(f"{tag.tag} is version {tag.version} of {tag.recipe}", markup=False)


@click.command("restore")
@recipe_argument
@click.argument("version")
@click.option("--table", "tables", multiple=True, help="Only this table; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@explained
def restore_command(
    recipe_name: str, version: str, tables: tuple[str, ...], yes: bool, as_json: bool
) -> None:
    """Bring the tables of RECIPE back to how they were.

    VERSION is a number or a tag. They become new versions; nothing is lost. Calls are never taken
    back.
    """
    from synth_assets.history.restoring import restore
    from synth_assets.stages.recipe_stages import recipe_stages
    from synth_assets.stages.workshop import Workshop
    from synth_assets.store.lake import Lake
    from synth_assets.store.tags import resolve_version

    recipe, home = named_recipe(recipe_name), Home.from_environment()
    with Lake(home, read_only=True) as looking:
        number = resolve_version(looking, version)
    which = ", ".join(tables) or f"every table of {recipe.name}"
    _agree(f"Bring {which} back to version {number}?", yes)
    with Lake(home) as lake:
        commits = restore(Workshop(recipe, lake, recipe_stages(recipe)), number, tables=tables)
    if as_json:
        print_json(
            [{"table": c.table_name, "round": c.round, "rows": c.row_count} for c in commits]
        )
        return
    for commit in commits:
        where = f" round {commit.round}" if commit.round else ""
        people.print(f"  {commit.table_name}{where}: {commit.row_count:,} rows", markup=False)
    if not commits:
        people.print("Nothing differs from that version.")


@click.command("vacuum")
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    required=True,
    help="Give up versions older than this.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be given up.")
@as_json
@explained
def vacuum_command(days: float, dry_run: bool, as_json: bool) -> None:
    """Give up old versions of the lake and take their space back.

    The newest version and tagged ones stay; no row that a table holds now is touched.
    """
    from synth_assets.history.vacuum import vacuum
    from synth_assets.store.lake import Lake

    home = Home.from_environment()
    Lake(home, read_only=True).version()
    with Lake(home) as lake:
        done = vacuum(lake, older_than=timedelta(days=days), dry_run=dry_run)
    if as_json:
        print_json(vars(done))
        return
    verb = "would be" if dry_run else "were"
    people.print(f"{len(done.expired):,} versions {verb} given up", end="")
    freed = (done.bytes_before - done.bytes_after) / 1e6
    people.print("" if dry_run else f"; {freed:.1f} MB freed, {done.bytes_after / 1e6:.1f} MB left")


@click.command("what-if")
@recipe_argument
@click.option(
    "--set",
    "settings",
    multiple=True,
    required=True,
    metavar="FIELD=VALUE",
    help="A threshold, such as datasets.sft.min_rating=4.5; may be repeated.",
)
@as_json
@explained
def what_if_command(recipe_name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Tell how the sets would differ under other thresholds.

    Asks no model and writes nothing.
    """
    from synth_assets.console.history_tables import print_what_if
    from synth_assets.history.what_if import what_if

    changes = dict(_setting(text) for text in settings)
    found = what_if(named_recipe(recipe_name), Home.from_environment(), changes)
    if as_json:
        print_json([answer.as_json() for answer in found])
    else:
        print_what_if(people, found)


@click.command("rebuild")
@click.argument("tag")
@as_json
@explained
def rebuild_command(tag: str, as_json: bool) -> None:
    """Make a tagged version again, offline, and compare.

    Uses the recipe, templates and SQL that the tag keeps, and the stored calls; in a lake of its
    own, so that nothing here changes. Ends with 1 where a table differs.
    """
    from synth_assets.console.history_tables import print_rebuilt
    from synth_assets.history.rebuilding import rebuild

    found = rebuild(Home.from_environment(), tag)
    if as_json:
        print_json([{**asdict(table), "is_equal": table.is_equal} for table in found])
    else:
        print_rebuilt(people, found)
    sys.exit(0 if all(table.is_equal for table in found) else 1)


def _setting(text: str) -> tuple[str, Any]:
    """``a.b=1`` as a field's path and a value; the value is read as YAML, as in a recipe."""
    field, equals, value = text.partition("=")
    if not (field and equals):
        raise RecipeError(f"--set {text!r}: write FIELD=VALUE, as in datasets.sft.min_rating=4.5")
    try:
        return field, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {text!r}: the value is no YAML ({error})") from error


def _agree(question: str, yes: bool) -> None:
    if not yes and not click.confirm(question, err=True):
        raise RecipeError("nothing was changed; --yes does not ask")
