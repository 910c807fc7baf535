"""Prompts of a pool in, the same prompts in other words out: through another language and back
(Sennrich et al. 2016; as augmentation of single texts, Edunov et al. 2018 and Xie et al. 2020).

A prompt goes through each pivot in three steps, the cheap before the dear: there, back, and a judge
for what the text rules kept. The rows keep both raw texts. They have high ROUGE-L with their
parents by design, so no novelty filter looks at them: how far each is from its parent stands
beside it, and how varied they are among themselves in the notes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field

from synth_assets.llm.request import Message, Reply, Request, user
from synth_assets.method import POOL, Material, Resolve, Rule, method
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.draws import IdPool
from synth_assets.methods.prompt_rows import kept, messages_of, new_prompt_id, prompt_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.round_trip import (
    IS_SAME_TASK,
    TRANSLATE,
    round_trip_reason,
    same_task_reason,
    same_task_request,
    translation_reason,
    translation_request,
)
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.quality.diversity import distinct_n
from synth_assets.quality.language_names import language_name
from synth_assets.quality.novelty import rouge_l
from synth_assets.recipe_parts import ModelName, Part, Sampling, each_once
from synth_assets.schemas import PROMPT_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template

METHOD = "back_translation"
OF_TRANSLATION = (METHOD, "reverse_translation")
"""Prompts of these methods are not translated again: each round would go round the last."""

Ratio = Annotated[float, Field(gt=0)]
Pivots = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=60)], ...],
    AfterValidator(each_once),
    Field(min_length=1),
]


class BackTranslation(Part):
    """Prompts through another language and back (Sennrich et al. 2016; methods.md 1).

    per_round: prompts of the pool in each round; each goes through every pivot.
    language: what the prompts are in, where that cannot be detected in a prompt itself.
    length_ratio: shortest and longest allowed, in characters of the parent.
    sampling: sampled and not greedy, for diversity (Edunov et al. 2018, section 4).
    judge_sampling: greedy, and with room for a judge that thinks before its one word.
    """

    teacher: ModelName
    judge: ModelName
    per_round: int = Field(ge=1)
    pivots: Pivots = ("German", "French")
    language: str = Field(default="English", min_length=1, max_length=60)
    length_ratio: tuple[Ratio, Ratio] = (0.5, 2.0)
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=2048)
    judge_sampling: Sampling = Sampling(temperature=0.0, max_tokens=256)


COLUMNS = (
    Column("pivot", pl.String, "Language that the prompt went through"),
    Column("pivot_text", pl.String, "The translator's reply in the pivot, raw; null for none"),
    Column("back_text", pl.String, "The reply that came back, raw; null where none was asked for"),
    Column("parent_rouge_l", pl.Float64, "ROUGE-L F1 with the parent; null where no text came"),
)
SCHEMA = TableSchema("backtranslated_prompts", "prompt_id", "", (*PROMPT_COLUMNS, *COLUMNS))


@dataclass(frozen=True)
class _Trip:
    """One prompt through one pivot, and what is known of it so far."""

    parent: dict[str, Any]
    messages: tuple[Message, ...]
    language: str
    pivot: str
    call_ids: tuple[str, ...] = ()
    pivot_text: str | None = None
    back_text: str | None = None
    drop_reason: str | None = None

    @property
    def text(self) -> str | None:
        return without_thoughts(self.back_text) or None

    def after(self, reply: Reply, reason: str | None, **found: Any) -> _Trip:
        return replace(self, call_ids=(*self.call_ids, reply.call_id), drop_reason=reason, **found)


def _templates(parameters: BackTranslation, resolve: Resolve) -> list[Template]:
    return [load_template(TRANSLATE), load_template(IS_SAME_TASK)]


def _may_follow(
    parameters: BackTranslation, unknown: Counter[str], teacher: str | None
) -> tuple[Counter[str], int]:
    """An unknown reply leaves open its whole trip: there, back, and the judge."""
    trips = min(unknown.total(), parameters.per_round * len(parameters.pivots))
    return Counter({parameters.teacher: 2 * trips}) + Counter({parameters.judge: trips}), trips


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    """The reasons in their order, each with its setting and what it looked at."""
    for reason in ("failed_reply", "empty", "cut_off", "copies_template", "untranslated"):
        yield reason, None, row.get("pivot_text")
    yield "equal_to_parent", None, row.get("parent_rouge_l")
    yield "length_ratio", parameters.get("length_ratio"), row.get("text")
    for reason in ("code_changed", "placeholders_changed", "numbers_changed"):
        yield reason, None, row.get("text")
    for reason in ("another_task", "same_task_unknown"):
        yield reason, parameters.get("judge"), row.get("text")


@method(
    METHOD,
    kind="prompts",
    table="backtranslated_prompts",
    description="Prompts in other words, by way of another language (back-translation, Sennrich "
    "et al. 2016).",
    parameters=BackTranslation,
    columns=COLUMNS,
    templates=_templates,
    rewrites=True,
    rules=_rules,
    may_follow=_may_follow,
)
def translate_prompts(material: Material, parameters: BackTranslation) -> MethodResult:
    """One row per drawn prompt and pivot, kept or dropped by name.

    A row inherits family, split, licence and category, and the reference answer too: it is the same
    task. Of several turns only the last user turn is translated. A pivot that is the prompt's own
    language is passed over. Prompts that this method made are not drawn.
    """
    pool = material.frame(POOL)
    counts: Counter[str] = Counter()
    trips = list(_trips(pool, material.round, parameters))
    trips = _step(
        trips,
        lambda trip: _translation(trip, trip.parent["text"], material.round, parameters),
        lambda trip, reply: trip.after(
            reply, translation_reason(reply, trip.parent["text"]), pivot_text=reply.text
        ),
        material,
        counts,
        in_all=3 * len(trips),
    )
    trips = _step(
        trips,
        lambda trip: _translation(
            trip, without_thoughts(trip.pivot_text), material.round, parameters, is_back=True
        ),
        lambda trip, reply: trip.after(
            reply,
            round_trip_reason(reply, trip.parent["text"], parameters.length_ratio),
            back_text=reply.text,
        ),
        material,
        counts,
    )
    trips = _step(
        trips,
        lambda trip: same_task_request(
            trip.parent["text"],
            trip.text or "",
            judge=parameters.judge,
            sampling=parameters.judge_sampling.given(),
        ),
        lambda trip, reply: trip.after(reply, same_task_reason(reply)),
        material,
        counts,
    )
    rows = [_row(trip, material.round, parameters) for trip in trips]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), {**counts, **_diversity(rows)})


def drawable(pool: pl.DataFrame) -> pl.DataFrame:
    """The prompts that may be translated, in the order of their ids."""
    return kept(pool).filter(~pl.col("method").is_in(OF_TRANSLATION) & pl.col("text").is_not_null())


def _trips(pool: pl.DataFrame, round: int, parameters: BackTranslation) -> Iterator[_Trip]:
    pool = drawable(pool)
    drawn = IdPool(pool["prompt_id"]).draw(parameters.per_round, METHOD, round)
    chosen = pool.filter(pl.col("prompt_id").is_in(drawn)).sort("prompt_id")
    for parent in chosen.iter_rows(named=True):
        language = language_name(parent["text"], otherwise=parameters.language)
        for pivot in parameters.pivots:
            if pivot.casefold() != language.casefold():
                yield _Trip(parent, tuple(messages_of(parent)), language, pivot)


def _translation(
    trip: _Trip, text: str, round: int, parameters: BackTranslation, *, is_back: bool = False
) -> Request:
    source, target = (trip.pivot, trip.language) if is_back else (trip.language, trip.pivot)
    return translation_request(
        text,
        source,
        target,
        model=parameters.teacher,
        sampling=parameters.sampling.given(),
        round=round,
    )


def _step(
    trips: list[_Trip],
    request: Callable[[_Trip], Request],
    after: Callable[[_Trip, Reply], _Trip],
    material: Material,
    counts: Counter[str],
    in_all: int | None = None,
) -> list[_Trip]:
    """Asks about the trips that are left, and keeps the others as they are."""
    found = list(trips)
    left = [place for place, trip in enumerate(trips) if trip.drop_reason is None]
    about = Counted(len(left), ((place, request(trips[place])) for place in left), in_all)
    for place, reply in ask_about(material.ask, about, counts):
        found[place] = after(trips[place], reply)
    return found


def _row(trip: _Trip, round: int, parameters: BackTranslation) -> dict[str, object]:
    parent, text = trip.parent, trip.text
    return prompt_row(
        prompt_id=new_prompt_id(
            METHOD,
            (parent["prompt_id"],),
            round,
            parameters.pivots.index(trip.pivot),
            0,
            text,
        ),
        text=text,
        round=round,
        method=METHOD,
        operator=trip.pivot,
        generation=1,
        derived_from=[parent["prompt_id"]],
        family_id=parent["family_id"],
        split=parent["split"],
        messages=None if text is None else [*trip.messages[:-1], user(text)],
        reference=parent["reference"],
        category=parent["category"],
        model=parameters.teacher,
        call_ids=list(trip.call_ids),
        template_hash=load_template(TRANSLATE).hash,
        licence=parent["licence"],
        origin=f"model:{parameters.teacher}",
        drop_reason=trip.drop_reason,
        pivot=trip.pivot,
        pivot_text=trip.pivot_text,
        back_text=trip.back_text,
        parent_rouge_l=None if text is None else rouge_l(parent["text"], text),
    )


def _diversity(rows: list[dict[str, Any]]) -> dict[str, float]:
    """What stands for the novelty of rows that are near their parents on purpose."""
    kept_rows = [row for row in rows if row["drop_reason"] is None]
    distinct = distinct_n((row["text"] for row in kept_rows), 2)
    notes: dict[str, float] = {} if distinct is None else {"distinct_2": distinct}
    if kept_rows:
        notes["mean_parent_rouge_l"] = sum(r["parent_rouge_l"] for r in kept_rows) / len(kept_rows)
    return notes
