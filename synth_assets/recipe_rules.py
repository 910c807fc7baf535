"""A valid recipe in, what its parts ask of each other and do not get out.

Each part is right by itself; together they could never give what is asked. Found when the recipe
loads, before the first paid call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synth_assets.method import all_methods, methods_of
from synth_assets.recipe_errors import did_you_mean
from synth_assets.sampled_models import sampled_models
from synth_assets.schemas import SOURCE_TEXTS
from synth_assets.yaml_file import Field

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe

Problem = tuple[Field, str]
"""The field, and what to say of it."""


def contradictions(recipe: Recipe) -> Iterator[Problem]:
    """Everything that makes the recipe impossible as it stands."""
    yield from _models_that_are_not_declared(recipe)
    yield from _samplings_that_a_provider_refuses(recipe)
    yield from _seeds_that_nothing_comes_of(recipe)
    yield from _prompts_without_what_they_need(recipe)
    yield from _demonstrations_that_reach_no_set(recipe)
    yield from _methods_without_the_table_they_read(recipe)
    yield from _methods_without_what_they_require(recipe)
    yield from _judgments_without_completions(recipe)
    yield from _sets_without_judgments(recipe)


def _models_that_are_not_declared(recipe: Recipe) -> Iterator[Problem]:
    known = sorted(recipe.models)
    for place, name in recipe.model_fields_used():
        if name not in recipe.models:
            yield (
                place,
                f"= {name!r}: no model has this name{did_you_mean(name, known) or ';'} Declared "
                f"under models: {', '.join(known) or 'none'}",
            )


TAKE_NO: Mapping[str, tuple[str, ...]] = {
    "openai": ("top_k", "min_p"),
    "mistral": ("top_k", "min_p"),
    "groq": ("top_k", "min_p"),
    "anthropic": ("min_p",),
    "gemini": ("min_p",),
}
"""Provider → what its own API knows no field for; litellm passes it on all the same."""


def _samplings_that_a_provider_refuses(recipe: Recipe) -> Iterator[Problem]:
    for each in sampled_models(recipe):
        for name in each.models:
            model = recipe.models.get(name)
            if model is None or model.base_url is not None:  # a server of one's own may know it
                continue
            for field in TAKE_NO.get(model.provider, ()):
                value = getattr(each.sampling, field)
                if value is not None:
                    yield (
                        (*each.place, field),
                        f"= {value}: {model.model} (models.{name}) takes none; leave it out",
                    )


def _seeds_that_nothing_comes_of(recipe: Recipe) -> Iterator[Problem]:
    """Without seed prompts, a method has to write prompts for the source texts."""
    seeds = recipe.seeds
    reading = [method for method in methods_of("prompts") if SOURCE_TEXTS.name in method.reads]
    asked = [method for method, _ in recipe.methods("prompts") if method in reading]
    if seeds.prompts:
        return
    if not seeds.source_texts:
        yield (
            ("seeds",),
            "there is nothing to start from; name files of prompts under seeds.prompts, or "
            "documents under seeds.source_texts",
        )
    elif not asked:
        names = " or ".join(method.name for method in reading)
        yield (
            ("seeds", "source_texts"),
            f"nothing writes prompts for these texts, and there are no seed prompts; add prompts: "
            f"{{{names}: {{…}}}}, or name files of prompts under seeds.prompts",
        )


def _prompts_without_what_they_need(recipe: Recipe) -> Iterator[Problem]:
    prompts, methods = recipe.prompts, [method for method, _ in recipe.methods("prompts")]
    if not (prompts.include_seeds or methods):
        yield (
            ("prompts", "include_seeds"),
            "= false: no method makes prompts either; set it to true, or add self_instruct or "
            "evol_instruct",
        )
    has_teacher = recipe.completions is not None and bool(recipe.completions.teachers)
    for method, _ in recipe.methods():
        if method.needs_teacher and not has_teacher:
            yield (
                (method.kind, method.name),
                "it looks at the first teacher's first completion, and the recipe declares none; "
                "add completions: {teachers: [NAME]}",
            )
    if prompts.filters.decontaminate and not recipe.seeds.evaluation:
        yield (
            ("prompts", "filters", "decontaminate"),
            "there is nothing to compare with; name evaluation prompts under seeds.evaluation",
        )


def _demonstrations_that_reach_no_set(recipe: Recipe) -> Iterator[Problem]:
    for place, file in enumerate(recipe.seeds.prompts):
        field = ("seeds", "prompts", place, "demonstrations")
        if file.demonstrations and not recipe.prompts.include_seeds:
            yield (
                field,
                "= true: an answer comes into the sets with its prompt, and prompts.include_seeds "
                "is false; set that to true",
            )
        elif file.demonstrations and recipe.completions is None:
            yield (
                field,
                "= true: an answer is a completion, and the recipe declares none; add "
                "completions: {}, or with teachers: completions: {teachers: [NAME]}",
            )


def _methods_without_the_table_they_read(recipe: Recipe) -> Iterator[Problem]:
    asked = {method.table.name for method, _ in recipe.methods()}
    makers = {each.table.name: each for each in all_methods().values()}
    for method, _ in recipe.methods():
        for table in method.reads:
            maker = makers.get(table)
            if maker is not None and table not in asked:
                yield (
                    (method.kind, method.name),
                    f"it reads {table}, which the recipe does not make; add {maker.kind}: "
                    f"{{{maker.name}: {{…}}}}",
                )


def _methods_without_what_they_require(recipe: Recipe) -> Iterator[Problem]:
    for method, parameters in recipe.methods():
        for place, problem in method.requires(parameters, recipe) if method.requires else ():
            yield (method.kind, method.name, *place), problem


def _judgments_without_completions(recipe: Recipe) -> Iterator[Problem]:
    if recipe.completions is not None:
        return
    places: list[Field] = [
        (method.kind, method.name) for method, _ in recipe.methods("judgments", "pairs", "filters")
    ]
    if recipe.judgments.verification is not None:
        places.append(("judgments", "verification"))
    for place in places:
        yield (
            place,
            "there is nothing to judge, for the recipe declares no completions; add "
            "completions: {teachers: [NAME]}",
        )


def _sets_without_judgments(recipe: Recipe) -> Iterator[Problem]:
    sft, dpo = recipe.datasets.sft, recipe.datasets.dpo
    if recipe.judgments.verification is None:
        remedy = "add judgments: {verification: {}}"
        if sft.verified_only:
            yield ("datasets", "sft", "verified_only"), f"= true: nothing verifies; {remedy}"
        if dpo.pairs == "verified":
            yield ("datasets", "dpo", "pairs"), f"= 'verified': nothing verifies; {remedy}"
    rates = any(method.counts_as_rating for method, _ in recipe.methods("judgments"))
    if not rates and sft.min_rating is not None:
        yield (
            ("datasets", "sft", "min_rating"),
            f"= {sft.min_rating}: nothing rates; add judgments: {{ultrafeedback: {{judge: NAME}}}}",
        )
    made = [method.name for method, _ in recipe.methods("pairs")]
    if dpo.pairs in ("rated", "verified", *made):
        return
    known = [method.name for method in methods_of("pairs")]
    if dpo.pairs in known:
        yield (
            ("datasets", "dpo", "pairs"),
            f"= {dpo.pairs!r}: the recipe does not make these pairs; add pairs: "
            f"{{{dpo.pairs}: {{…}}}}",
        )
    else:
        allowed = ("rated", "verified", *known)
        yield (
            ("datasets", "dpo", "pairs"),
            f"= {dpo.pairs!r}: write one of {', '.join(allowed)}{did_you_mean(dpo.pairs, allowed)}",
        )
