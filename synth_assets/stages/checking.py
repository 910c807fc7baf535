"""What is wrong with a recipe, found before anything is paid for: a path in, findings out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel

from synth_assets.errors import RecipeError, SynthError
from synth_assets.llm import litellm_library
from synth_assets.llm.credentials import check_credentials
from synth_assets.llm.offline.skills import MODELS as OFFLINE_MODELS
from synth_assets.llm.offline.teacher import can_parse
from synth_assets.llm.prices import price_of
from synth_assets.llm.transports.recorded import load_replies
from synth_assets.methods import ultrafeedback
from synth_assets.project import sql_folder
from synth_assets.quality.model_families import model_family
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.recipe_errors import did_you_mean, field_path
from synth_assets.recipe_model import PROVIDERS_OF_OURS
from synth_assets.recipe_parts import marked
from synth_assets.seed_files import read_evaluation_prompts, read_seed_prompts
from synth_assets.seed_files.source_texts import read_source_texts
from synth_assets.sql.variables import recipe_variables
from synth_assets.stages.datasets import load_sql_project
from synth_assets.stages.generation import generation_parameters
from synth_assets.stages.sampling_checks import what_models_do_not_take

Level = Literal["ok", "warning", "error"]
Looked = Iterator[tuple[Level, str]]

SLOTS_OF_A_JUDGE = frozenset({"prompt", "completions", "count", "reference"})


@dataclass(frozen=True)
class Finding:
    """level: ``error`` stops a run, ``warning`` does not, ``ok`` says what was found right."""

    level: Level
    part: str
    message: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check_recipe(path: Path) -> list[Finding]:
    """Recipe, files, models, templates, sets and SQL, each with what was found."""
    try:
        recipe = load_recipe(path)
    except SynthError as error:
        return [Finding("error", "recipe", str(error))]
    findings = [Finding("ok", "recipe", f"{recipe.name}: valid")]
    parts: dict[str, Callable[[Recipe], Looked]] = {
        "seeds": _look_at_seeds,
        "models": _look_at_models,
        "templates": _look_at_templates,
        "sets": _look_at_sets,
        "machine": _look_at_machine,
        "sql": _look_at_sql,
    }
    for part, look in parts.items():
        try:
            for level, message in look(recipe):
                findings.append(Finding(level, part, message))
        except SynthError as error:
            findings.append(Finding("error", part, str(error)))
    return findings


def what_stops_a_run(recipe: Recipe) -> list[str]:
    """What a run would stumble over only after it had paid for calls: keys, models, templates,
    what this machine lacks."""
    looked = [*_look_at_models(recipe), *_look_at_templates(recipe), *_look_at_machine(recipe)]
    return [message for level, message in looked if level == "error"]


def _look_at_seeds(recipe: Recipe) -> Looked:
    if recipe.seeds.prompts:
        yield from _look_at_seed_prompts(recipe)
    if recipe.seeds.source_texts:
        sources = read_source_texts(recipe)
        yield _told("source text", "seeds.source_texts", sources)
    if recipe.judgments.verification and not recipe.seeds.prompts:
        yield (
            "warning",
            "judgments.verification: a source text has no reference answer, so nothing can be "
            "verified; give seed prompts with a reference",
        )
    if recipe.seeds.evaluation:
        yield "ok", f"{read_evaluation_prompts(recipe).height} evaluation prompts"
        if recipe.prompts.filters.decontaminate is None:
            yield (
                "warning",
                "seeds.evaluation: nothing is compared with them; add prompts: {filters: "
                "{decontaminate: {}}}",
            )


def _told(what: str, field: str, rows: pl.DataFrame) -> tuple[Level, str]:
    """How many rows can be used; an error where none can."""
    used = rows["drop_reason"].null_count()
    reasons = Counter(rows["drop_reason"].drop_nulls().to_list())
    dropped = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    if not used:
        return "error", f"{field}: no {what} is usable; dropped: {dropped or 'none'}"
    return "ok", f"{used} {what}s" + (f"; dropped: {dropped}" if dropped else "")


def _look_at_seed_prompts(recipe: Recipe) -> Looked:
    seeds = read_seed_prompts(recipe)
    used = seeds.filter(pl.col("drop_reason").is_null())
    yield _told("seed prompt", "seeds.prompts", seeds)
    if not used.height:
        return
    if recipe.datasets.test_share > 0 and not (used["split"] == "test").any():
        yield (
            "warning",
            f"datasets.test_share = {recipe.datasets.test_share}: no seed falls on the test "
            "side, so the test split will be empty; add seeds or raise the share",
        )
    if any(recipe.models[name].provider == "offline" for _, name in recipe.model_uses()):
        strange = sum(not can_parse(text) for text in used["text"])
        if strange:
            yield (
                "warning",
                f"{strange} of {used.height} seed prompts are of no family that the offline "
                "teacher knows; it answers them in general words",
            )
    if recipe.judgments.verification and used["reference"].is_null().all():
        yield (
            "warning",
            "judgments.verification: no seed prompt has a reference answer, so nothing can be "
            "verified; give reference with the seeds",
        )


def _look_at_models(recipe: Recipe) -> Looked:
    missing = check_credentials(recipe)
    for line in missing:
        yield "error", line
    used = sorted({name for _, name in recipe.model_uses()})
    for name in sorted(set(recipe.models) - set(used)):
        yield "warning", f"models.{name}: nothing uses it"
    problems = [problem for name in used for problem in _model_problems(recipe, name)]
    for problem in problems:
        yield "error", problem
    yield from _judges_of_their_own_words(recipe)
    if not problems:  # of a provider that is none, nothing can be asked
        untaken = list(what_models_do_not_take(recipe, used))
        problems += [message for level, message in untaken if level == "error"]
        yield from untaken
    if not missing and not problems:
        yield "ok", f"{len(used)} models in use, no key missing"


def _judges_of_their_own_words(recipe: Recipe) -> Looked:
    teachers = recipe.completions.teachers if recipe.completions else ()
    for method, parameters in recipe.methods("judgments", "pairs"):
        for place, judge in marked(parameters, "names a model"):
            family = model_family(recipe.models[judge].model)
            own = [name for name in teachers if model_family(recipe.models[name].model) == family]
            if own:
                yield (
                    "warning",
                    f"{field_path((method.kind, method.name, *place))} = {judge!r}: is of the same "
                    f"family of models ({family}) as teacher {', '.join(own)}, and judges favour "
                    "the words of their kin; take another judge",
                )


def _model_problems(recipe: Recipe, name: str) -> Iterator[str]:
    model, budget = recipe.models[name], recipe.limits.budget
    own_name = model.model.partition("/")[2]
    if model.provider == "offline" and own_name not in OFFLINE_MODELS:
        near = did_you_mean(own_name, OFFLINE_MODELS) or ";"
        yield (
            f"models.{name}.model = {model.model!r}: no offline model has this name{near} Known: "
            f"{', '.join(OFFLINE_MODELS)}"
        )
    if model.provider not in PROVIDERS_OF_OURS:
        known = {str(getattr(each, "value", each)) for each in litellm_library.load().provider_list}
        if model.provider not in known:
            near = did_you_mean(model.provider, known | set(PROVIDERS_OF_OURS))
            field = f"models.{name}.model = {model.model!r}"
            yield f"{field}: unknown provider {model.provider!r}{near}"
    if model.replies:
        try:
            load_replies(recipe.resolve(model.replies), model.fields)
        except SynthError as error:
            yield f"models.{name}.replies = {model.replies!r}: {error}"
    has_dollars = budget.usd_per_run is not None or budget.usd_per_day is not None
    if has_dollars and not price_of(model).is_known:
        yield (
            f"models.{name}: the price of {model.model} is not known, so limits.budget in dollars "
            "cannot be held; give input_usd_per_million and output_usd_per_million (0 for a "
            "server of your own)"
        )


def _look_at_templates(recipe: Recipe) -> Looked:
    generation_parameters(recipe)  # loads the templates of the methods
    for method, parameters in recipe.methods():
        _find_files(recipe, (method.kind, method.name), parameters)
        list(method.templates(parameters, recipe.resolve))  # a template that does not load raises
    rated = recipe.parameters_of("ultrafeedback")
    wrong = False
    for criterion, template in (
        ultrafeedback.templates_of(rated, recipe.resolve) if rated else {}
    ).items():
        field = f"judgments.ultrafeedback.templates.{criterion} = {template.name!r}"
        unknown = sorted(template.slots - SLOTS_OF_A_JUDGE)
        if unknown or "completions" not in template.slots:
            wrong = True
            yield (
                "error",
                f"{field}: has the slots {sorted(template.slots)}; it needs completions, and may "
                "have prompt, count and reference",
            )
        elif "prompt" not in template.slots:
            yield "warning", f"{field}: has no slot prompt, so the judge does not see it"
    if not wrong:
        yield "ok", "every template loads"


def _find_files(recipe: Recipe, place: tuple[str, str], parameters: BaseModel) -> None:
    """Errors: `RecipeError` with the field of the first file of the recipe's own that is not
    there."""
    for field, name in marked(parameters, "names a file"):
        path = recipe.resolve(name)
        if not path.is_file():
            beside = [other.name for other in path.parent.glob("*") if other.is_file()]
            near = did_you_mean(path.name, beside) or "; a path is relative to the recipe's folder"
            raise RecipeError(
                f"{field_path((*place, *field))} = {name!r}: there is no file {path}{near}"
            )


def _look_at_machine(recipe: Recipe) -> Looked:
    for method, parameters in recipe.methods():
        if method.missing_here is None:
            continue
        field, problem = field_path((method.kind, method.name)), method.missing_here(parameters)
        if problem is None:
            yield "ok", f"{field}: what it needs of this machine is there"
        else:
            yield "error", f"{field}: {problem}"


def _look_at_sets(recipe: Recipe) -> Looked:
    completed = recipe.completions
    rates = any(method.counts_as_rating for method, _ in recipe.methods("judgments"))
    if completed is None:
        yield "warning", "completions: none are declared, so only prompts are made, no set"
        return
    several = (
        completed.pool or len(completed.teachers)
    ) * completed.per_prompt > 1 or recipe.methods("completions")
    if not several:
        yield (
            "warning",
            "completions: one for each prompt, and a pair needs two, so dpo_set will be empty; "
            "add a teacher or raise per_prompt",
        )
    elif recipe.datasets.dpo.pairs == "rated" and not rates:
        yield (
            "warning",
            "datasets.dpo.pairs = 'rated': nothing rates, so dpo_set will be empty; add "
            "judgments: {ultrafeedback: {judge: NAME}}, or take pairs: verified",
        )
    else:
        yield "ok", "both sets can be made"


def _look_at_sql(recipe: Recipe) -> Looked:
    project = load_sql_project(sql_folder())
    project.validate(recipe_variables(recipe))
    yield "ok", f"{len(project.models)} SQL models compile"
