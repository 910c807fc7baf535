"""One declared model: which, through which transport, within which limits."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from synth_assets.extra_body import why_no_extra_body
from synth_assets.recipe_parts import Part, ReasoningEffort

PROVIDERS_WITH_BATCHES = ("openai", "anthropic", "openai_compatible")
PROVIDERS_WITHOUT_A_BODY = ("offline", "recorded")
PROVIDERS_OF_OURS = ("offline", "recorded", "scripted", "openai_compatible")

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
    template_prefix: for ``api: completions``: the model's chat template up to where a user's words
    stand, such as ``"<|im_start|>user\\n"`` (which is that of ``offline/…``); Magpie asks with it
    alone.
    response_format: how a structured reply is asked for: ``json_schema``, ``json_object`` (any
    object; the prompt has to say which), or ``none`` (the prompt alone). Left out: ``json_schema``,
    or what litellm knows of a provider's model.
    reasoning_effort: how much the model thinks before it answers, such as ``low``; a request's own
    ``sampling`` goes before it.
    extra_body: what is added to the body of each request as it stands, for what an endpoint takes
    and a recipe has no field for, such as ``chat_template_kwargs: {enable_thinking: false}``.
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
    fields: dict[Literal["prompt", "reply"], str] = Field(default_factory=dict)
    api: Literal["chat", "completions"] = "chat"
    template_prefix: str | None = None
    response_format: Literal["json_schema", "json_object", "none"] | None = None
    reasoning_effort: ReasoningEffort | None = None
    extra_body: dict[str, Any] = Field(default_factory=dict)
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

    def asked_with(self) -> dict[str, Any]:
        """What each request is asked with, as names of its sampling; its own go before these."""
        given: dict[str, Any] = {}
        if self.reasoning_effort is not None:
            given["reasoning_effort"] = self.reasoning_effort
        if self.extra_body:
            given["extra_body"] = self.extra_body
        return given

    @model_serializer(mode="wrap")
    def _later_fields_where_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A field that a recipe could not always name changes no fingerprint of one that does
        not."""
        later = ("reasoning_effort", "extra_body")
        return {name: value for name, value in dump(self).items() if name not in later or value}

    @field_validator("extra_body")
    @classmethod
    def _may_be_sent(cls, value: dict[str, Any]) -> dict[str, Any]:
        problem = why_no_extra_body(value)
        if problem:
            raise ValueError(problem)
        return value

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
        if self.provider not in ("openai_compatible", "offline") and self.api != "chat":
            raise ValueError("api belongs to an openai_compatible/… or offline/… model only")
        if self.provider != "openai_compatible" and self.merge_samples:
            raise ValueError("merge_samples belongs to an openai_compatible/… model only")
        if self.template_prefix is not None and self.api != "completions":
            raise ValueError(
                "template_prefix is for api: completions; a chat API puts its own around each text"
            )
        if self.asked_with() and self.provider in PROVIDERS_WITHOUT_A_BODY:
            raise ValueError(
                f"reasoning_effort and extra_body are sent to an endpoint, and {self.provider}/… "
                "has none; leave them out"
            )
        if self.reasoning_effort is not None and self.api == "completions":
            raise ValueError(
                "reasoning_effort is for chat; api: completions takes none, so leave it out"
            )
        if self.batch and (self.provider not in PROVIDERS_WITH_BATCHES or self.api != "chat"):
            providers = ", ".join(PROVIDERS_WITH_BATCHES)
            raise ValueError(f"batch is for chat with models of {providers}; leave it out")
        if self.batch_discount is not None and not self.batch:
            raise ValueError("batch_discount belongs to a model with batch: true; leave it out")
        return self
