"""What a recipe adds to the body of every request of a model in, why that may not be out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from synth_assets.recipe_errors import LOOKS_SECRET

_OF_A_MODEL = "it is the recipe's own to say, by model, base_url and api"
_OF_SAMPLING = "write it under the sampling of what asks"
_OF_A_METHOD = "the method that asks says it"
_OF_A_DRAW = "each draw is a request of its own, with its own seed"

ELSEWHERE: Mapping[str, str] = {
    "model": _OF_A_MODEL,
    "messages": _OF_A_METHOD,
    "prompt": _OF_A_METHOD,
    "response_format": "write response_format: beside extra_body",
    "reasoning_effort": "write reasoning_effort: beside extra_body, or under a sampling",
    "max_completion_tokens": "write max_tokens under the sampling of what asks",
    "max_output_tokens": "write max_tokens under the sampling of what asks",
    "logprobs": _OF_A_METHOD,
    "top_logprobs": _OF_A_METHOD,
    "prompt_logprobs": _OF_A_METHOD,
    "n": _OF_A_DRAW,
    "best_of": _OF_A_DRAW,
    "seed": _OF_A_DRAW,
    "stream": "replies are read whole",
    "stream_options": "replies are read whole",
    **dict.fromkeys(("temperature", "top_p", "top_k", "min_p", "max_tokens", "stop"), _OF_SAMPLING),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), _OF_SAMPLING),
}
"""Keys of a body that a request has already, or that would change what one request is."""

_CREDENTIAL = re.compile(
    r"(^|_)((api|access|private|secret|subscription)_?key|key|secret|password|passwd|passphrase"
    r"|authorization|auth|bearer|credentials?|cookies?|headers?)$"
    r"|(^|_)(?<!bos_)(?<!eos_)(?<!pad_)(?<!unk_)(?<!stop_)(?<!mask_)(?<!image_)token$"
)
"""Names of what opens a door; ``stop_token_ids``, ``eos_token`` and the like do not."""


def why_no_extra_body(body: Mapping[Any, Any]) -> str | None:
    """The first thing that is wrong with it, with the remedy; None where nothing is. A value is
    never repeated: it may be a key that someone pasted."""
    for name in body:
        if name in ELSEWHERE:
            return f"{name} does not belong here: {ELSEWHERE[name]}"
    for path, name, value in _entries(body, ""):
        if not isinstance(name, str | int):
            return f"{path}: a key is a text; put it in quotes"
        if isinstance(name, str) and _CREDENTIAL.search(_snake(name)):
            return (
                f"{path} looks like a credential, which never stands in a recipe; take it out and "
                "give the model api_key: env:NAME"
            )
        if isinstance(value, str) and LOOKS_SECRET.search(value):
            return (
                f"{path} holds what looks like a key, which never stands in a recipe; take it out "
                "and give the model api_key: env:NAME"
            )
        if isinstance(value, float) and not math.isfinite(value):
            return f"{path} is no finite number, which JSON has not"
        if not isinstance(value, str | int | float | Mapping | list | None):
            return f"{path} is no value of JSON ({type(value).__name__}); put it in quotes"
    return None


def _entries(value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, key or place, value) of everything inside, at any depth."""
    if isinstance(value, Mapping):
        inner = (
            (f"{path}.{name}" if path else str(name), name, each) for name, each in value.items()
        )
    elif isinstance(value, list):
        inner = ((f"{path}[{place}]", place, each) for place, each in enumerate(value))
    else:
        return
    for where, name, each in inner:
        yield where, name, each
        yield from _entries(each, where)


def _snake(name: str) -> str:
    """``apiKey`` and ``X-Api-Key`` as ``api_key`` and ``x_api_key``."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
