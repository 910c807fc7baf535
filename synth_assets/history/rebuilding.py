"""A tag in, its tables made again from what it keeps and the stored calls, offline, out.

What people brought (seed and evaluation prompts, what they withdrew, and which rounds were opened
when) is taken from the tagged version, and so are rows about what was withdrawn, which nothing
makes any more; all else is made again, in a lake of its own, from the tagged recipe, templates
and SQL. Under other code or packages it says what differs and stops.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from synth_assets.errors import CallError, SynthError
from synth_assets.history.restoring import MADE_OF_NOTHING
from synth_assets.method import all_methods
from synth_assets.project import find_recipe
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.schemas import (
    CALLS,
    ERASURES,
    EVALUATION_PROMPTS,
    RETRACTIONS,
    ROUND_POOL,
    ROUNDS,
    SEED_PROMPTS,
    SOURCE_TEXTS,
    TableSchema,
)
from synth_assets.stages.materialize import bring_up_to_date
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.stage import Stage, source_hash
from synth_assets.stages.withdrawn import withdrawn
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets.store.calls import SCHEMA as CALLS_SCHEMA
from synth_assets.store.calls import LakeCalls
from synth_assets.store.commits import CommitLog, StagedCommit, changed_parts, library_versions
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.past import columns_at, relation_at
from synth_assets.store.sql_types import quote_name
from synth_assets.store.staging import StagedTable, stage_frame
from synth_assets.store.tags import Tag, find_tag

PROMPTS_GROUP = "2_prompts"
BROUGHT = (SEED_PROMPTS, SOURCE_TEXTS, EVALUATION_PROMPTS, RETRACTIONS)
JOURNALS = frozenset({RETRACTIONS.name, ERASURES.name})
"""What people said of rows, which no code made."""
CALLS_AT_ONCE = 20_000


class CannotRebuild(SynthError):
    """The tagged version cannot be made again here; the message names what differs."""


@dataclass(frozen=True)
class Rebuilt:
    """One table: the content hash that the tag holds, and that of the table made again."""

    table: str
    tagged: str
    rebuilt: str | None

    @property
    def is_equal(self) -> bool:
        return self.tagged == self.rebuilt


def rebuild(home: Home, name: str) -> list[Rebuilt]:
    """Makes the tables of a tagged version again.

    Errors: `CannotRebuild` where code, templates or packages are others than those of the tag, or
    where a call is missing; `QueryError` where there is no such tag.
    """
    with Lake(home, read_only=True) as lake, TemporaryDirectory(prefix="synth_assets_") as folder:
        tag = find_tag(lake, name)
        if tag.erased:
            raise CannotRebuild(f"tag {name}: {tag.erased} was erased from it since")
        with _words_of(tag, Path(folder)) as recipe, Lake(Home.at(Path(folder) / "home")) as own:
            stages = recipe_stages(recipe, sql=_sql_of(tag, Path(folder)))
            differing = list(_differences(lake, tag, recipe, stages))
            if differing:
                raise CannotRebuild(
                    f"tag {name} was made with other words or code than there are here: "
                    f"{'; '.join(differing)}. Install what it was made with, and try again"
                )
            _bring(lake, own, tag, stages)
            options = RunOptions(makes_calls=False)
            workshop = Workshop(recipe, own, stages, "rebuild", options)
            _make(lake, workshop, tag)
            hashes: Mapping[str, str] = tag.contents["tables"]
            return [
                Rebuilt(table, hashes[table], workshop.log.table_hash(table))
                for table in stages
                if table in hashes
            ]


def _sql_of(tag: Tag, folder: Path) -> Path:
    """The tagged SQL models, as files."""
    for name, text in tag.contents["sql"].items():
        file = folder / "sql" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / "sql"


@contextmanager
def _words_of(tag: Tag, folder: Path) -> Iterator[Recipe]:
    """The tagged recipe, with its own templates from the tag; other paths are the recipe's."""
    file = folder / "recipes" / f"{tag.recipe}.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(tag.contents["recipe"], encoding="utf-8")
    recipe = load_recipe(file)
    own: dict[str, str] = {}
    for number, (place, path) in enumerate(recipe.own_files()):
        text = folder / "templates" / f"{number}{Path(path).suffix}"
        text.parent.mkdir(exist_ok=True)
        text.write_text(tag.contents["templates"][path], encoding="utf-8")
        own[".".join(map(str, place))] = str(text)
    if own:
        recipe = load_recipe(file, own)
    recipe._path = find_recipe(tag.recipe)  # beside it lie the files that the recipe names
    yield recipe


def _differences(
    lake: Lake, tag: Tag, recipe: Recipe, stages: Mapping[str, Stage]
) -> Iterator[str]:
    """What is here otherwise than when the version was tagged. Recipe and SQL are the tag's own, so
    what differs is code, a template of the package's, or a package."""
    here = library_versions()
    for package, version in tag.contents["packages"].items():
        if here.get(package) != version:
            yield f"{package} is {here.get(package) or 'missing'} and was {version}"
    for place, parts in tag.contents["code"].items():
        table = place.partition("[")[0]
        stage = stages.get(table)
        if table in JOURNALS:
            continue
        if stage is None:
            yield f"there is no table {table} here"
        elif not stage.is_frozen and not _is_brought(stage):
            changed = changed_parts(parts, stage.fingerprint_parts(recipe, {}))
            yield from (f"the {part} of {table} differs" for part in changed)
    for number, generation in _generations(lake, tag):
        for name, frozen in generation.items():
            method = all_methods().get(name)
            if method is None:
                yield f"there is no method {name} here (round {number})"
                continue
            if frozen["code"] != source_hash((method.module,)):
                yield f"the code of {name} differs (round {number})"
            parameters = method.parameters.model_validate(frozen["parameters"])
            here = {t.name: t.hash for t in method.templates(parameters, recipe.resolve)}
            for template, known in frozen["templates"].items():
                if here.get(template) != known:
                    yield f"the template {template} differs (round {number})"


def _bring(lake: Lake, own: Lake, tag: Tag, stages: Mapping[str, Stage]) -> None:
    """Calls and what people brought, as they were at the version."""
    calls = _at(lake, tag, CALLS, CALLS_SCHEMA)
    if calls is not None:
        for part in calls.iter_slices(CALLS_AT_ONCE):
            LakeCalls(own).append(part.to_dicts())
    log = CommitLog(own, tag.recipe)
    for table in BROUGHT:
        rows = _at(lake, tag, table)
        if rows is not None:
            _commit(own, log, table, rows)
    for stage in stages.values() if own.has(tag.recipe, RETRACTIONS.name) else ():
        rows = _at(lake, tag, stage.table) if stage.keeps_withdrawn else None
        if rows is not None:
            _commit(own, log, stage.table, withdrawn(rows))


def _make(lake: Lake, workshop: Workshop, tag: Tag) -> None:
    """Round by round up to the prompts, since each draws on what those before it accepted; then
    all that follows."""
    rounds, pool = _at(lake, tag, ROUNDS), _at(lake, tag, ROUND_POOL)
    assert rounds is not None and pool is not None
    stages = [stage for stage in workshop.stages.values() if not _is_brought(stage)]
    before_completions = [stage for stage in stages if stage.group <= PROMPTS_GROUP]
    for number in sorted(rounds["round"]):
        until = pl.col("round") <= number
        members = stage_frame(workshop.lake, tag.recipe, ROUND_POOL, pool.filter(until), {})
        _commit(workshop.lake, workshop.log, ROUNDS, rounds.filter(until), members)
        for stage in before_completions:
            _bring_up(workshop, stage, tag)
    for stage in stages:
        _bring_up(workshop, stage, tag)


def _bring_up(workshop: Workshop, stage: Stage, tag: Tag) -> None:
    try:
        bring_up_to_date(workshop, stage)
    except CallError as error:
        raise CannotRebuild(f"tag {tag.tag}: {stage.name}: {error}") from error


def _commit(
    lake: Lake, log: CommitLog, table: TableSchema, rows: pl.DataFrame, *companions: StagedTable
) -> None:
    staged = stage_frame(lake, log.recipe, table, rows, {})
    try:
        log.commit(StagedCommit(staged, MADE_OF_NOTHING, companions=companions), run_id="rebuild")
    finally:
        for each in (staged, *companions):
            each.drop()


def _is_brought(stage: Stage) -> bool:
    return stage.name in {table.name for table in (*BROUGHT, ROUNDS)}


def _generations(lake: Lake, tag: Tag) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = _at(lake, tag, ROUNDS)
    for number, generation in () if rows is None else rows.select("round", "generation").rows():
        yield number, json.loads(generation)


def _at(lake: Lake, tag: Tag, table: TableSchema, schema: str | None = None) -> pl.DataFrame | None:
    """A table as it was at the tagged version; None where it was not there."""
    schema = schema or tag.recipe
    found = columns_at(lake, schema, table.name, tag.version)
    if not found:
        return None
    columns = ", ".join(
        quote_name(name) if name in found else f"NULL AS {quote_name(name)}"
        for name in table.polars.names()
    )
    return lake.frame(
        f"SELECT {columns} FROM {relation_at(schema, table.name, tag.version)}"
        f" ORDER BY {quote_name(table.key)}"
    ).cast(table.polars)
