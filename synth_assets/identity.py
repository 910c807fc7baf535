"""Content-derived identity: values in, sha256 ids out. The same on every machine and version.

Identity is not runtime: what is hashed here decides the data; concurrency, timeouts, retries and
credentials never reach these functions.
"""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

ID_LENGTH = 24
"""Hex characters of an id: 96 bits, so a collision among 10^9 rows has probability about 10^-11."""


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical_json(value: Any) -> str:
    """Serialises ``value`` with sorted keys and no white space; NaN and infinity are refused."""
    return _ENCODER.encode(value)


def content_hash(*parts: Any) -> str:
    """Full sha256 (64 hex characters) over the canonical JSON of ``parts``."""
    # surrogatepass: a lone surrogate in a model's text must not stop a run.
    return hashlib.sha256(canonical_json(parts).encode("utf-8", "surrogatepass")).hexdigest()


def content_id(kind: str, *parts: Any) -> str:
    """An id of ``ID_LENGTH`` hex characters. ``kind`` keeps ids of unlike things apart."""
    return content_hash(kind, *parts)[:ID_LENGTH]


def text_hash(text: str) -> str:
    """Identity of a text alone: equal texts, equal hash, wherever they came from."""
    return content_id("text", text)


def seeded_random(*parts: Any) -> random.Random:
    """A generator seeded by content (ids, parameters), never by row position or time."""
    return random.Random(int(content_hash("random", *parts)[:16], 16))
