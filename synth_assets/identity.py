"""Content-derived identity: values in, sha256 ids out. The same on every machine and version.

Identity is not runtime: what is hashed here decides the data; concurrency, timeouts, retries and
credentials never reach these functions.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

import orjson

ID_LENGTH = 24
"""Hex characters of an id: 96 bits, so a collision among 10^9 rows has probability about 10^-11."""


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def _encoding() -> Callable[[Any], str]:
    """`_ENCODER.encode`, which makes its machinery anew for each value where Python has it in C:
    made once, it costs half. What the two give is the same, as a test shows."""
    make = json.encoder.c_make_encoder  # type: ignore[attr-defined]
    string = json.encoder.encode_basestring  # type: ignore[attr-defined]
    if make is None:
        return _ENCODER.encode
    encode = make(None, _ENCODER.default, string, None, ":", ",", True, False, False)
    return lambda value: "".join(encode(value, 0))


_encode = _encoding()


def canonical_json(value: Any) -> str:
    """Serialises ``value`` with sorted keys and no white space; NaN and infinity are refused."""
    if type(value) is str:
        return canonical_bytes(value).decode("utf-8", "surrogatepass")
    return _encode(value)


def canonical_bytes(value: Any) -> bytes:
    """`canonical_json` as it is hashed: in UTF-8, with a lone surrogate as it is, since one in a
    model's text must not stop a run."""
    if type(value) is str:
        try:  # orjson writes text in the same way and in a tenth of the time; numbers it does not
            return orjson.dumps(value)
        except TypeError:  # a lone surrogate
            pass
    return _encode(value).encode("utf-8", "surrogatepass")


def content_hash(*parts: Any) -> str:
    """Full sha256 (64 hex characters) over the canonical JSON of ``parts``."""
    return hashlib.sha256(b"[%b]" % b",".join(map(canonical_bytes, parts))).hexdigest()


def content_id(kind: str, *parts: Any) -> str:
    """An id of ``ID_LENGTH`` hex characters. ``kind`` keeps ids of unlike things apart."""
    return content_hash(kind, *parts)[:ID_LENGTH]


def text_hash(text: str) -> str:
    """Identity of a text alone: equal texts, equal hash, wherever they came from."""
    return content_id("text", text)


def seeded_random(*parts: Any) -> random.Random:
    """A generator seeded by content (ids, parameters), never by row position or time."""
    return random.Random(int(content_hash("random", *parts)[:16], 16))
