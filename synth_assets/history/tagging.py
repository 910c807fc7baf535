"""A recipe and a name in; the newest version tagged with all the words it was made from out.

A tagged version is never vacuumed. The tag holds the recipe, the templates and the SQL as they
were, and the versions of code and packages, so that a table can be traced to its words, and made
again, when the files have long changed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from synth_assets.errors import RecipeError
from synth_assets.project import sql_folder
from synth_assets.recipe import Recipe
from synth_assets.stages.status import table_statuses
from synth_assets.stages.workshop import Workshop
from synth_assets.store.commits import library_versions
from synth_assets.store.tags import NAME, Tag, tags_of, write_tag
from synth_assets.templates import template_folder

KEPT_FILES = frozenset({".txt", ".sql", ".yml", ".yaml", ".csv"})


def tag_version(workshop: Workshop, name: str, *, note: str | None = None) -> Tag:
    """Tags the newest version of the lake.

    Errors: `RecipeError` where the name is no name or is taken, or where a table is out of date:
    the recipe that would be kept is not the one that made it.
    """
    if not NAME.fullmatch(name):
        raise RecipeError(
            f"tag {name!r}: a name begins with a letter and goes on with letters, digits, '.', "
            "'_' and '-', such as v1.0"
        )
    lake, recipe = workshop.lake, workshop.recipe
    if any(tag.tag == name for tag in tags_of(lake)):
        raise RecipeError(f"tag {name!r} is taken, and tags do not move; choose another name")
    behind = [status for status in table_statuses(workshop).values() if not status.is_current]
    if behind:
        raise RecipeError(
            f"tag {name!r}: {behind[0].table} is {behind[0].state.replace('_', ' ')} "
            f"({'; '.join(behind[0].causes)}), so the recipe as it stands did not make this "
            f"version; `synth-assets run {recipe.name}` first"
        )
    latest = workshop.log.latest()
    hashes = {table: workshop.log.table_hash(table) for table in {table for table, _ in latest}}
    tag = Tag(
        tag=name,
        recipe=recipe.name,
        version=lake.version(),
        tagged_at=datetime.now(UTC).replace(tzinfo=None),
        note=note,
        contents={
            "recipe": recipe.path.read_text(encoding="utf-8"),
            "templates": _templates(recipe),
            "sql": _texts(sql_folder()),
            "packages": library_versions(),
            "tables": hashes,
            "code": {
                f"{table}[{round}]": dict(commit.fingerprint_parts)
                for (table, round), commit in sorted(latest.items())
            },
        },
        erased=None,
    )
    write_tag(lake, tag)
    return tag


def _templates(recipe: Recipe) -> dict[str, str]:
    """The package's, and those of the recipe's own by the path that it gives."""
    own = {path: recipe.resolve(path) for _, path in recipe.own_files()}
    return _texts(template_folder()) | {
        path: file.read_text(encoding="utf-8") for path, file in own.items()
    }


def _texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in KEPT_FILES
    }
