"""litellm itself: imported late (5 CPU seconds), kept off the network, and asked for prices and
for the names of keys."""

from __future__ import annotations

import importlib.util
import os
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

PRICE_TABLE = "model_prices_and_context_window_backup.json"


@cache
def load() -> ModuleType:
    """The module, set up so that it neither goes to the network for prices nor prints."""
    for of in ("MODEL_COST_MAP", "ANTHROPIC_BETA_HEADERS"):  # else it fetches them from the web
        os.environ.setdefault(f"LITELLM_LOCAL_{of}", "True")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's, about litellm's own declarations
        import litellm

        litellm.ModelResponse()  # what it declares is compiled at its first use
    litellm.suppress_debug_info = True
    return litellm


@cache
def bundled_prices() -> dict[str, dict[str, Any]]:
    """litellm's table of models, read from its file: 0.05 s, where importing litellm takes 5."""
    found = importlib.util.find_spec("litellm")
    folders = (found.submodule_search_locations or []) if found else []
    for folder in folders:
        table = Path(folder) / PRICE_TABLE
        if table.is_file():
            return orjson.loads(table.read_bytes())
    return load().model_cost


def missing_variables(model: str, base_url: str | None) -> list[str]:
    """Environment variables that the provider of ``model`` usually takes its key from and that
    are not set. An address in the recipe stands for the provider's own variable of an address."""
    missing = load().validate_environment(model=model, api_base=base_url)["missing_keys"]
    return [name for name in missing if not (base_url and name.endswith(("_API_BASE", "_URL")))]


def takes_schema(model: str) -> bool:
    """Whether the provider keeps replies of ``model`` to a JSON schema, by a format of its own or
    by a tool that has to be called; True for models that litellm does not know, so that the
    endpoint may say. False where it knows of JSON mode alone."""
    litellm = load()
    provider, _, name = model.partition("/")
    known = litellm.model_cost.get(model) or litellm.model_cost.get(name)
    if known is None or known.get("supports_function_calling"):
        return True
    return bool(litellm.supports_response_schema(model=name, custom_llm_provider=provider))
