"""Batches that were submitted in; their replies in the call table, and what is still due, out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synth_assets.errors import CallError, RecipeError, TransientCallError
from synth_assets.llm.batches.asking import settle
from synth_assets.llm.batches.records import BatchRecord, BatchRecords, Item
from synth_assets.llm.batches.shapes import BatchState, Result, refusal
from synth_assets.llm.batches.speaking import BatchSpeaker
from synth_assets.llm.budget import Ledger
from synth_assets.llm.call_store import CallStore
from synth_assets.llm.journal import Journal
from synth_assets.llm.pending import Pending
from synth_assets.llm.recorder import Recorder
from synth_assets.llm.recovery import BUDGET_FILE
from synth_assets.llm.redaction import Redactor
from synth_assets.llm.request import Request
from synth_assets.llm.targets import Targets
from synth_assets.llm.waiting_room import WaitingRoom
from synth_assets.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Collected:
    """stored: rows added, replies and failures. failed: how many of them failed. left: items that
    their batch did not execute: the next run asks them again. ended: batches that are done with;
    pending: batches that still run; both by the provider's ids."""

    stored: int = 0
    failed: int = 0
    left: int = 0
    ended: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    def __add__(self, other: Collected) -> Collected:
        return Collected(
            *(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__)
        )


def collect(home: Path, recipe: Recipe, calls: CallStore) -> Collected:
    """Asks after every batch of the recipe once, and stores what has come. Waits for none.

    A batch is forgotten when its rows are in the store: dying before that, one looks again, and
    the same rows change nothing. Errors: those of the provider; `RecipeError` where the recipe
    no longer has a batch's model.
    """
    records = BatchRecords(home)
    total = Collected()
    with records.locked():
        known = records.all()
        for record in known:
            if record.recipe == recipe.name:
                total += asyncio.run(_collect_one(home, recipe, calls, records, record, known))
    return total


def pending_batches(home: Path, recipe: Recipe) -> list[BatchRecord]:
    """The recipe's batches that are not collected; reads the disk only."""
    return [record for record in BatchRecords(home).all() if record.recipe == recipe.name]


async def _collect_one(
    home: Path,
    recipe: Recipe,
    calls: CallStore,
    records: BatchRecords,
    record: BatchRecord,
    known: Sequence[BatchRecord],
) -> Collected:
    model = recipe.models.get(record.model)
    if model is None:
        raise RecipeError(
            f"{recipe.path}: batch {record.batch_id or record.name} was asked of "
            f"models.{record.model}, which is not declared any more; declare it to get its replies"
        )
    if record.batch_id is None:
        settled = await settle(records, record, list(known), recipe)
        if settled is None:
            return Collected()
        record = settled
    assert record.batch_id is not None
    speaker = BatchSpeaker(model)
    try:
        state = await speaker.api.look(record.batch_id)
        if state.status == "pending":
            return Collected(pending=(record.batch_id,))
        items = {item.custom_id: item for item in records.items(record)}
        results = await _results(speaker, state, items)
        if not record.is_sure and not results.keys() <= items.keys():
            # It only looked like ours: another may, or none, and then it is submitted anew.
            not_ours = (*record.not_ours, record.batch_id)
            records.submitted(replace(record, batch_id=None, is_sure=True, not_ours=not_ours))
            return Collected()
        found = _store(home, recipe, calls, record, speaker, items, results)
        records.forget(record)
        return found
    finally:
        await speaker.close()


async def _results(
    speaker: BatchSpeaker, state: BatchState, items: dict[str, Item]
) -> dict[str, Result]:
    if state.status == "refused":
        return {custom_id: refusal(state.problem or "") for custom_id in items}
    return dict(reversed(await speaker.api.results(state)))  # of two results the first counts


def _store(
    home: Path,
    recipe: Recipe,
    calls: CallStore,
    record: BatchRecord,
    speaker: BatchSpeaker,
    items: dict[str, Item],
    results: dict[str, Result],
) -> Collected:
    """Rows of the results, by way of the journal, so that the budget's accounts know them."""
    room, target = WaitingRoom(), Targets(recipe, {})[record.model]
    latency_s = max(0.0, time.time() - (record.submitted_at or record.intended_at))
    stored = failed = 0
    with contextlib.ExitStack() as last_first:
        journal = Journal(home)
        last_first.callback(journal.close)
        ledger = Ledger(
            home / BUDGET_FILE,
            recipe=recipe.name,
            run_id=record.run_id,
            limits=recipe.limits.budget,
            journal=journal,
        )
        last_first.callback(ledger.close)
        recorder = Recorder(ledger, journal, Redactor(recipe), record.asked_for)
        for custom_id, item in items.items():
            result = results.get(custom_id)
            if result is None:
                continue
            request = _request(record.model, item.canonical)
            pending = Pending(room, target, request, item.key, item.canonical, item.attempt)
            try:
                if isinstance(result, CallError):
                    raise result
                call = recorder.answered(pending, speaker.read(request, result), latency_s)
            except CallError as error:
                call = recorder.failed(pending, _kept(error, result), latency_s)
            stored += 1
            failed += call.status == "failed"
        ledger.write()
        journal.move_to(calls)
    ended = (record.batch_id or record.name,)
    return Collected(stored, failed, len(items) - stored, ended)


def _kept(error: CallError, result: Result) -> CallError:
    """An item that cannot be read has been paid for all the same: its body is kept with it."""
    if isinstance(error, TransientCallError) and isinstance(result, str):
        error.raw_reply = error.raw_reply or result
    return error


def _request(model: str, canonical: str) -> Request:
    value = json.loads(canonical)
    messages = tuple(value.pop("messages"))
    return Request(model=model, messages=messages, **value)
