"""Completions in, what each says that no student should learn out; nothing is asked of a model.

Repetition, a provider's product speaking of itself, refusals, other languages, personal data, and
what stands in an evaluation set word by word (Lambert et al. 2024, section 3.2). The assistant's
earlier turns of the prompt are looked at too: they stand in the same row, and are learnt with it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import AfterValidator, Field

from synth_assets.identity import content_id
from synth_assets.method import Material, method
from synth_assets.methods.result import MethodResult
from synth_assets.quality.contamination import NGRAM, SHARE, EvaluationIndex
from synth_assets.quality.language import detect_language
from synth_assets.quality.personal_data import KINDS, Kind, find_personal_data
from synth_assets.quality.refusals import is_refusal
from synth_assets.quality.repetition import repetition
from synth_assets.quality.self_identification import identifies_itself
from synth_assets.recipe_parts import LanguageCode, Part, Share, each_once
from synth_assets.schemas import FILTER_COLUMNS, TableSchema

METHOD = "hygiene"
TABLE = "hygiene"
EVALUATION = "evaluation_prompts"
Rule = Literal[
    "repetition", "self_identification", "refusal", "language", "personal_data", "contamination"
]
SCHEMA = TableSchema(TABLE, "filter_id", "Hygiene.", FILTER_COLUMNS)
_CODE_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


class Repetition(Part):
    """How often is too often: a paragraph, a sentence, one line in a row."""

    paragraphs: int = Field(default=10, ge=2)
    sentences: int = Field(default=40, ge=2)
    lines: int = Field(default=4, ge=2)


class Overlap(Part):
    """Tülu 3's rule (Lambert et al. 2024, section 3.2): more than ``share`` of an evaluation text
    lies in n-grams that the completion holds too."""

    ngram: int = Field(default=NGRAM, ge=1, le=50)
    share: Share = SHARE


class Hygiene(Part):
    """What a completion must not hold; null, false or an empty list turns a rule off.

    self_identification: English, German, French, Spanish and Chinese. refusals: English only.
    languages: those a completion may be in; none given, all pass.
    also_for_pairs: rules that keep a completion out of preference pairs too. The others leave it
        there, where a refusal or a repetition may well stand rejected.
    """

    repetition: Repetition | None = Repetition()
    self_identification: bool = True
    refusals: bool = True
    languages: Annotated[tuple[LanguageCode, ...], AfterValidator(each_once)] = ()
    personal_data: Annotated[tuple[Kind, ...], AfterValidator(each_once)] = KINDS
    contamination: Overlap | None = Overlap()
    also_for_pairs: Annotated[tuple[Rule, ...], AfterValidator(each_once)] = (
        "personal_data",
        "contamination",
    )


Finding = tuple[float | None, str, str | None]
"""(score, status, drop reason)."""


@method(
    METHOD,
    kind="filters",
    table=TABLE,
    description="What each completion says that no student should learn, rule by rule.",
    parameters=Hygiene,
    reads=("mutated_prompts", "completions", EVALUATION),
    asks=False,
)
def check_hygiene(material: Material, parameters: Hygiene) -> MethodResult:
    """A row for each completion with a text and each rule that is on. A reason may be an earlier
    answer's in the conversation."""
    rules = _rules(parameters, material.frames[EVALUATION])
    earlier = _earlier_answers(material.frame("mutated_prompts"))
    rows = [
        {
            "filter_id": content_id("filter", METHOD, rule, completion["completion_id"]),
            "completion_id": completion["completion_id"],
            "prompt_id": completion["prompt_id"],
            "round": completion["round"],
            "filter": f"{METHOD}:{rule}",
            "score": score,
            "status": status,
            "holds_for": "all" if rule in parameters.also_for_pairs else "sft",
            "call_ids": [],
            "drop_reason": reason,
        }
        for completion in _with_text(material.frame("completions"))
        for rule, look in rules.items()
        for score, status, reason in (
            _worst(
                look(text)
                for text in (*earlier.get(completion["prompt_id"], ()), completion["text"])
            ),
        )
    ]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows))


def _with_text(completions: pl.DataFrame) -> Iterator[dict[str, Any]]:
    spoken = completions.filter(pl.col("text").is_not_null()).sort("completion_id")
    return spoken.select("completion_id", "prompt_id", "round", "text").iter_rows(named=True)


def _earlier_answers(prompts: pl.DataFrame) -> Mapping[str, list[str]]:
    """prompt → what the assistant says in it; nothing for a prompt of one turn, or an unknown."""
    said: dict[str, list[str]] = defaultdict(list)
    for prompt_id, messages in prompts.select("prompt_id", "messages").iter_rows():
        for turn in messages or ():
            if turn["role"] == "assistant":
                said[prompt_id].append(turn["content"])
    return said


def _worst(findings: Iterable[Finding]) -> Finding:
    """Of the turns of one row: the first that is dropped, else the one with the highest score; the
    completion's own where none has any."""
    found = list(findings)
    dropped = next((each for each in found if each[2] is not None), None)
    return dropped or max(reversed(found), key=lambda each: each[0] or 0.0)


def _rules(parameters: Hygiene, evaluation: pl.DataFrame) -> dict[Rule, Callable[[str], Finding]]:
    """The rules that are on, in the order of their names in `Rule`."""
    rules: dict[Rule, Callable[[str], Finding]] = {}
    if parameters.repetition is not None:
        limits = parameters.repetition
        rules["repetition"] = lambda text: _repetition(text, limits)
    if parameters.self_identification:
        rules["self_identification"] = lambda text: _found(
            identifies_itself(text), "identifies_itself"
        )
    if parameters.refusals:
        rules["refusal"] = lambda text: _found(is_refusal(text), "refuses")
    if parameters.languages:
        rules["language"] = lambda text: _language(text, parameters.languages)
    if parameters.personal_data:
        rules["personal_data"] = lambda text: _personal_data(text, parameters.personal_data)
    if parameters.contamination is not None:
        index = EvaluationIndex(evaluation_texts(evaluation), parameters.contamination.ngram)
        limit = Fraction(str(parameters.contamination.share))
        rules["contamination"] = lambda text: _contamination(text, index, limit)
    return rules


def evaluation_texts(evaluation: pl.DataFrame) -> list[str]:
    """Every turn of every evaluation prompt, by itself: a copy of one turn of two is a copy, and
    the answer of an earlier turn is what a completion would copy."""
    return [
        turn["content"]
        for messages in evaluation.sort("prompt_id")["messages"]
        for turn in messages
        if turn["role"] != "system"
    ]


def _found(is_found: bool, reason: str) -> Finding:
    return None, "ok", reason if is_found else None


def _repetition(text: str, limits: Repetition) -> Finding:
    """The score is the largest count over its limit: 1 and more drops."""
    counts = repetition(text)
    shares = {
        "repeated_paragraph": counts.paragraphs / limits.paragraphs,
        "repeated_sentence": counts.sentences / limits.sentences,
        "repeated_line": counts.lines / limits.lines,
    }
    reason = next((name for name, share in shares.items() if share >= 1), None)
    return max(shares.values()), "ok", reason


def _language(text: str, languages: tuple[str, ...]) -> Finding:
    """Code is in no language; a text too short to tell passes, with a status that says so."""
    language = detect_language(_CODE_BLOCK.sub("", text))
    if language is None:
        return None, "unknown", None
    return _found(language not in languages, "other_language")


def _personal_data(text: str, kinds: tuple[Kind, ...]) -> Finding:
    """The score is the number of finds; the first in the text gives the reason."""
    finds = find_personal_data(text, kinds)
    return float(len(finds)), "ok", f"holds_{finds[0].kind}" if finds else None


def _contamination(text: str, index: EvaluationIndex, limit: Fraction) -> Finding:
    """The score is the largest share of an evaluation text that the completion covers."""
    score = index.score(text)
    return float(score), "ok", "contaminated" if score > limit else None
