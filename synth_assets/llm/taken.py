"""A model and what a request asks it with in, what of that would reach it out. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synth_assets.llm import litellm_library
from synth_assets.llm.transports.litellm_errors import call_error
from synth_assets.llm.transports.litellm_providers import without_clashes
from synth_assets.llm.wire import model_name
from synth_assets.recipe_model import PROVIDERS_OF_OURS, Model

EFFORT = "reasoning_effort"


@dataclass(frozen=True)
class Taken:
    """left_out: names that are not sent because the model does not take them, by litellm or by us
    before it. thinking_tokens: how many of ``max_tokens`` it thinks with, where that is fixed."""

    left_out: tuple[str, ...] = ()
    thinking_tokens: int | None = None


def taken(model: Model, sampling: Mapping[str, Any]) -> Taken:
    """Nothing is known of an endpoint that is asked straight: what it takes only it can say.

    Errors: `CallError` where litellm refuses a value; its other errors as they are.
    """
    if model.provider in PROVIDERS_OF_OURS:
        return Taken()
    asked = _without({**model.asked_with(), **sampling}, "extra_body")
    passed_on = without_clashes(model, asked)
    try:
        sent = _as_sent(model, passed_on)
        left_out = [
            name
            for name, value in asked.items()
            if name not in passed_on
            or (sent.get(name) != value and sent == _as_sent(model, _without(passed_on, name)))
        ]
    except Exception as error:
        raise call_error(error, model.model) or error from error
    if asked.get(EFFORT) == "none" and EFFORT in left_out and not _thinks_unasked(model):
        left_out.remove(EFFORT)
    thinking = sent.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return Taken(tuple(left_out), budget)


def _without(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in parameters.items() if each != name}


def _as_sent(model: Model, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters by the provider's own names, as litellm sends them."""
    litellm = litellm_library.load()
    from litellm.utils import get_optional_params

    name, provider, _, _ = litellm.get_llm_provider(model=model.model, api_base=model.base_url)
    return get_optional_params(
        model=name, custom_llm_provider=provider, drop_params=True, **parameters
    )


def _thinks_unasked(model: Model) -> bool:
    """By litellm's table; Claude thinks only where it is asked to."""
    table, name = litellm_library.bundled_prices(), model_name(model)
    known = table.get(model.model) or table.get(name) or {}
    return bool(known.get("supports_reasoning")) and "claude" not in name.lower()
