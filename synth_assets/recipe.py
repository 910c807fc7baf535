"""Recipes: a YAML file in, a validated `Recipe` out, or a `RecipeError` that says what to mend.

A recipe declares one dataset. Unknown keys are errors. Paths are relative to the recipe's file;
``${NAME}`` in a path is read from the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from synth_assets.errors import RecipeError
from synth_assets.identity import content_hash
from synth_assets.recipe_errors import did_you_mean, explain, field_path, located
from synth_assets.recipe_names import why_no_model_name, why_no_name
from synth_assets.recipe_rules import contradictions
from synth_assets.yaml_file import Field as Place
from synth_assets.yaml_file import YamlFile, read_yaml

OWNER = re.compile(r"team:(?s:.+)|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
PROVIDERS_WITH_BATCHES = ("openai", "anthropic", "openai_compatible")
PROVIDERS_OF_OURS = ("offline", "recorded", "scripted", "openai_compatible")

Share = Annotated[float, Field(ge=0, le=1)]
Criterion = Literal["instruction_following", "honesty", "truthfulness", "helpfulness"]
Principle = Literal["helpfulness", "truthfulness", "honesty", "verbalised_calibration"]
DepthOperator = Literal[
    "add_constraint", "deepen", "concretise", "add_reasoning", "complicate_input"
]
Operator = Literal[DepthOperator, "breadth"]


def _in_order(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise ValueError("the smaller number comes first, as in [4, 150]")
    return value


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((item for item in value if value.count(item) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} stands twice; name each once")
    return value


def _is_language_code(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", value):
        raise ValueError("write an ISO 639 code of two or three small letters, such as en")
    return value


WordRange = Annotated[
    tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], AfterValidator(_in_order)
]
LanguageCode = Annotated[str, AfterValidator(_is_language_code)]


class Part(BaseModel):
    """A part of a recipe: unknown keys are refused, values do not change."""

    # Infinity and NaN have no canonical JSON, and so no fingerprint.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML reads yes, no, on and off as true and false; pydantic would read those as 1, 0."""
        items = value if isinstance(value, list) else [value]
        declared = str(cls.model_fields[str(info.field_name)].annotation)
        if any(isinstance(item, bool) for item in items) and "bool" not in declared:
            raise ValueError(
                "true and false (yes, no, on, off) are no values here; put a text in "
                "quotes, or write a number"
            )
        return value


class SeedFile(Part):
    """One file, or a pattern of files, of seed or evaluation prompts.

    format: ``prompts`` (JSONL with ``prompt``, ``text``, ``instruction`` or ``messages``, and
    optionally ``reference``, ``category``, ``licence``, ``origin``) or ``self_instruct``
    (``instruction`` and ``instances``, as in seed_tasks.jsonl).
    fields: which key of a line is the prompt, the reference and so on; dots reach into objects.
    """

    path: str
    format: Literal["prompts", "self_instruct"] = "prompts"
    fields: dict[Literal["prompt", "reference", "category", "licence", "origin"], str] = {}
    licence: str | None = None
    origin: str = "human"


def _as_seed_file(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


SeedFileOrPath = Annotated[SeedFile, BeforeValidator(_as_seed_file)]


class Seeds(Part):
    """limit: at most so many seed prompts, the first of the files; null for all."""

    prompts: tuple[SeedFileOrPath, ...] = Field(min_length=1)
    evaluation: tuple[SeedFileOrPath, ...] = ()
    limit: int | None = Field(default=None, ge=1)


class Model(Part):
    """One model under a name of the recipe's own: which, through which transport, within which
    limits.

    model: ``provider/name`` as litellm writes it, or ``offline/…``, ``openai_compatible/…``,
    ``recorded/…``.
    api_key: ``env:NAME`` only, so that no key stands in a file.
    replies, fields: for ``recorded``: a JSONL file of completions made elsewhere, and which keys
    hold ``prompt`` and ``reply``; dots reach into objects.
    api: ``completions`` is OpenAI's older API, for base models: the messages' contents go there as
    one text, a blank line between, without their roles.
    response_format: how a structured reply is asked for: ``json_schema``, ``json_object`` (any
    object; the prompt has to say which), or ``none`` (the prompt alone). Left out: ``json_schema``,
    or what litellm knows of a provider's model.
    merge_samples: several samples of one prompt that are asked for at once go as one request with
    ``n``, which pays for the prompt's tokens once; for endpoints that take ``n``.
    batch: ask through the provider's batch API, which answers within a day at about half the
    price; for openai, anthropic and openai_compatible models.
    batch_discount: the part of the price that batches do not cost, such as 0.5. Left out: what
    litellm's table says of the model's batches; none for prices given here.
    timeout_s, deadline_s: the longest that one try, and a request with all its tries, may take.
    max_retries: how often a request is tried again for each kind of passing error.
    requests_per_minute and the like: limits to keep; others that the endpoint's headers tell are
    kept too.
    """

    model: str
    base_url: str | None = None
    api_key: str | None = None
    licence: str | None = None
    replies: str | None = None
    fields: dict[Literal["prompt", "reply"], str] = {}
    api: Literal["chat", "completions"] = "chat"
    response_format: Literal["json_schema", "json_object", "none"] | None = None
    merge_samples: bool = False
    batch: bool = False
    batch_discount: float | None = Field(default=None, ge=0, le=1)
    max_concurrency: int = Field(default=16, ge=1, le=4096)
    timeout_s: float = Field(default=120, gt=0)
    deadline_s: float | None = Field(default=None, gt=0)
    max_retries: int = Field(default=4, ge=0, le=20)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    input_tokens_per_minute: int | None = Field(default=None, ge=1)
    output_tokens_per_minute: int | None = Field(default=None, ge=1)
    input_usd_per_million: float | None = Field(default=None, ge=0)
    output_usd_per_million: float | None = Field(default=None, ge=0)

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]

    @field_validator("model")
    @classmethod
    def _has_provider(cls, value: str) -> str:
        provider, slash, name = value.partition("/")
        if not (provider and slash and name):
            raise ValueError("write provider/name, such as offline/careful or openai/gpt-5-mini")
        return value

    @field_validator("api_key")
    @classmethod
    def _key_is_a_reference(cls, value: str | None) -> str | None:
        # The value is not repeated: it may be a key that someone pasted.
        if value is not None and not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("write env:NAME; a key itself never stands in a recipe")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^/\s]", value):
            raise ValueError("write an address such as http://127.0.0.1:8000/v1")
        return value

    @model_validator(mode="after")
    def _fits_its_provider(self) -> Model:
        if self.provider == "recorded" and not self.replies:
            raise ValueError("a recorded model needs replies: the JSONL file of its completions")
        if self.provider != "recorded" and (self.replies or self.fields):
            raise ValueError("replies and fields belong to a recorded/… model only")
        if self.provider == "openai_compatible" and not self.base_url:
            raise ValueError(
                "an openai_compatible model needs base_url, such as http://127.0.0.1:8000/v1"
            )
        if self.provider != "openai_compatible" and (self.api != "chat" or self.merge_samples):
            raise ValueError("api and merge_samples belong to an openai_compatible/… model only")
        if self.batch and (self.provider not in PROVIDERS_WITH_BATCHES or self.api != "chat"):
            providers = ", ".join(PROVIDERS_WITH_BATCHES)
            raise ValueError(f"batch is for chat with models of {providers}; leave it out")
        if self.batch_discount is not None and not self.batch:
            raise ValueError("batch_discount belongs to a model with batch: true; leave it out")
        return self


class Sampling(Part):
    """Decoding parameters; null leaves one to the endpoint."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: tuple[str, ...] | None = None

    def given(self) -> dict[str, Any]:
        """Only what is set, ready for a request."""
        return self.model_dump(exclude_none=True, mode="json")


class Novelty(Part):
    """Self-Instruct's novelty rule: rejected where ROUGE-L F1 to any earlier prompt exceeds
    ``threshold`` (0.7 itself is accepted)."""

    threshold: Share = 0.7
    tokenizer: Literal["unicode", "ascii"] = "unicode"
    keep_nearest: int = Field(default=10, ge=1, le=100)


class SelfInstruct(Part):
    """New prompts from examples (Wang et al. 2022, section 2; methods.md 2)."""

    teacher: str
    per_round: int = Field(ge=1, description="Candidates asked for in each round")
    human_examples: int = Field(default=6, ge=0)
    machine_examples: int = Field(default=2, ge=0)
    items_per_call: int = Field(default=7, ge=1, le=20)
    words: WordRange = (4, 150)
    keywords: tuple[str, ...] = (
        "image",
        "images",
        "graph",
        "graphs",
        "picture",
        "pictures",
        "file",
        "files",
        "map",
        "maps",
        "draw",
        "plot",
        "go to",
    )
    alpaca_keywords: bool = False
    require_ascii_start: bool = False
    drop_whole_cut_reply: bool = False
    novelty: Novelty = Novelty()
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.5, presence_penalty=2.0, max_tokens=1024)


class EvolInstruct(Part):
    """Prompts rewritten deeper or broader (Xu et al. 2023; methods.md 3)."""

    teacher: str
    judge: str
    per_round: int = Field(ge=1, description="Prompts of the pool that are evolved in each round")
    generations: int = Field(default=4, ge=1, le=10)
    operators: tuple[Operator, ...] = Field(default=get_args(Operator), min_length=1)
    sorry_words: int = Field(default=80, ge=0)
    sampling: Sampling = Sampling(temperature=1.0, top_p=0.95, max_tokens=2048)


class Decontaminate(Part):
    """Overlap with evaluation prompts by shared n-grams (Tülu 3; methods.md 13)."""

    ngram: int = Field(default=8, ge=1)
    share: Share = 0.5


class PromptFilters(Part):
    """Rules across methods, for all rounds."""

    words: WordRange | None = None
    languages: Annotated[tuple[LanguageCode, ...], Field(min_length=1)] | None = None
    decontaminate: Decontaminate | None = None


class Prompts(Part):
    include_seeds: bool = True
    self_instruct: SelfInstruct | None = None
    evol_instruct: EvolInstruct | None = None
    filters: PromptFilters = PromptFilters()


class Completions(Part):
    """Teachers' answers. principles: one is drawn for each completion and given as system text."""

    teachers: Annotated[tuple[str, ...], AfterValidator(_each_once)] = Field(min_length=1)
    per_prompt: int = Field(default=1, ge=1, le=64)
    principles: tuple[Principle, ...] = ()
    system_text: str | None = None
    sampling: Sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=1024)


class Verification(Part):
    """answer_line: pattern whose match is followed by the final answer, such as ``^A:``."""

    answer_line: str | None = None

    @field_validator("answer_line")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value


class UltraFeedback(Part):
    """Four criteria, completions of a prompt judged together (Cui et al. 2023; methods.md 7).

    templates: a person's own template file for a criterion, relative to the recipe."""

    judge: str
    criteria: Annotated[tuple[Criterion, ...], AfterValidator(_each_once)] = Field(
        default=get_args(Criterion), min_length=1
    )
    templates: dict[Criterion, str] = {}
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)


class Judgments(Part):
    verification: Verification | None = None
    ultrafeedback: UltraFeedback | None = None


class SftThresholds(Part):
    min_rating: float | None = Field(default=None, ge=1, le=5)
    verified_only: bool = False
    per_prompt: int = Field(default=1, ge=1)


class DpoThresholds(Part):
    """pairs: ``rated`` (by mean rating and ``binarisation``) or ``verified`` (verified against
    refuted: a verifier's reject is no proof of wrongness, so this is asked for by name)."""

    pairs: Literal["rated", "verified"] = "rated"
    binarisation: Literal["best_vs_random_lower", "best_vs_worst", "best_vs_random_other"] = (
        "best_vs_random_lower"
    )
    min_margin: float = Field(default=0.5, ge=0)


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
    budget: Budget = Budget()
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


class Export(Part):
    """What the dataset card says, and what the export may hold.

    licences: the only licences that may bear on an exported row, seeds' and models' alike;
    ``undeclared`` allows what nobody named a licence for; null allows all.
    """

    licence: str | None = None
    licences: tuple[str, ...] | None = None
    languages: tuple[str, ...] = ("en",)


class Recipe(Part):
    """One dataset, declared. Load with `load_recipe`."""

    name: str
    description: str = ""
    owner: str | None = None
    seeds: Seeds
    models: dict[str, Model] = {}
    student: str | None = None
    prompts: Prompts = Prompts()
    completions: Completions | None = None
    judgments: Judgments = Judgments()
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

    def model_fields_used(self) -> Iterator[tuple[Place, str]]:
        """(the field's place, model name) for every field that names a model."""
        written, evolved = self.prompts.self_instruct, self.prompts.evol_instruct
        if written:
            yield ("prompts", "self_instruct", "teacher"), written.teacher
        if evolved:
            yield ("prompts", "evol_instruct", "teacher"), evolved.teacher
            yield ("prompts", "evol_instruct", "judge"), evolved.judge
        for index, teacher in enumerate(self.completions.teachers if self.completions else ()):
            yield ("completions", "teachers", index), teacher
        if self.judgments.ultrafeedback:
            yield ("judgments", "ultrafeedback", "judge"), self.judgments.ultrafeedback.judge

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
    """Sets a field by its path; parts that the file leaves out are made."""
    *parts, last = field.split(".")
    for part in parts:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[last] = value


def _open(path: Path) -> YamlFile:
    try:
        return read_yaml(path)
    except FileNotFoundError as error:
        others = {other.name for other in path.parent.glob("*.y*ml")}
        near = did_you_mean(path.name, others)
        raise RecipeError(f"{path}: there is no such recipe{near}") from error
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror})") from error


RUNTIME_FIELDS = frozenset(
    {
        "merge_samples",
        "batch",
        "batch_discount",
        "max_concurrency",
        "timeout_s",
        "deadline_s",
        "max_retries",
        "requests_per_minute",
        "tokens_per_minute",
        "input_tokens_per_minute",
        "output_tokens_per_minute",
        "api_key",
        "input_usd_per_million",
        "output_usd_per_million",
    }
)
"""Fields of a model that never change a reply, and so stand in no fingerprint."""


def model_identity(recipe: Recipe, name: str) -> dict[str, Any]:
    """What of a declared model decides its replies, for fingerprints: no key, no limits, no
    price, and no address (a local server that moves must not make a dataset stale)."""
    model = recipe.models[name]
    excluded = set(RUNTIME_FIELDS) | {"base_url"}
    return {"name": name, **model.model_dump(mode="json", exclude=excluded)}


def fingerprint(*parts: Any) -> str:
    """Fingerprint of a stage: hash of only the parameters that decide its table."""
    return content_hash("fingerprint-1", *parts)
