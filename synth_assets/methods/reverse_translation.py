"""People's prompts in, the task of translating them back out: the person's text is the completion.

Sennrich et al. (2016, section 3): the side that a model wrote is the source, and the real text is
always the target, so that a model that learns to translate learns to write as people do. This set
trains the reverse translation that `back_translation` asks of a teacher; where both stand in a
recipe with the same teacher, languages and sampling, the first translation of a prompt is paid for
once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from pydantic import Field

from synth_assets.llm.request import Reply, Request
from synth_assets.method import POOL, Material, Resolve, Rule, method
from synth_assets.methods.asking import Counted, ask_about
from synth_assets.methods.back_translation import METHOD as BACK_TRANSLATION
from synth_assets.methods.back_translation import Pivots, drawable
from synth_assets.methods.draws import IdPool
from synth_assets.methods.prompt_rows import new_prompt_id, prompt_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.round_trip import TRANSLATE, translation_reason, translation_request
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.quality.language_names import language_name
from synth_assets.quality.preserved_parts import change_reason
from synth_assets.recipe_parts import ModelName, Part, Sampling
from synth_assets.schemas import PROMPT_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template

METHOD = "reverse_translation"
TASK = "reverse_translation/task"


class ReverseTranslation(Part):
    """Texts in a pivot language with the person's own words as their translation (Sennrich et al.
    2016; methods.md 1).

    per_round: people's prompts in each round; each is translated into every pivot. Drawn as
    `back_translation` draws, so that both take the same ones.
    language: what the prompts are in, where that cannot be detected in a prompt itself.
    """

    teacher: ModelName
    per_round: int = Field(ge=1)
    pivots: Pivots = ("German", "French")
    language: str = Field(default="English", min_length=1, max_length=60)
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=2048)


COLUMNS = (
    Column("pivot", pl.String, "Language of the text to be translated"),
    Column("pivot_text", pl.String, "The translator's reply in the pivot, raw; null for none"),
)
SCHEMA = TableSchema("reverse_translation_prompts", "prompt_id", "", (*PROMPT_COLUMNS, *COLUMNS))


def _templates(parameters: ReverseTranslation, resolve: Resolve) -> list[Template]:
    return [load_template(TRANSLATE), load_template(TASK)]


def _may_follow(
    parameters: ReverseTranslation, unknown: Counter[str], teacher: str | None
) -> tuple[Counter[str], int]:
    return unknown, unknown.total()


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    for reason in (
        "failed_reply",
        "empty",
        "cut_off",
        "copies_template",
        "untranslated",
        "code_changed",
        "placeholders_changed",
        "numbers_changed",
    ):
        yield reason, None, row.get("pivot_text")


@method(
    METHOD,
    kind="prompts",
    table=SCHEMA.name,
    description="Tasks to translate, whose completion is what a person wrote (Sennrich et al. "
    "2016).",
    parameters=ReverseTranslation,
    columns=COLUMNS,
    templates=_templates,
    rewrites=True,
    rules=_rules,
    may_follow=_may_follow,
)
def write_tasks(material: Material, parameters: ReverseTranslation) -> MethodResult:
    """One row per drawn prompt of a person and pivot. Its ``given_completion`` is the prompt's own
    text, byte for byte; family, split and licence are the prompt's."""
    counts: Counter[str] = Counter()
    drawn = list(_drawn(material.frame(POOL), material.round, parameters))
    requests = ((each, _request(*each, material.round, parameters)) for each in drawn)
    rows = [
        _row(parent, language, pivot, reply, material.round, parameters)
        for (parent, language, pivot), reply in ask_about(
            material.ask, Counted(len(drawn), requests), counts
        )
    ]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def _drawn(
    pool: pl.DataFrame, round: int, parameters: ReverseTranslation
) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Each drawn prompt with its language and a pivot that is another."""
    written = drawable(pool).filter(pl.col("origin") == "human")
    drawn = IdPool(written["prompt_id"]).draw(parameters.per_round, BACK_TRANSLATION, round)
    chosen = written.filter(pl.col("prompt_id").is_in(drawn)).sort("prompt_id")
    for parent in chosen.iter_rows(named=True):
        language = language_name(parent["text"], otherwise=parameters.language)
        for pivot in parameters.pivots:
            if pivot.casefold() != language.casefold():
                yield parent, language, pivot


def _request(
    parent: Mapping[str, Any],
    language: str,
    pivot: str,
    round: int,
    parameters: ReverseTranslation,
) -> Request:
    return translation_request(
        parent["text"],
        language,
        pivot,
        model=parameters.teacher,
        sampling=parameters.sampling.given(),
        round=round,
    )


def _row(
    parent: Mapping[str, Any],
    language: str,
    pivot: str,
    reply: Reply,
    round: int,
    parameters: ReverseTranslation,
) -> dict[str, object]:
    pivot_text = without_thoughts(reply.text)
    reason = translation_reason(reply, parent["text"]) or change_reason(
        parent["text"], pivot_text, is_other_language=True
    )
    text = load_template(TASK).render(target=language, text=pivot_text) if pivot_text else None
    return prompt_row(
        prompt_id=new_prompt_id(
            METHOD,
            (parent["prompt_id"],),
            round,
            parameters.pivots.index(pivot),
            0,
            text,
        ),
        text=text,
        round=round,
        method=METHOD,
        operator=pivot,
        generation=1,
        derived_from=[parent["prompt_id"]],
        family_id=parent["family_id"],
        split=parent["split"],
        given_completion=parent["text"],
        given_origin="human",
        model=parameters.teacher,
        call_ids=[reply.call_id],
        template_hash=load_template(TRANSLATE).hash,
        licence=parent["licence"],
        origin=f"model:{parameters.teacher}",
        drop_reason=reason,
        pivot=pivot,
        pivot_text=reply.text,
    )
