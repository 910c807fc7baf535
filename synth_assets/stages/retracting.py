"""A withdrawal in, its word in the journal and every set and export without it out; no call made.

The journal is an input of `seed_prompts`, `mutated_prompts`, `preference_candidates`, of filters
that select by scores and of `scored_completions`, so that later runs, `status` and rows that are
made later all heed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from synth_assets.errors import CheckFailed, LakeError, SynthError
from synth_assets.export.rows import other_licences
from synth_assets.identity import canonical_json, content_id
from synth_assets.lineage.withdrawal import Withdrawal
from synth_assets.recipe import Recipe
from synth_assets.schemas import ERASURES, RETRACTIONS, TableSchema
from synth_assets.stages.datasets import GROUP as DATASETS
from synth_assets.stages.erasing import Erased, current_rounds, erase_rows
from synth_assets.stages.exporting import WRITERS, write_files
from synth_assets.stages.materialize import bring_up_to_date
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.stages.seed_lines import forget_line_hashes
from synth_assets.stages.status import table_statuses
from synth_assets.stages.withdrawn import mark_where_they_stand
from synth_assets.stages.workshop import RunOptions, Workshop
from synth_assets.store.commits import Provenance, StagedCommit
from synth_assets.store.erasure import forget_versions
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.locks import FileLock
from synth_assets.store.staging import stage_frame
from synth_assets.store.tags import Tag, tags_of, write_tag

AT_ONCE = frozenset(
    {
        "mutated_prompts",
        "preference_candidates",
        "deita_selection",
        "rejection_sampling_selections",
        "completion_filters",
        "judgments",
    }
)
"""With the sets, what heeds a retraction at once, though other changes may wait for it too."""

RUN_ID = "retract"


@contextmanager
def workshop_alone(recipe: Recipe, home: Home) -> Iterator[Workshop]:
    """A workshop that makes no call, while no run is at work on the recipe.

    Errors: `LakeError` where one is.
    """
    lock = FileLock(home.locks / "recipes" / recipe.name)
    if not lock.acquire(RUN_ID, wait=False):
        raise LakeError(
            f"run {lock.holder() or 'of another process'} is at work on recipe {recipe.name}; wait "
            "for it to end, or cancel it. Nothing was changed"
        )
    try:
        with Lake(home) as lake:
            yield Workshop(
                recipe, lake, recipe_stages(recipe), RUN_ID, RunOptions(makes_calls=False)
            )
    finally:
        lock.release()


def write_journal(
    workshop: Workshop, withdrawal: Withdrawal, reason: str, *, is_erased: bool = False
) -> str:
    """Adds the withdrawal to ``retractions``, once; gives its id."""
    parts = (withdrawal.kind, withdrawal.target, reason, withdrawal.through_context, is_erased)
    id = content_id("retraction", *parts)
    row = {
        "retraction_id": id,
        "kind": withdrawal.kind,
        "target": withdrawal.target,
        "row_ids": list(withdrawal.row_ids),
        "reason": reason,
        "through_context": withdrawal.through_context,
        "is_erased": is_erased,
        "affected": canonical_json(withdrawal.affected),
        "tagged": canonical_json({each.tag: each.affected for each in withdrawal.tagged}),
    }
    _add(workshop, RETRACTIONS, row)
    return id


def _add(workshop: Workshop, table: TableSchema, row: dict[str, Any]) -> None:
    """Commits the table with the row in the place of an earlier one of the same key."""
    lake, recipe = workshop.lake, workshop.recipe.name
    others = [r for r in lake.read(recipe, table).to_dicts() if r[table.key] != row[table.key]]
    staged = stage_frame(lake, recipe, table, table.frame([*others, row]), {})
    try:
        provenance = Provenance(table.name, {}, {})
        workshop.log.commit(StagedCommit(staged, provenance), run_id=workshop.run_id)
    finally:
        staged.drop()


@dataclass(frozen=True)
class Retracted:
    """What was done. waiting: tables that the next run brings up to date; versions_gone: the first
    and the last version of the lake that erasing removed, or
    None."""

    retraction_id: str
    waiting: tuple[str, ...]
    has_exports: bool
    versions_gone: tuple[int, int] | None = None


def retract(workshop: Workshop, withdrawal: Withdrawal, reason: str) -> Retracted:
    """Marks what the withdrawal reaches, and takes it out of the sets and exports."""
    was_current = current_tables(workshop)
    id = write_journal(workshop, withdrawal, reason)
    waiting = refresh_without_calls(workshop, was_current)
    return Retracted(id, tuple(waiting), refresh_exports(workshop))


def erase(workshop: Workshop, erased: Erased, reason: str) -> Retracted:
    """Removes what the withdrawal reaches from the lake, all its versions, and the exports."""
    was_current, rounds = current_tables(workshop), set(current_rounds(workshop))
    id = write_journal(workshop, erased.withdrawal, reason, is_erased=True)
    since = erase_rows(workshop, erased, rounds)
    waiting = refresh_without_calls(workshop, was_current)
    forget_line_hashes(workshop.lake.home, workshop.recipe)
    has_exports = refresh_exports(workshop)
    _clear_tags(workshop.lake, erased, id)
    gone = forget_versions(workshop.lake, since)
    if gone is None:
        return Retracted(id, tuple(waiting), has_exports)
    first, last = gone
    row = {"retraction_id": id, "first_version": first, "last_version": last}
    _add(workshop, ERASURES, row)
    for tag in tags_of(workshop.lake):
        if first <= tag.version <= last:
            _mark(workshop.lake, tag, id)
    return Retracted(id, tuple(waiting), has_exports, gone)


def _clear_tags(lake: Lake, erased: Erased, retraction_id: str) -> None:
    """Files that a tag keeps lose the lines that hold a text, or speak of a row that goes: those of
    labels show what people were asked about, and what they noted of it."""
    for tag in tags_of(lake):
        files = {name: erased.leave_of(text) for name, text in tag.contents["templates"].items()}
        if files != tag.contents["templates"]:
            contents = {**tag.contents, "templates": files}
            _mark(lake, replace(tag, contents=contents), retraction_id)


def _mark(lake: Lake, tag: Tag, retraction_id: str) -> None:
    """Erasing goes before tags: one whose version or words are gone says so."""
    what = f"what retraction {retraction_id} withdrew"
    if what not in (tag.erased or ""):
        tag = replace(tag, erased=f"{tag.erased}, {what}" if tag.erased else what)
    write_tag(lake, tag)


def current_tables(workshop: Workshop) -> set[str]:
    """Tables that nothing but a retraction could make out of date now."""
    return {name for name, status in table_statuses(workshop).items() if status.is_current}


def refresh_without_calls(workshop: Workshop, was_current: set[str]) -> list[str]:
    """Brings the sets up to date, and upstream of them whatever was current before; gives the
    tables that wait for the next run.

    Errors: `CheckFailed` where a set would then fail a blocking check of its own.
    """
    waiting: list[str] = []
    for stage in workshop.stages.values():
        if stage.is_always_made:
            continue
        is_set = stage.group == DATASETS
        if not (is_set or stage.name in AT_ONCE or stage.name in was_current):
            mark_where_they_stand(workshop, stage)
            waiting.append(stage.name)
            continue
        try:
            bring_up_to_date(workshop, stage)
        except SynthError as error:
            # A file that is gone, or a reply that only a call could bring, waits for the next run.
            if is_set or stage.name in AT_ONCE or isinstance(error, CheckFailed):
                raise
            mark_where_they_stand(workshop, stage)
            waiting.append(stage.name)
    return waiting


def refresh_exports(workshop: Workshop) -> bool:
    """Writes the export folder anew where there is one; False where there is none."""
    recipe, lake = workshop.recipe, workshop.lake
    if not (lake.home.exports / recipe.name / "exports").exists():
        return False
    for table, _, write in WRITERS.values():
        if table in workshop.stages:
            rows = lake.read(recipe.name, workshop.stages[table].table)
            # What the recipe no longer allows must not keep what was withdrawn in the files.
            others = other_licences(rows, recipe.export.licences)
            rows = rows.join(others, on=workshop.stages[table].key, how="anti")
            write_files(lake, recipe, table, write, rows, is_whole=others.is_empty())
    return True
