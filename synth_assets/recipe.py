"""Recipes: a YAML file in, a validated `Recipe` out, or a `RecipeError` that says what to mend.

A recipe declares one dataset. Unknown keys are errors. Paths are relative to the recipe's file;
``${NAME}`` in a path is read from the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from synth_assets.errors import RecipeError
from synth_assets.identity import content_hash
from synth_assets.method import Kind, Method, all_methods, methods_of
from synth_assets.methods.completions import Completions as OwnCompletions
from synth_assets.methods.prompt_filters import PromptFilters
from synth_assets.methods.verification import Verification
from synth_assets.recipe_errors import did_you_mean, explain, field_path, located
from synth_assets.recipe_model import RUNTIME_FIELDS, Model
from synth_assets.recipe_names import why_no_model_name, why_no_name
from synth_assets.recipe_parts import Part, Share, SourceFile, marked
from synth_assets.recipe_rules import contradictions
from synth_assets.yaml_file import Field as Place
from synth_assets.yaml_file import YamlFile, read_yaml

OWNER = re.compile(r"team:(?s:.+)|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


class SeedFile(Part):
    """One file, or a pattern of files, of seed or evaluation prompts.

    format: ``prompts`` (JSONL, CSV or Parquet with ``prompt``, ``text``, ``instruction`` or
    ``messages``, and optionally ``reference``, ``category``, ``licence``, ``origin``) or
    ``self_instruct`` (``instruction`` and ``instances``, as in seed_tasks.jsonl).
    fields: which key or column is the prompt, the reference and so on; dots reach into objects.
    demonstrations: the answers that stand beside the prompts are completions, by whom ``origin``
        names (under ``demonstration``, ``completion``, ``response``, ``output`` or ``answer``, or
        as the last turn of ``messages``).
    system_text: put before the prompts of the file that have none of their own.
    """

    path: str
    format: Literal["prompts", "self_instruct"] = "prompts"
    fields: dict[
        Literal["prompt", "demonstration", "reference", "category", "licence", "origin"], str
    ] = Field(default_factory=dict)
    demonstrations: bool = False
    licence: str | None = None
    origin: str = "human"
    system_text: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _a_mapped_demonstration_is_asked_for(self) -> SeedFile:
        if "demonstration" in self.fields and not self.demonstrations:
            raise ValueError(
                f"fields.demonstration = {self.fields['demonstration']!r}: say demonstrations: "
                "true beside it, or take it out"
            )
        return self


def _as_file(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


SeedFileOrPath = Annotated[SeedFile, BeforeValidator(_as_file)]
SourceFileOrPath = Annotated[SourceFile, BeforeValidator(_as_file)]


class Seeds(Part):
    """prompts, source_texts: one of the two at least.

    limit: at most so many seed prompts, the first of the files; null for all.
    source_texts: a person's own documents, for methods that write prompts for texts."""

    prompts: tuple[SeedFileOrPath, ...] = ()
    evaluation: tuple[SeedFileOrPath, ...] = ()
    source_texts: tuple[SourceFileOrPath, ...] = ()
    limit: int | None = Field(default=None, ge=1)


class _Prompts(Part):
    """Where prompts come from: the seeds, and each method that is named."""

    include_seeds: bool = True
    filters: PromptFilters = PromptFilters()


class _Judgments(Part):
    """Who judges completions: math-verify, and each method that is named."""

    verification: Verification | None = None


class _Pairs(Part):
    """Methods that make preference pairs without ratings; `datasets.dpo.pairs` takes one."""


class _Filters(Part):
    """Methods that keep completions out of the sets."""


SECTIONS: Mapping[Kind, type[Part]] = {
    "prompts": _Prompts,
    "completions": OwnCompletions,
    "judgments": _Judgments,
    "pairs": _Pairs,
    "filters": _Filters,
}
"""Kind of method → the part of a recipe that it stands in, without the methods."""


def _with_methods(kind: Kind) -> type[Part]:
    """The section with a key for each registered method, which is absent unless it is named."""
    base = SECTIONS[kind]
    fields: dict[str, Any] = {
        each.name: (each.parameters | None, Field(default=None, description=each.table.description))
        for each in methods_of(kind)
    }
    name = base.__name__.lstrip("_")
    return create_model(name, __base__=base, __module__=__name__, __doc__=base.__doc__, **fields)


if TYPE_CHECKING:
    Prompts = _Prompts
    Completions = OwnCompletions
    Judgments = _Judgments
    Pairs = _Pairs
    Filters = _Filters
else:
    Prompts = _with_methods("prompts")
    Completions = _with_methods("completions")
    Judgments = _with_methods("judgments")
    Pairs = _with_methods("pairs")
    Filters = _with_methods("filters")


class SftThresholds(Part):
    """keep_human: what people wrote comes first, whatever its ratings: only what a rule keeps out
    of all sets, or its own reference refutes, is left out."""

    min_rating: float | None = Field(default=None, ge=1, le=5)
    verified_only: bool = False
    per_prompt: int = Field(default=1, ge=1)
    keep_human: bool = False


class DpoThresholds(Part):
    """pairs: ``rated`` (by mean rating and ``binarisation``), ``verified`` (verified against
    refuted: a verifier's reject is no proof of wrongness, so this is asked for by name), or the
    name of a method under ``pairs``.
    binarisation: the best against another, or ``margin``: every two completions that differ by at
    least ``min_margin``.
    per_prompt: pairs of one prompt at most. Left out: every pair by ``margin``, of a method as many
    as it is asked for (its ``pairs_per_prompt``), else one. The widest margin comes first; the best
    is paired with others in the binarisation's order; what is equal then goes by a fixed draw. Two
    texts are one pair."""

    pairs: str = "rated"
    binarisation: Literal[
        "best_vs_random_lower", "best_vs_worst", "best_vs_random_other", "margin"
    ] = "best_vs_random_lower"
    min_margin: float = Field(default=0.5, ge=0)
    per_prompt: int | None = Field(default=None, ge=1)


class Datasets(Part):
    sft: SftThresholds = SftThresholds()
    dpo: DpoThresholds = DpoThresholds()
    test_share: Share = 0.05


class Budget(Part):
    """The most that may be spent by one run, by all runs of a day (UTC), by the recipe ever."""

    usd_per_run: float | None = Field(default=None, ge=0)
    usd_per_day: float | None = Field(default=None, ge=0)
    usd_per_recipe: float | None = Field(default=None, ge=0)
    calls_per_run: int | None = Field(default=None, ge=0)
    calls_per_day: int | None = Field(default=None, ge=0)
    calls_per_recipe: int | None = Field(default=None, ge=0)
    tokens_per_run: int | None = Field(default=None, ge=0)
    tokens_per_day: int | None = Field(default=None, ge=0)
    tokens_per_recipe: int | None = Field(default=None, ge=0)


class Limits(Part):
    """self_training: the most of all rows up to a round that may be the student's own; a tenth of
    other rows keeps the damage minor (Shumailov et al. 2024)."""

    budget: Budget = Budget()
    self_training: Share = 0.9
    failed_replies: Share = 0.02
    prompt_characters: int = Field(default=200_000, ge=1)


class Schedule(Part):
    """When the job ``refresh`` opens a new round. Stopped until someone starts it."""

    cron: str
    timezone: str = "UTC"
    fresh_within_hours: float | None = Field(default=None, gt=0)

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        from croniter import CroniterError, croniter

        if not croniter.is_valid(value) or len(value.split()) != 5:
            raise ValueError("not a cron line of five fields, such as '0 3 * * *'")
        try:
            croniter(value).get_next()
        except CroniterError as error:  # 30 February, say
            raise ValueError("never comes; write a day that exists") from error
        return value

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, value: str) -> str:
        from zoneinfo import available_timezones

        known = available_timezones()
        if value not in known:
            near = did_you_mean(value, known) or "; write one such as UTC or Europe/Berlin"
            raise ValueError(f"unknown time zone{near}")
        return value


class WeakToStrong(Part):
    """What a student reached that learnt from this data, beside its weak teacher and a ceiling: a
    student that learnt from the truth (Burns et al. 2023). Measured by a person, on one measure;
    null for what is not known."""

    measure: str
    weak: float | None = None
    student: float | None = None
    ceiling: float | None = None


class Export(Part):
    """What the dataset card says, and what the export may hold.

    weak_to_strong: three results that a person measured; the card tells the gap recovered.
    licences: the only licences that may bear on an exported row, seeds' and models' alike;
    ``undeclared`` allows what nobody named a licence for; null allows all.
    """

    licence: str | None = None
    licences: tuple[str, ...] | None = None
    languages: tuple[str, ...] = ("en",)
    weak_to_strong: WeakToStrong | None = None


class Recipe(Part):
    """One dataset, declared. Load with `load_recipe`."""

    name: str
    description: str = ""
    owner: str | None = None
    seeds: Seeds
    models: dict[str, Model] = Field(default_factory=dict)
    student: str | None = None
    prompts: Prompts = Prompts()
    completions: Completions | None = None
    judgments: Judgments = Judgments()
    pairs: Pairs = Pairs()
    filters: Filters = Filters()
    datasets: Datasets = Datasets()
    limits: Limits = Limits()
    schedule: Schedule | None = None
    export: Export = Export()

    _path: Path = PrivateAttr(default=Path("recipe.yaml"))

    @property
    def path(self) -> Path:
        """The recipe's own file; paths inside it are relative to its folder."""
        return self._path

    @property
    def directory(self) -> Path:
        return self._path.parent

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        problem = why_no_name(value)
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("owner")
    @classmethod
    def _is_an_owner(cls, value: str | None) -> str | None:
        # Dagster's rule; it would refuse the whole project, not this recipe alone.
        if value is not None and not OWNER.fullmatch(value):
            raise ValueError("write an e-mail address or team:NAME")
        return value

    @field_validator("models")
    @classmethod
    def _are_names(cls, value: dict[str, Model]) -> dict[str, Model]:
        for name in value:
            problem = why_no_model_name(name)
            if problem:
                raise ValueError(f"the name {name[:80]!r}: {problem}")
        return value

    def methods(self, *kinds: Kind) -> list[tuple[Method, Any]]:
        """The methods that the recipe asks for, of the kinds given, with their parameters."""
        asked = []
        for method in all_methods().values():
            parameters = getattr(getattr(self, method.kind), method.name, None)
            if parameters is not None and (not kinds or method.kind in kinds):
                asked.append((method, parameters))
        return asked

    def parameters_of(self, name: str) -> Any:
        """The parameters of a method by its name; None where the recipe does not ask for it."""
        return next((p for method, p in self.methods() if method.name == name), None)

    @property
    def own_completions(self) -> OwnCompletions | None:
        """What is said of teachers, without the methods beside them."""
        if self.completions is None:
            return None
        return OwnCompletions.model_validate(
            self.completions.model_dump(include=set(OwnCompletions.model_fields))
        )

    def model_fields_used(self) -> Iterator[tuple[Place, str]]:
        """(the field's place, model name) for every field that names a model."""
        yield from marked(self, "names a model")

    def own_files(self) -> Iterator[tuple[Place, str]]:
        """(the field's place, path) of every file of its own whose text decides rows."""
        yield from marked(self, "names a file")

    def model_uses(self) -> Iterator[tuple[str, str]]:
        """(path of the field, model name) for every place that names a model."""
        for place, name in self.model_fields_used():
            yield field_path(place), name

    def resolve(self, path: str) -> Path:
        """A path of the recipe, with ``${NAME}`` from the environment, absolute."""
        return resolve_path(self.directory, path)


def resolve_path(directory: Path, path: str) -> Path:
    """``path`` relative to ``directory``; an environment variable that is not set raises."""

    def from_environment(match: re.Match[str]) -> str:
        name = match.group(1)
        value = os.environ.get(name)
        if not value:  # an empty one would turn the path into one from the machine's root
            raise RecipeError(
                f"path {path!r}: the environment variable {name} is not set; set it "
                f"to the folder of the data"
            )
        return value

    expanded = Path(re.sub(r"\$\{(\w+)\}", from_environment, path)).expanduser()
    return expanded if expanded.is_absolute() else (directory / expanded).resolve()


def load_recipe(path: Path | str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Reads and validates one recipe.

    changes: path of a field (``datasets.sft.min_rating``) → its value in the place of the file's.
    Errors: `RecipeError` naming file, line, path of the field, value, what is allowed and, for a
    misspelt key or model, the nearest known name.
    """
    path = Path(path).resolve()
    file = _open(path)
    if not isinstance(file.data, dict):
        raise RecipeError(f"{path}: a recipe is a YAML mapping that begins with name:")
    for field, value in (changes or {}).items():
        _put(file.data, field, value)
    try:
        recipe = Recipe.model_validate(file.data)
    except ValidationError as error:
        raise RecipeError(explain(file, error, Recipe)) from error
    recipe._path = path  # the model is frozen; only its private path is set after the fact
    problems = [located(file, place, problem) for place, problem in contradictions(recipe)]
    if problems:
        raise RecipeError("\n".join(problems))
    return recipe


def _put(data: dict[str, Any], field: str, value: Any) -> None:
    """Sets a field by its path, in which a number is a place in a list; parts that the file leaves
    out are made."""
    parts = field.split(".")
    inner: Any = data
    for part, following in pairwise(parts):
        key: Any = int(part) if isinstance(inner, list) else part
        child = inner[key] if isinstance(inner, list) else inner.get(key)
        is_listed = isinstance(child, list) and following.isdecimal()
        if not (isinstance(child, dict) or (is_listed and int(following) < len(child))):
            child = inner[key] = {}
        inner = child
    inner[int(parts[-1]) if isinstance(inner, list) else parts[-1]] = value


def _open(path: Path) -> YamlFile:
    try:
        return read_yaml(path)
    except FileNotFoundError as error:
        others = {other.name for other in path.parent.glob("*.y*ml")}
        near = did_you_mean(path.name, others)
        raise RecipeError(f"{path}: there is no such recipe{near}") from error
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror})") from error


def model_identity(recipe: Recipe, name: str) -> dict[str, Any]:
    """What of a declared model decides its replies, for fingerprints: no key, no limits, no
    price, and no address (a local server that moves must not make a dataset stale)."""
    model = recipe.models[name]
    excluded = set(RUNTIME_FIELDS) | {"base_url"}
    return {"name": name, **model.model_dump(mode="json", exclude=excluded)}


def fingerprint(*parts: Any) -> str:
    """Fingerprint of a stage: hash of only the parameters that decide its table."""
    return content_hash("fingerprint-1", *parts)
