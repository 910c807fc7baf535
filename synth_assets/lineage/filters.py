"""A prompt or a completion with its recipe in, every rule that it met out, in their order: passed,
dropped by it, or not reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synth_assets.method import Rule, methods_of
from synth_assets.methods.prompt_filters import INSTANCES
from synth_assets.methods.retraction import RETRACTED
from synth_assets.recipe import Recipe

Told = dict[str, Any]
"""stage, rule, setting, value, result (passed, dropped, not_reached)."""


def prompt_filters(
    recipe: Recipe, frozen: Mapping[str, Any], method_row: Mapping[str, Any] | None,
    row: Mapping[str, Any] | None,
) -> list[Told]:  # fmt: skip
    """Rules of the method, as its round froze them, then the rules across methods.

    method_row: the row in its method's own table; row: the one in mutated_prompts.
    """
    told: list[Told] = []
    methods = {each.name: each for each in methods_of("prompts")}
    if method_row is not None:
        method = str(method_row.get("method") or "seed_prompts")
        parameters = dict(frozen.get(method, {}).get("parameters", {}))
        rules = methods[method].rules if method in methods else None
        if rules is not None:
            told += _walk(method, rules(parameters, method_row), method_row.get("drop_reason"))
    if row is not None:
        own = None if method_row is None else method_row.get("drop_reason")
        if own is not None:
            return told
        told += _walk("mutated_prompts", _shared_rules(recipe, row), row.get("drop_reason"))
    return told


def completion_filters(
    recipe: Recipe, row: Mapping[str, Any], scored: Mapping[str, Any] | None, reason: str | None
) -> list[Told]:
    """The rules by which sft_set takes a completion. reason: what dropped_rows says of it."""
    if scored is None:
        return []
    return _walk("sft_set", _sft_rules(recipe, row, scored), reason)


def _shared_rules(recipe: Recipe, row: Mapping[str, Any]) -> Iterator[Rule]:
    filters, is_seed = recipe.prompts.filters, row.get("method") == "seed"
    if row.get("method") == "self_instruct" and recipe.parameters_of(INSTANCES) is not None:
        yield "replaced_by_instances", None, None
        yield "without_instances", None, None
    yield "too_many_characters", recipe.limits.prompt_characters, len(row.get("text") or "")
    yield "duplicate_text", None, None
    if filters.words and not is_seed:
        yield "too_few_words", filters.words[0], None
        yield "too_many_words", filters.words[1], None
    if filters.languages and not is_seed:
        yield "other_language", list(filters.languages), None
    if filters.decontaminate:
        yield "contaminated", filters.decontaminate.model_dump(mode="json"), None
    if is_seed and not recipe.prompts.include_seeds:
        yield "seeds_not_included", None, None


def _sft_rules(recipe: Recipe, row: Mapping[str, Any], scored: Mapping[str, Any]) -> Iterator[Rule]:
    sft = recipe.datasets.sft
    if scored["is_retracted"]:
        yield RETRACTED, None, None
    yield "prompt_dropped", None, not scored["is_prompt_kept"]
    for reason in ("failed_reply", "empty_reply", "refused", "cut_off"):
        yield reason, None, row.get("status")
    yield "answer_refuted", None, scored["verification"]
    is_kept_human = sft.keep_human and row.get("origin") == "human"
    if sft.verified_only and not is_kept_human:
        yield "answer_unparsed", None, scored["verification"]
        yield "not_verified", None, scored["verification"]
    if sft.min_rating is not None and not is_kept_human:
        yield "not_rated", None, scored["mean_rating"]
        yield "rating_below_minimum", sft.min_rating, scored["mean_rating"]
    yield "duplicate_completion", None, None
    yield "not_best_of_prompt", sft.per_prompt, None


def _walk(stage: str, rules: Iterable[Rule], reason: str | None) -> list[Told]:
    """Every rule up to the one that dropped the row, and those after it as not reached. A reason
    that is no rule of today's recipe comes last, as what dropped the row."""
    listed = list(rules)
    if reason is not None and reason not in {name for name, *_ in listed}:
        # Retracted or superseded, or a rule that the recipe had when the table was made.
        listed.append((reason, None, None))
    told: list[Told] = []
    result = "passed"
    for name, setting, value in listed:
        is_it = name == reason
        told.append(
            {
                "stage": stage,
                "rule": name,
                "setting": setting,
                "value": value,
                "result": "dropped" if is_it else result,
            }
        )
        if is_it:
            result = "not_reached"
    return told
