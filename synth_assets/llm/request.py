"""What goes to an endpoint and what comes back, before it means anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from synth_assets.identity import canonical_json, content_hash

Message = Mapping[str, str]
"""One turn: ``{"role": "system" | "user" | "assistant", "content": text}``."""

ReplyStatus = Literal["ok", "cut", "refused", "empty", "failed"]
"""``ok``: text with a natural end. ``cut``: finish_reason length. ``refused``: the provider's
content filter. ``empty``: no text. ``failed``: no reply; the error's kind is in ``Reply.error``."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of one model.

    model: the recipe's own name of a model (``careful``), resolved by the engine.
    messages: the turns, system text first where there is one.
    sampling: ``temperature``, ``top_p``, ``max_tokens``, ``presence_penalty``, ``stop`` …: all
        of it is part of the identity.
    response_schema: a JSON schema for a structured reply, or None. Its ``title`` names it.
    round, sample_index: which draw this is. Generation counts its draws inside a round; a
        completion counts per prompt, with round 0, so that every round shares it.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    response_schema: Mapping[str, Any] | None = None
    round: int = 0
    sample_index: int = 0

    @property
    def wants_body(self) -> bool:
        """Does it ask for probabilities of tokens? They stand in the body of the reply only."""
        asked = (self.sampling.get(name) for name in ("logprobs", "prompt_logprobs"))
        return any(value is not None and value is not False for value in asked)

    def seed(self) -> int:
        """The draw as one number for endpoints that take a ``seed`` (round 0 keeps the index)."""
        return self.round * 1_000_003 + self.sample_index

    def canonical(self) -> str:
        """The part of the identity that does not depend on where the model is served."""
        return canonical_json(
            {
                "messages": [dict(message) for message in self.messages],
                "sampling": dict(self.sampling),
                "response_schema": None
                if self.response_schema is None
                else dict(self.response_schema),
                "round": self.round,
                "sample_index": self.sample_index,
            }
        )

    def key(self, *, provider: str, endpoint: str, model: str) -> str:
        """Identity of the request as sent; ``endpoint`` comes without userinfo or credentials."""
        return content_hash(*key_parts(provider, endpoint, model), self.canonical())


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request. ``text`` is None exactly when status is empty or failed.
    body: as it came, where the request asked for probabilities of tokens (see `read_logprobs`)."""

    call_id: str
    status: ReplyStatus
    text: str | None
    finish_reason: str | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    is_cached: bool = False
    body: str | None = None


def key_parts(provider: str, endpoint: str, model: str) -> list[str]:
    """What a key is made of beside the request's canonical form, which comes last."""
    return ["request-1", provider, endpoint, model]


Ask = Callable[[Iterable[Request]], Iterator[Reply]]
"""The only effect a method has: one reply per request, in the order of the requests. Requests
are consumed, and replies given, in batches, so that a million never sit in memory at once."""


def user(text: str) -> Message:
    """One user turn."""
    return {"role": "user", "content": text}


def system(text: str) -> Message:
    """The system text of a request."""
    return {"role": "system", "content": text}
