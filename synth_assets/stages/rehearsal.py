"""A run as it would go, without a call: a workshop and its statuses in, the calls of each table at
least, at most and likely out.

The stages themselves are run, on tables in memory, with an `ask` that knows the replies in the lake
and makes no call: so a request whose reply is known costs nothing, and what filters would drop is
not asked about. What hangs on an unknown reply is counted as if nothing of it were dropped, and
beside that as often as it came to be before, where a method tells (`Method.calls_by_outcome`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import polars as pl

from synth_assets.identity import canonical_json
from synth_assets.llm.request import Ask, Reply, Request
from synth_assets.llm.targets import Targets
from synth_assets.method import (
    FurtherCalls,
    Method,
    all_methods,
    method_tables,
    methods_of,
    schema_of,
)
from synth_assets.methods.completions import Completions
from synth_assets.methods.result import WITHOUT_A_REPLY
from synth_assets.recipe import Recipe
from synth_assets.schemas import (
    COMPLETIONS,
    MUTATED_PROMPTS,
    ROUND_POOL,
    ROUNDS,
    TableSchema,
)
from synth_assets.stages.forecast import Asked
from synth_assets.stages.materialize import is_due
from synth_assets.stages.pools import KIND_OF_SLICE, current_members, key_of_slice
from synth_assets.stages.stage import Input, Made, Stage
from synth_assets.stages.status import TableStatus
from synth_assets.stages.withdrawn import standing
from synth_assets.stages.workshop import Round, Work, Workshop
from synth_assets.store.calls import LakeCalls

NOT_ASKED = "not_asked"
"""Stands for the call_id of a call that a real run would make."""

WINDOW = 2048
"""Requests looked up at once."""

Calls = Counter[str]
"""The recipe's name of a model → calls."""

AskedOf = dict[str, Asked]
"""The recipe's name of a model → what would be asked of it."""


def rehearse(workshop: Workshop, statuses: Mapping[str, TableStatus]) -> dict[str, AskedOf]:
    """Table that asks → what it would ask; a table that is current asks nothing."""
    rehearsal = _Rehearsal(workshop, statuses)
    if any(not statuses[name].is_current for name in rehearsal.calls):
        rehearsal.open_rounds()
        for round in rehearsal.rounds():
            rehearsal.write_prompts(round)
        rehearsal.combine_prompts()
        for round in rehearsal.rounds():
            rehearsal.complete_and_judge(round)
    return rehearsal.calls


class CountingAsk:
    """An `ask` that gives the replies that are known, and counts the others by model, equal ones
    once."""

    def __init__(self, workshop: Workshop, recipe: Recipe, unknown: set[str] | None = None) -> None:
        """unknown: keys that others have counted already; gains those counted here."""
        self._targets = Targets(recipe, {})
        self._known = LakeCalls(workshop.lake)
        self._unknown = set() if unknown is None else unknown
        self.asked: AskedOf = defaultdict(Asked)

    def __call__(self, requests: Iterable[Request]) -> Iterator[Reply]:
        source = iter(requests)
        while window := list(islice(source, WINDOW)):
            keys = [self._targets[request.model].key(request) for request in window]
            wants_bodies = any(request.wants_body for request in window)
            known = self._known.lookup(list(dict.fromkeys(keys)), with_bodies=wants_bodies)
            for key, request in zip(keys, window, strict=True):
                call = known.get(key)
                if call is not None and call.is_settled:
                    yield call.reply(is_cached=True)
                else:
                    if key not in self._unknown:
                        self._unknown.add(key)
                        messages = canonical_json([dict(message) for message in request.messages])
                        size = len(messages.encode("utf-8", "surrogatepass"))
                        self.asked[request.model].add(
                            size,
                            request.sampling.get("max_tokens"),
                            may_be_corrected=request.response_schema is not None,
                        )
                    yield Reply(NOT_ASKED, "failed", None, error=NOT_ASKED)


@dataclass
class _Rehearsal:
    """made: tables as they would be, in the place of those in the lake. unwritten: round → prompts
    that it would gain at most; unwritten_of: (round, table) likewise. unknown: keys of requests
    that are counted: of two tables that ask the same, the first pays."""

    workshop: Workshop
    statuses: Mapping[str, TableStatus]
    calls: dict[str, AskedOf] = field(init=False)
    made: dict[str, pl.DataFrame] = field(default_factory=dict)
    unwritten: Counter[int] = field(default_factory=Counter)
    unwritten_of: Counter[tuple[int, str]] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        asking = (name for name, stage in self.workshop.stages.items() if stage.asks)
        self.calls = {name: defaultdict(Asked) for name in asking}

    def rounds(self) -> list[Round]:
        """The rounds there would be; a first one is opened where there is none."""
        if ROUNDS.name not in self.made:
            return self.workshop.rounds()
        rows = self.made[ROUNDS.name].select("round", "generation").sort("round")
        return [Round(number, json.loads(frozen)) for number, frozen in rows.iter_rows()]

    def open_rounds(self) -> None:
        for name in ("seed_prompts", "evaluation_prompts", "source_texts", ROUNDS.name):
            if name in self.workshop.stages and not self.statuses[name].is_current:
                self._make(self.workshop.stages[name], Round(0, {}))

    def write_prompts(self, round: Round) -> None:
        for name, stage in self.workshop.stages.items():
            if stage.is_frozen and self._is_due(stage, round):
                _, ask = self._make(stage, round)
                certain = Counter({model: asked.certain for model, asked in ask.asked.items()})
                read = [item.table for item in stage.inputs]
                waiting = sum(self.unwritten_of[round.number, table] for table in read)
                most, prompts = what_may_follow(name, round, certain, waiting)
                self._count(name, ask.asked, most - certain)
                self.unwritten[round.number] += prompts
                self.unwritten_of[round.number, name] = prompts

    def combine_prompts(self) -> None:
        if not self.statuses[MUTATED_PROMPTS.name].is_current:
            self._make(self.workshop.stages[MUTATED_PROMPTS.name], Round(0, {}))

    def complete_and_judge(self, round: Round) -> None:
        """Prompts that are known, and all that those may ask that are not yet written."""
        waiting = self.unwritten[round.number]
        hidden: set[str] = set()
        completed = (COMPLETIONS.name, *method_tables("completions"))
        is_last = round.number == self.rounds()[-1].number
        for name, stage in self.workshop.stages.items():
            if not stage.asks or stage.is_frozen or self.statuses[name].is_current:
                continue
            if not stage.by_round and not is_last:
                continue  # made once, from all rounds
            made, ask = self._make(stage, round if stage.by_round else Round(0, {}))
            each = self._calls_of_a_prompt(name)
            later = waiting if name in completed else waiting + len(hidden)
            most = {model: calls.most * later for model, calls in each.items()}
            likely = {model: calls.likely * later for model, calls in each.items()}
            if name in completed:
                rows = self.made[name]
                # A prompt with an unknown completion cannot be shown to a judge yet.
                begun = rows.filter(pl.col("call_id") == NOT_ASKED)
                unknown = begun["prompt_id"].unique()
                hidden |= set(unknown)
                self.made[name] = rows.filter(~pl.col("prompt_id").is_in(sorted(hidden)))
                if name != COMPLETIONS.name:  # a method's later turns hang on its first ones
                    before = int(made.notes.get(WITHOUT_A_REPLY, 0))
                    for model, calls in each.items():
                        asked = self._asked_in(begun, ask, name, model)
                        most[model] += calls.most * before
                        most[model] += max(0, calls.most * unknown.len() - asked)
                        likely[model] += calls.likely * before
                        likely[model] += max(0, calls.likely_once_begun * unknown.len() - asked)
            self._count(name, ask.asked, most, likely)

    def _asked_in(self, begun: pl.DataFrame, ask: CountingAsk, name: str, model: str) -> int:
        """The calls of a model that are counted already, of prompts that a method has begun."""
        if _method_of(name).calls_by_outcome is not None:
            return begun.filter(pl.col("teacher") == model).height
        return ask.asked[model].certain if model in ask.asked else 0

    def _calls_of_a_prompt(self, table: str) -> dict[str, FurtherCalls]:
        """What one kept prompt asks in a table, where nothing of it is asked yet."""
        recipe = self.workshop.recipe
        for method, parameters in recipe.methods():
            if method.table.name == table and method.calls_by_outcome is not None:
                own = recipe.own_completions
                assert own is not None, "completions are made where they are declared alone"
                return dict(method.calls_by_outcome(parameters, own, self._as_it_was))
        completions = completions_of_a_prompt(recipe)
        most = calls_of_a_prompt(recipe, table, completions)
        likely = calls_of_a_prompt(recipe, table, round(completions - self._unlikely_completions()))
        factor = 2 if table != COMPLETIONS.name and _method_of(table).corrects else 1
        return {
            model: FurtherCalls(factor * calls, likely[model], likely[model])
            for model, calls in most.items()
        }

    def _unlikely_completions(self) -> float:
        """Of what a prompt's judges may see, what methods that ask failures again do not add if
        things go as they did."""
        own = self.workshop.recipe.own_completions
        unlikely = 0.0
        for method, parameters in self.workshop.recipe.methods("completions"):
            if method.calls_by_outcome is None or own is None:
                continue
            calls = method.calls_by_outcome(parameters, own, self._as_it_was).values()
            share = sum(each.likely for each in calls) / sum(each.most for each in calls)
            unlikely += (1 - share) * _completions_added(method, parameters, own)
        return unlikely

    def _as_it_was(self, table: str) -> pl.DataFrame:
        return standing(self.workshop.lake.read(self.workshop.recipe.name, schema_of(table)))

    def _count(
        self,
        table: str,
        asked: AskedOf,
        most: Mapping[str, int],
        likely: Mapping[str, float] | None = None,
    ) -> None:
        """likely: as ``most`` where it is left out."""
        for model, part in asked.items():
            whole = self.calls[table][model]
            whole.certain += part.certain
            whole.most += part.most
            whole.unlikely += part.unlikely
            whole.bytes += part.bytes
            whole.output_limit += part.output_limit
        for model, number in most.items():
            whole = self.calls[table][model]
            whole.most += number
            if likely is not None:
                whole.unlikely += max(0.0, number - likely[model])

    def _make(self, stage: Stage, round: Round) -> tuple[Made, CountingAsk]:
        recipe = self.workshop.recipe_of(round) if stage.is_frozen else self.workshop.recipe
        ask = CountingAsk(self.workshop, recipe, self.unknown)
        made = stage.make(_Rehearsed(self.workshop, stage, round, recipe, self.made, ask))
        rows = made.rows
        if stage.by_round:  # what reads all rounds reads them together
            before = self._read(stage.table).filter(pl.col("round") != round.number)
            rows = pl.concat([before, rows])
        self.made[stage.name] = rows
        for table, companion, _ in made.companions:
            self.made[table.name] = companion
        return made, ask

    def _read(self, table: TableSchema) -> pl.DataFrame:
        rows = self.made.get(table.name)
        return self.workshop.lake.read(self.workshop.recipe.name, table) if rows is None else rows

    def _is_due(self, stage: Stage, round: Round) -> bool:
        commit = self.workshop.log.latest().get((stage.name, round.number))
        if commit is None:
            return True
        return is_due(self.workshop, stage, commit, self.workshop.provenance(stage, round))


class _Rehearsed(Work):
    """A stage at work on tables as they would be."""

    def __init__(
        self,
        workshop: Workshop,
        stage: Stage,
        round: Round,
        recipe: Recipe,
        made: Mapping[str, pl.DataFrame],
        ask: Ask,
    ) -> None:
        super().__init__(workshop, stage, round, recipe)
        self._made = made
        self._slices: dict[str, Input] = {item.table: item for item in stage.inputs}
        self._counting = ask

    @property
    def ask(self) -> Ask:
        return self._counting

    def read(self, table: TableSchema) -> pl.DataFrame:
        slice_of = self._slices[table.name].slice
        in_pool = slice_of in KIND_OF_SLICE
        if table.name not in self._made and not (in_pool and ROUND_POOL.name in self._made):
            return super().read(table)
        rows = self._whole(table)
        if in_pool:
            pool = current_members(self._whole(ROUND_POOL).filter(pl.col("round") <= self.round))
            members = pool.filter(pl.col("kind") == KIND_OF_SLICE[slice_of])["prompt_id"]
            return rows.filter(pl.col(key_of_slice(slice_of)).is_in(members.implode()))
        if slice_of == "own":
            return rows.filter(pl.col("round") == self.round)
        if slice_of == "up_to":
            return rows.filter(pl.col("round") <= self.round)
        return rows

    def read_kept_ids(self, table: TableSchema) -> pl.DataFrame:
        rows = self._made.get(table.name)
        if rows is None:
            return super().read_kept_ids(table)
        return rows.filter(pl.col("drop_reason").is_null()).select(table.key).sort(table.key)

    def _whole(self, table: TableSchema) -> pl.DataFrame:
        rows = self._made.get(table.name)
        return self.lake.read(self.recipe.name, table) if rows is None else rows


def _method_of(table: str) -> Method:
    return next(each for each in all_methods().values() if each.table.name == table)


def what_may_follow(
    table: str, round: Round, unknown: Calls, waiting: int = 0
) -> tuple[Calls, int]:
    """Calls of a method, and the prompts that it writes, both at most, given how many of its
    requests have no known reply, and how many prompts it will read that are not yet written."""
    method = next(each for each in methods_of("prompts") if each.table.name == table)
    if method.may_follow is None or method.name not in round.generation:
        return unknown, 0
    unknown = unknown + Counter({"": waiting})
    if not unknown.total():
        return unknown, 0
    frozen = round.generation[method.name]
    teachers = (frozen.get("completions") or {}).get("teachers") or [None]
    parameters = method.parameters.model_validate(frozen["parameters"])
    return method.may_follow(parameters, unknown, teachers[0])


def calls_of_a_prompt(recipe: Recipe, table: str, completions: int) -> Calls:
    """What one kept prompt with so many completions asks in a table at most, corrections of
    replies apart."""
    own = recipe.own_completions
    if own is None:
        return Counter()
    if table == COMPLETIONS.name:
        return Counter(dict.fromkeys(own.teachers, own.per_prompt))
    for method, parameters in recipe.methods():
        if method.table.name == table and method.calls_of_a_prompt is not None:
            return Counter(method.calls_of_a_prompt(parameters, completions))
    return Counter()


def completions_of_a_prompt(recipe: Recipe) -> int:
    """What judges see of one kept prompt at most: teachers' answers or the one that it came with,
    and what methods add to them."""
    own = recipe.own_completions
    if own is None:
        return 0
    answers = (own.pool or len(own.teachers)) * own.per_prompt
    found = answers + 1 if own.answer_given else max(answers, 1)
    added = (_completions_added(*each, own) for each in recipe.methods("completions"))
    return found + sum(added)


def _completions_added(method: Method, parameters: Any, own: Completions) -> int:
    """What a method adds to a prompt's completions at most."""
    if method.completions_of_a_prompt is not None:
        return method.completions_of_a_prompt(parameters, own)
    if method.calls_of_a_prompt is None:
        return 0
    answers = (own.pool or len(own.teachers)) * own.per_prompt
    return Counter(method.calls_of_a_prompt(parameters, answers)).total()  # a row rests on a call
