"""How the test server behaves: latency, faults by content, limits, batches, prices."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

FaultKind = Literal[
    "rate_limit",
    "server_error",
    "unavailable",
    "reset",
    "hang",
    "drip",
    "truncated",
    "malformed",
    "wrong_shape",
    "broken_content",
    "wrong_schema",
    "huge",
    "invalid_utf8",
    "deep",
    "redirect",
    "echo",
    "auth",
    "no_credit",
    "not_found",
    "bad_request",
    "content_policy",
    "too_long",
]
"""``truncated``: fewer bytes than promised. ``malformed``: the body is no JSON. ``wrong_shape``: it
is JSON, but no completion. ``broken_content``: a completion whose text is broken JSON.
``wrong_schema``: its text is JSON of another form. ``echo``: an error that says the request's path
and headers back. ``deep``: 100,000 brackets. ``drip``: a byte each `Settings.drip_s`, for ever."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that strikes a share of all prompts.

    attempts: only the first so many requests of a prompt meet it; None for all of them.
    retry_after_s: what a ``rate_limit`` or ``unavailable`` says; None leaves the header out.
    containing: strikes prompts with these words, whatever the share.
    """

    kind: FaultKind
    share: float = 1.0
    attempts: int | None = 1
    retry_after_s: float | None = None
    containing: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"{self.kind!r} is no fault; known: {', '.join(get_args(FaultKind))}")


@dataclass(frozen=True, slots=True)
class Settings:
    """latency_s: before each whole answer. slow_share, slow_s: so many prompts take so long, once.
    requests_per_minute …: a token bucket each, which holds ``burst_s`` seconds of its rate; who
    asks for more meets 429, and a 429 costs ``penalty`` requests. shows_limits: tell the state of
    the buckets in headers. input_usd_per_million, output_usd_per_million: to count money.
    reply_words: length of a reply to a prompt without a schema. thinks: it begins with thoughts in
    tags. elsewhere: where a redirect points.
    batch_s: how long a batch takes. batch_ends: how. batch_failed_share: items that fail.
    """

    seed: int = 0
    latency_s: float = 0.0
    slow_share: float = 0.0
    slow_s: float = 5.0
    faults: tuple[Fault, ...] = ()
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    input_tokens_per_minute: float | None = None
    output_tokens_per_minute: float | None = None
    burst_s: float = 1.0
    penalty: float = 0.0
    shows_limits: bool = False
    input_usd_per_million: float = 1.0
    output_usd_per_million: float = 2.0
    reply_words: int = 8
    thinks: bool = False
    drip_s: float = 0.02
    huge_bytes: int = 50_000_000
    elsewhere: str = "http://127.0.0.1:1/"
    batch_s: float = 0.0
    batch_ends: Literal["completed", "expired", "failed", "cancelled"] = "completed"
    batch_failed_share: float = 0.0

    def fault_of(self, text: str, attempt: int) -> Fault | None:
        """The fault that the request number ``attempt`` (from 0) of a prompt meets, or None."""
        if not self.faults:
            return None
        place = draw(self.seed, "fault", text)
        for fault in self.faults:
            strikes = place < fault.share if fault.containing is None else fault.containing in text
            if strikes:
                return fault if fault.attempts is None or attempt < fault.attempts else None
            if fault.containing is None:
                place -= fault.share
        return None

    def is_slow(self, text: str, attempt: int) -> bool:
        """Whether a request takes ``slow_s``."""
        if not self.slow_share or attempt:
            return False
        return draw(self.seed, "slow", text) < self.slow_share

    def as_json(self) -> dict[str, Any]:
        """For `from_json` in another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settings:
        """Errors: `TypeError` for a name that is no setting, `ValueError` for an unknown fault."""
        known = {field.name for field in fields(cls)}
        if not known >= value.keys():
            raise TypeError(f"no settings: {sorted(value.keys() - known)}")
        faults = tuple(Fault(**fault) for fault in value.get("faults", ()))
        return cls(**{**value, "faults": faults})


def draw(seed: int, kind: str, text: str) -> float:
    """A number in [0, 1) that only the arguments decide."""
    words = f"{seed}\0{kind}\0{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(words, digest_size=7).digest()) / 2**56
