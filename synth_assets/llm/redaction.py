"""Secrets of a recipe in, a function that replaces them by ``***`` in any text out.

Redacted: keys that the recipe's ``api_key`` fields name, userinfo and secret parameters of its
addresses, and whatever the environment holds under a usual name of a key, each also as it looks
in a URL, in JSON and in a Basic header. Known limit: values under six characters, and words that
people put where a server wants no key, stay, or every reply with such a word would be spoilt.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote, urlsplit

from synth_assets.llm.wire import secret_parts
from synth_assets.recipe import Recipe
from synth_assets.recipe_model import Model

MASK = "***"
SHORTEST_DECLARED = 6
SHORTEST_OF_ENVIRONMENT = 12
PLACEHOLDERS = frozenset(
    {"placeholder", "not-needed", "not_needed", "no-key-required", "no-key", "anything",
     "nothing", "unused", "lm-studio", "ollama"}
)  # fmt: skip
_USUAL_NAME = re.compile(r"(API_?KEY|ACCESS_?KEY|_TOKEN|_SECRET|_PASSWORD)$", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/@\s\"']+(?=@)")


class Redactor:
    """Replaces the secrets known when it was made."""

    def __init__(self, recipe: Recipe, environment: Mapping[str, str] = os.environ) -> None:
        secrets = {form for secret in _secrets(recipe, environment) for form in _forms(secret)}
        longest_first = sorted(secrets, key=lambda secret: (-len(secret), secret))
        self._pattern = (
            re.compile("|".join(re.escape(secret) for secret in longest_first))
            if longest_first
            else None
        )

    def text(self, text: str) -> str:
        """``text`` without secrets; the very same object where it holds none."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def message(self, text: str) -> str:
        """An error's message: as `text`, and the userinfo of any address in it goes too."""
        return _USERINFO.sub(MASK, self.text(text))


def _secrets(recipe: Recipe, environment: Mapping[str, str]) -> Iterator[str]:
    for model in recipe.models.values():
        for secret in _declared(model, environment):
            if len(secret) >= SHORTEST_DECLARED and secret.lower() not in PLACEHOLDERS:
                yield secret
    for name, value in environment.items():
        is_key = _USUAL_NAME.search(name) and any(letter.isdigit() for letter in value)
        if is_key and len(value) >= SHORTEST_OF_ENVIRONMENT:
            yield value


def _declared(model: Model, environment: Mapping[str, str]) -> Iterator[str]:
    if model.api_key:
        yield environment.get(model.api_key.removeprefix("env:"), "")
    yield from secret_parts(model.base_url)
    parts = urlsplit(model.base_url or "")
    if parts.password is not None:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
        yield pair
        yield base64.b64encode(pair.encode()).decode()


def _forms(secret: str) -> set[str]:
    """The secret as it may stand in a text: as it is, decoded, in a URL, inside JSON."""
    decoded = unquote(secret)
    plain = {secret, decoded} if len(decoded) >= SHORTEST_DECLARED else {secret}
    escaped = {json.dumps(form)[1:-1] for form in plain}
    return plain | escaped | {quote(form, safe="") for form in plain}
