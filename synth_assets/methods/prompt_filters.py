"""Every method's candidates in, the same rows under the rules across methods out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import polars as pl
from pydantic import Field

from synth_assets.identity import canonical_json
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA, messages_of
from synth_assets.quality.contamination import contaminated
from synth_assets.quality.language import is_other_language
from synth_assets.quality.tokens import count_words
from synth_assets.recipe_parts import LanguageCode, Part, Share, WordRange

INSTANCES = "self_instruct_instances"
"""The method whose rows replace the prompts that they derive from."""

TRANSLATES_BACK = "reverse_translation"
"""The method whose prompts hold a text in another language on purpose."""


class Decontaminate(Part):
    """Overlap with evaluation prompts by shared n-grams (Tülu 3; methods.md 13)."""

    ngram: int = Field(default=8, ge=1)
    share: Share = 0.5


class PromptFilters(Part):
    """Rules across methods, for all rounds."""

    words: WordRange | None = None
    languages: Annotated[tuple[LanguageCode, ...], Field(min_length=1)] | None = None
    decontaminate: Decontaminate | None = None


Row = dict[str, Any]


def combine_prompts(
    candidates: pl.DataFrame,
    evaluation: pl.DataFrame,
    filters: PromptFilters,
    *,
    include_seeds: bool,
    maximum_characters: int,
) -> pl.DataFrame:
    """All candidates of all rounds, each with its own drop reason or the first rule it breaks:
    replaced_by_instances, without_instances, too_many_characters, duplicate_text, too_few_words,
    too_many_words, other_language, contaminated.

    Of equal prompts the earliest round's stays, a seed before what was made, then the lower id.
    Seeds stand under the rules of size, duplicates and contamination only: a person who gives a
    seed has decided that its length and language are right. Where seeds are not included they are
    dropped, but a copy of one is a duplicate all the same: what a person keeps out must not come
    back in a model's words. Of several turns, the fewest words hold for all user turns together and
    the most for the longest of them; the language is that of all of them. Of a task to translate
    back it is that of the person's text, which the student learns to write and a reader gets.
    """
    rows = [dict(row) for row in candidates.iter_rows(named=True)]
    rows.sort(key=lambda row: (row["round"], row["method"] != "seed", row["prompt_id"]))
    _drop_instructions_with_instances(rows)
    _drop(rows, lambda row: _size_reason(row, maximum_characters))
    _drop_duplicates(rows)
    _drop(rows, lambda row: _form_reason(row, filters))
    if filters.decontaminate:
        _drop_contaminated(rows, evaluation, filters.decontaminate)
    if not include_seeds:
        _drop(rows, lambda row: "seeds_not_included" if _is_seed(row) else None)
    return PROMPT_SCHEMA.frame(rows)


def _is_seed(row: Mapping[str, Any]) -> bool:
    return row["method"] == "seed"


def _drop(rows: list[Row], reason: Callable[[Row], str | None]) -> None:
    for row in rows:
        if row["drop_reason"] is None:
            row["drop_reason"] = reason(row)


def _drop_instructions_with_instances(rows: list[Row]) -> None:
    """An instruction that instances were asked of is no prompt itself: it may lack its input, and
    where it needs none, an instance is the same prompt with a completion. Its kept instances
    stand for it in the pool of later rounds too."""
    kept: dict[str, bool] = {}
    for row in rows:
        if row["method"] == INSTANCES:
            for parent in row["derived_from"]:
                kept[parent] = kept.get(parent, False) or row["drop_reason"] is None
    for row in rows:
        if row["drop_reason"] is None and row["prompt_id"] in kept:
            has_one = kept[row["prompt_id"]]
            row["drop_reason"] = "replaced_by_instances" if has_one else "without_instances"


def _size_reason(row: Row, maximum_characters: int) -> str | None:
    size = sum(len(turn["content"]) for turn in row["messages"])
    return "too_many_characters" if size > maximum_characters else None


def _drop_duplicates(rows: list[Row]) -> None:
    """Compares whole prompts: "Go on." after two different conversations is two prompts."""
    seen: set[str] = set()
    for row in rows:
        if row["drop_reason"] is None:
            identity = canonical_json(messages_of(row))
            row["drop_reason"] = "duplicate_text" if identity in seen else None
            seen.add(identity)


def _form_reason(row: Row, filters: PromptFilters) -> str | None:
    if _is_seed(row):
        return None
    turns = user_turns(row)
    if filters.words:
        fewest, most = filters.words
        words = [count_words(turn) for turn in turns]
        # "Go on." asks for as much as the turns before it did.
        if sum(words) < fewest:
            return "too_few_words"
        if max(words) > most:
            return "too_many_words"
    if filters.languages and is_other_language(_read_text(row, turns), filters.languages):
        return "other_language"
    return None


def _read_text(row: Row, turns: list[str]) -> str:
    """What the rule of languages looks at."""
    if row["method"] == TRANSLATES_BACK:
        return row["given_completion"] or ""
    return "\n".join(turns)


def user_turns(row: Mapping[str, Any]) -> list[str]:
    """What the person says in a prompt, turn by turn."""
    return [turn["content"] for turn in row["messages"] if turn["role"] == "user"]


def _drop_contaminated(
    rows: list[Row], evaluation: pl.DataFrame, parameters: Decontaminate
) -> None:
    """Each user turn of an evaluation prompt is a text of its own, so that copying one turn of
    two does not pass; a training prompt is all its user turns, and the completion that came with
    it."""
    texts = [
        turn
        for row in evaluation.sort("prompt_id").iter_rows(named=True)
        for turn in user_turns(row)
    ]
    remaining = [row for row in rows if row["drop_reason"] is None]
    training = ["\n".join([*user_turns(row), row["given_completion"] or ""]) for row in remaining]
    found = contaminated(training, texts, parameters.ngram, parameters.share)
    for row, is_contaminated in zip(remaining, found, strict=True):
        if is_contaminated:
            row["drop_reason"] = "contaminated"
