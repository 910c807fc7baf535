"""An `ask` for recipes whose models answer by batch: what is known is given, what is not is
submitted, and `RepliesPending` says what is due. No process waits.

No batch is submitted twice: an intent is on disk before the submission, and one that was left
behind by a process that died is looked for among the provider's batches before anything else is
submitted. A key that is in a batch already is in no other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from synth_assets.errors import BudgetExceeded, RejectedCallError, RepliesPending, SynthError
from synth_assets.identity import canonical_json
from synth_assets.llm.accounts import Need
from synth_assets.llm.batches.records import BatchRecord, BatchRecords, Item, batch_name
from synth_assets.llm.batches.speaking import BatchSpeaker
from synth_assets.llm.budget import Ledger
from synth_assets.llm.call_store import CallStore, StoredCall
from synth_assets.llm.engine import Engine
from synth_assets.llm.journal import Journal
from synth_assets.llm.recorder import upper_bound
from synth_assets.llm.recovery import BUDGET_FILE
from synth_assets.llm.redaction import Redactor
from synth_assets.llm.request import Reply, Request
from synth_assets.llm.targets import Targets
from synth_assets.recipe import Recipe

CHUNK = 1_024
MOST_ITEMS = 10_000
MOST_BYTES = 90_000_000
"""A batch holds no more; OpenAI takes 50,000 and 200 MB, Anthropic 100,000 and 256 MB."""

MOST_ATTEMPTS = 4
"""An item that failed so often for passing reasons is given as failed."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A request that is not known. item: without secrets; request: as it is."""

    item: Item
    request: Request


class BatchedAsk:
    """Asks the models with ``batch`` in batches, and all others through ``engine``."""

    def __init__(
        self,
        engine: Engine,
        recipe: Recipe,
        *,
        home: Path,
        calls: CallStore,
        asked_for: str,
        run_id: str = "",
        retry_failed: bool = False,
    ) -> None:
        self._engine, self._recipe, self._home, self._calls = engine, recipe, home, calls
        self._asked_for, self._run_id, self._retry_failed = asked_for, run_id, retry_failed
        self._targets = Targets(recipe, {})
        self._records = BatchRecords(home)
        self._redactor = Redactor(recipe)

    def ask(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """An `Ask`. Replies are given up to the first that is due; then all that is due is
        submitted, and what other models are asked is answered and kept.

        Errors: `RepliesPending` naming the batches; what the provider or the engine raises;
        `BudgetExceeded` where the batch at its upper bound does not fit.
        """
        self._engine.stats.expect_of(requests)
        source = iter(requests)
        due: list[_Due] = []
        batches: set[str] = set()
        count = 0
        while chunk := list(islice(source, CHUNK)):
            found, unknown = self._look_up(chunk)
            count += len(unknown)
            if count == 0:
                yield from self._answers(chunk, found)
                continue
            others = [r for r in chunk if not self._recipe.models[r.model].batch]
            self._engine.stats.expect(len(others) - len(chunk))
            for _ in self._engine.ask(others, is_expected=True):
                pass
            due += unknown
            while len(due) >= MOST_ITEMS:
                batches |= self._submit(due[:MOST_ITEMS])
                due = due[MOST_ITEMS:]
        if count:
            batches |= self._submit(due)
            names = sorted(batches)
            raise RepliesPending(
                f"{self._asked_for}: {count} replies are due from {len(names)} batches "
                f"({', '.join(names[:5])}); run again when they have come",
                batches=names,
                count=count,
            )

    def _look_up(self, chunk: list[Request]) -> tuple[dict[int, StoredCall], list[_Due]]:
        """The failures that are given up, by place; and what of the chunk is due."""
        identified = {
            place: self._targets[request.model].identify(request)
            for place, request in enumerate(chunk)
            if self._targets[request.model].model.batch
        }
        stored = self._calls.lookup(list({key for key, _ in identified.values()}))
        given_up: dict[int, StoredCall] = {}
        due: dict[str, _Due] = {}
        for place, (key, canonical) in identified.items():
            call = stored.get(key)
            if call is not None and not call.is_settled and call.attempt + 1 >= MOST_ATTEMPTS:
                given_up[place] = call
            elif call is None or not self._is_known(call):
                attempt = 0 if call is None else call.attempt + 1
                item = Item(key, attempt, self._redactor.text(canonical))
                due[key] = _Due(item, chunk[place])
        return given_up, list(due.values())

    def _is_known(self, call: StoredCall) -> bool:
        return call.is_settled and (call.status == "ok" or not self._retry_failed)

    def _answers(self, chunk: list[Request], given_up: dict[int, StoredCall]) -> Iterator[Reply]:
        """All is known to the engine too, but for what is given up."""
        stats = self._engine.stats
        stats.asked += len(given_up)
        asked = self._engine.ask(
            [r for n, r in enumerate(chunk) if n not in given_up], is_expected=True
        )
        for place in range(len(chunk)):
            call = given_up.get(place)
            stats.cached += call is not None
            yield next(asked) if call is None else call.reply(is_cached=True)

    def _submit(self, due: list[_Due]) -> set[str]:
        """Submits what of ``due`` is in no batch yet; gives the batches that all of it is in."""
        with self._records.locked():
            batches = {record.name: record for record in self._settled()}
            batch_of = {
                (item.key, item.attempt): name
                for name, record in batches.items()
                for item in self._records.items(record)
            }
            names: set[str] = set()
            by_model: dict[str, list[_Due]] = {}
            for one in due:
                name = batch_of.get((one.item.key, one.item.attempt))
                if name is None:
                    by_model.setdefault(one.request.model, []).append(one)
                else:
                    names.add(batches[name].batch_id or name)
            for model, new in by_model.items():
                self._targets.require_callable(model)
                names |= set(asyncio.run(self._submit_new(model, new)))
            return names

    def _settled(self) -> list[BatchRecord]:
        """All batches, once those that were left behind unsubmitted are found, or forgotten."""
        records = self._records.all()
        for left in [record for record in records if record.batch_id is None]:
            if left.model in self._recipe.models and left.recipe == self._recipe.name:
                asyncio.run(settle(self._records, left, records, self._recipe))
        return [record for record in self._records.all() if record.batch_id is not None]

    async def _submit_new(self, model: str, new: list[_Due]) -> list[str]:
        speaker = BatchSpeaker(self._recipe.models[model])
        try:
            return [await self._submit_one(speaker, model, part) for part in _parts(speaker, new)]
        finally:
            await speaker.close()

    async def _submit_one(
        self, speaker: BatchSpeaker, model: str, part: list[tuple[_Due, dict[str, object]]]
    ) -> str:
        items = [due.item for due, _ in part]
        target = self._targets[model]
        bound = _sum([upper_bound(target, due.request) for due, _ in part])
        record = BatchRecord(
            name=batch_name(items),
            recipe=self._recipe.name,
            model=model,
            asked_for=self._asked_for,
            run_id=self._run_id,
            count=len(items),
            bound=(bound.calls, bound.tokens, bound.picodollars),
            intended_at=time.time(),
        )
        self._records.intend(record, items)
        try:
            self._promise(record)
        except SynthError:
            self._records.forget(record)
            raise
        lines = [(due.item.custom_id, body) for due, body in part]
        try:
            batch_id = await speaker.api.submit(record.name, lines)
        except RejectedCallError:
            self._records.forget(record)  # it was refused; after any other error nobody knows
            raise
        self._records.submitted(replace(record, batch_id=batch_id, submitted_at=time.time()))
        return batch_id

    def _promise(self, record: BatchRecord) -> None:
        """Keeps what the batch may take of the budget, against calls of all processes, until its
        results are in the store. Errors: `BudgetExceeded`."""
        journal = Journal(self._home)
        ledger = Ledger(
            self._home / BUDGET_FILE,
            recipe=self._recipe.name,
            run_id=self._run_id,
            limits=self._recipe.limits.budget,
            journal=journal,
        )
        try:
            if not ledger.promise(Need(*record.bound), self._records.intent(record)):
                raise BudgetExceeded(
                    f"{self._asked_for}: a batch of {record.count} requests does not fit into "
                    "what calls in flight leave of the budget; run again when they are done"
                )
        finally:
            ledger.close()
            journal.close()


def _parts(
    speaker: BatchSpeaker, new: list[_Due]
) -> Iterator[list[tuple[_Due, dict[str, object]]]]:
    """The requests of one batch after the other, with their bodies."""
    part: list[tuple[_Due, dict[str, object]]] = []
    size = 0
    for due in new:
        body = speaker.body(due.request)
        length = len(canonical_json(body)) * 2  # characters beyond ASCII take more bytes
        if part and (len(part) == MOST_ITEMS or size + length > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append((due, body))
        size += length
    if part:
        yield part


def _sum(needs: list[Need]) -> Need:
    return Need(*(sum(column) for column in zip(*needs, strict=True)))


async def settle(
    records: BatchRecords, left: BatchRecord, known: list[BatchRecord], recipe: Recipe
) -> BatchRecord | None:
    """Finds the batch of an intent whose submission nobody recorded, or forgets the intent."""
    speaker = BatchSpeaker(recipe.models[left.model])
    try:
        taken = {record.batch_id for record in known} | set(left.not_ours)
        ids = await speaker.api.find(left.name, left.count, left.intended_at)
        found = next((batch_id for batch_id in ids if batch_id not in taken), None)
        if found is None:
            records.forget(left)
            return None
        is_sure = speaker.api.tells_names
        settled = replace(left, batch_id=found, is_sure=is_sure, submitted_at=left.intended_at)
        records.submitted(settled)
        return settled
    finally:
        await speaker.close()
