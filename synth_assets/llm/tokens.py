"""How many tokens a text has: a text in, a cheap estimate or a sure upper bound out.

No tokenizer is loaded: the estimate is within about a quarter of the truth on English prose
(four bytes of UTF-8 a token) and too high on few texts only; for plans it is enough. What a
budget reserves must never be too low, so it uses the bound.
"""

from __future__ import annotations

from typing import Any

from synth_assets.identity import canonical_json
from synth_assets.llm.request import Request

BYTES_A_TOKEN = 4
OVERHEAD_A_MESSAGE = 16
"""Tokens a chat template adds to a message: role and delimiters; 3 to 10 in templates we know."""

DEFAULT_OUTPUT_TOKENS = 4096
"""What is reserved for a reply whose request sets no ``max_tokens``."""


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def count_tokens(text: str) -> int:
    """Estimate of the tokens of ``text``: a token for each four bytes of UTF-8, rounded up."""
    return -(-_bytes(text) // BYTES_A_TOKEN)


def most_input_tokens(request: Request) -> int:
    """Upper bound: a byte-level tokenizer never makes more tokens than there are bytes."""
    schema = canonical_json(dict(request.response_schema)) if request.response_schema else ""
    return _bytes(schema) + sum(
        _bytes(message["content"]) + OVERHEAD_A_MESSAGE for message in request.messages
    )


def most_output_tokens(request: Request) -> int:
    """``max_tokens`` of the request, or `DEFAULT_OUTPUT_TOKENS` where it sets none."""
    limit: Any = request.sampling.get("max_tokens")
    return DEFAULT_OUTPUT_TOKENS if limit is None else int(limit)
